"""The adapters behind `billing.gateway`, and which of them is used."""

from collections.abc import Callable

from billing.gateway import Gateway
from billing.gateways.bank import BankGateway
from billing.gateways.yookassa import YooKassaGateway
from chassis.runtime import Runtime

# By the name in POPUG_GATEWAY. A payout keeps to the gateway that it was made for.
GATEWAYS: dict[str, Callable[[Runtime], Gateway]] = {
    "sandbox": BankGateway,
    "yookassa": lambda runtime: YooKassaGateway(runtime.settings),
}
# Those that show no book, as people call them: what they have paid cannot be compared.
BOOKLESS = {YooKassaGateway.name: "YooKassa"}
