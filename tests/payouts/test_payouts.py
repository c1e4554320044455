"""The campaign in short: real processes, every fault, and kills of the worker and the bank."""

from pathlib import Path

import pytest

from tests.payouts.campaign import Campaign, why_not


@pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
def test_every_payout_is_paid_once_or_waits_for_a_person(tmp_path: Path) -> None:
    report = Campaign(tmp_path, 60, 7, lambda _: None, least_kills=2).run()
    assert sum(report.statuses.values()) == 60
    assert report.statuses["succeeded"] > 40
    assert report.kills >= 1 and report.bank_kills >= 1
