"""Where gateways tell by themselves what has become of a payout.

No cookie and no person. The bank signs the raw body; YooKassa signs nothing, so anybody
may write in its name: what he gains is that YooKassa is asked once.
"""

from flask import Blueprint, abort, request

from billing import notices
from billing.gateway import Forged, Notice
from billing.gateways import GATEWAYS
from billing.gateways import yookassa as kassa
from billing.gateways.bank import BankGateway
from billing.gateways.yookassa import YooKassaGateway
from chassis.access import public
from chassis.runtime import runtime

pages = Blueprint("webhooks", __name__)

BODY_MOST = 16_384
# YooKassa repeats what is not answered with just this.
TAKEN = {BankGateway.name: 204, YooKassaGateway.name: 200}


@pages.post("/webhooks/<gateway>")
@public
def tell(gateway: str) -> tuple[str, int]:
    """Take what a gateway tells: the same answer if it is known; 401 if it is forged."""
    request.max_content_length = BODY_MOST
    if gateway not in GATEWAYS or (gateway == YooKassaGateway.name and not _uses_yookassa()):
        abort(404)
    body = request.get_data(cache=False)
    try:
        notice = _read(gateway, body)
    except Forged:
        abort(401)
    if notice:
        notices.keep(runtime.database, gateway, notice)
    return "", TAKEN[gateway]


def _uses_yookassa() -> bool:
    return bool(runtime.settings.yookassa_agent_id)


def _read(gateway: str, body: bytes) -> Notice | None:
    if gateway == BankGateway.name:
        headers = dict(request.headers)
        return BankGateway(runtime).read_notice(headers, body, runtime.clock.now())
    told = kassa.read_notice(body)
    return runtime.database.read(notices.unsigned, gateway, told)
