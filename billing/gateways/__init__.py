"""The adapters behind `billing.gateway`, and which of them is used."""

from collections.abc import Callable

from billing.gateway import Gateway
from billing.gateways.sandbox import SandboxGateway
from chassis.runtime import Runtime

# By the name in POPUG_GATEWAY. A payout keeps to the gateway that it was made for.
GATEWAYS: dict[str, Callable[[Runtime], Gateway]] = {
    "sandbox": lambda runtime: SandboxGateway(runtime.database),
}
