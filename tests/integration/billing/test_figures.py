"""What Prometheus hears of payouts."""

from billing.figures import figures
from tests.integration.billing.conftest import DECLINED_CARD, Desk


def _told(desk: Desk) -> dict[str, float]:
    figure, open_claims = desk.runtime.database.read(figures)
    assert (figure.name, figure.label) == ("payouts", "status")
    assert (open_claims.name, open_claims.value) == ("payout_claims_open", 0)
    return dict(figure.values)


def test_every_status_is_told_also_where_there_is_nothing(desk: Desk) -> None:
    nothing = dict.fromkeys(
        (
            *("waiting_for_card", "ready", "sending"),
            *("succeeded", "failed", "unknown", "needs_person", "cancelled"),
        ),
        0,
    )
    assert _told(desk) == nothing
    desk.request("p1", "ann")
    desk.request("p2", "bob")
    assert _told(desk) == nothing | {"waiting_for_card": 2}
    desk.store_card("ann")
    desk.store_card("bob", DECLINED_CARD)
    while desk.run_job():
        pass
    assert _told(desk) == nothing | {"succeeded": 1, "failed": 1}
