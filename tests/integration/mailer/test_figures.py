"""What Prometheus hears of mails."""

from collections.abc import Callable

from contracts.accounts import PayoutRequested
from mailer.figures import figures
from tests.integration.mailer.conftest import DAY
from tests.support import Workbench


def test_mails_are_told_by_status(at_work: Callable[..., Workbench]) -> None:
    bench = at_work()
    runtime = bench.runtime()

    def told() -> dict[str, float]:
        (figure,) = runtime.database.read(figures)
        assert (figure.name, figure.label) == ("mails", "status")
        return dict(figure.values)

    nothing = {"queued": 0, "sending": 0, "sent": 0, "failed": 0, "kept": 0}
    assert told() == nothing
    for number in (1, 2):
        bench.hear(
            PayoutRequested(
                payout_id=f"p{number}", user_id=f"u{number}", date=DAY, amount=100, currency="USD"
            )
        )
    assert told() == nothing | {"queued": 2}
    bench.settle()
    assert told() == nothing | {"kept": 2}
