"""The real payout code against a model: any order of steps, crashes and answers (rule 14).

Here a few lives are tried, the same each time; `make payout-machine` tries many others. What
must be found is planted in test_planted_payouts.
"""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.billing.payout_machine import PayoutMachine
from tests.integration.billing.payout_world import at_work
from tests.support import Workbench

STEPS = 25
FEW = 100


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workbench]:
    """Billing on either engine."""
    with at_work(request.param, tmp_path_factory.mktemp("machine")) as made:
        yield made


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--payout-examples"))


def test_whatever_happens_a_payout_keeps_to_the_model(
    bench: Workbench, examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PayoutMachine, "bench", bench, raising=False)
    run_state_machine_as_test(
        PayoutMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=examples < FEW,
            database=None,
            report_multiple_bugs=False,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
