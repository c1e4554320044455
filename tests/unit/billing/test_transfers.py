"""What counts as a difference between our payouts and a gateway's book, and what does not."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from billing.books import Asked, Books, Kind, Transfer
from billing.domain import PayoutStatus
from billing.transfers import transfer_differences

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PAYOUT = Asked(
    payout_id="p1",
    user_id="ann",
    day=date(2026, 3, 9),
    amount=1_250,
    currency="USD",
    status=PayoutStatus.SUCCEEDED,
    keys=("k", "k.1"),
    reference="R1",
    updated_at=NOW,
    next_attempt_at=None,
    last_noted="succeeded",
)
PAID = Transfer("k", "R1", 1_250, "USD", "paid")
RETURNED = replace(PAID, status="returned")
AGAIN = replace(PAID, key="k.1", reference="R2")


def _kinds(payout: Asked, *lines: Transfer) -> list[Kind]:
    return [each.kind for each in transfer_differences(Books(asked=[payout], transfers=lines))]


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (PayoutStatus.SUCCEEDED, [PAID]),
        # Refused under the first key, paid under the second.
        (PayoutStatus.SUCCEEDED, [replace(PAID, key="k.1")]),
        # Paid, taken back by the bank, failed here.
        (PayoutStatus.FAILED, [RETURNED]),
        # The bank may know before we do.
        (PayoutStatus.SENDING, [PAID]),
        (PayoutStatus.UNKNOWN, [PAID]),
        (PayoutStatus.NEEDS_PERSON, [replace(PAID, amount=1)]),
        # Paid once too often, and dealt with by a person.
        (PayoutStatus.SUCCEEDED, [PAID, replace(AGAIN, settled=True)]),
        (PayoutStatus.CANCELLED, [replace(PAID, settled=True)]),
        (PayoutStatus.READY, []),
        (PayoutStatus.CANCELLED, []),
    ],
)
def test_these_agree(status: PayoutStatus, lines: list[Transfer]) -> None:
    assert _kinds(replace(PAYOUT, status=status), *lines) == []


@pytest.mark.parametrize(
    ("status", "lines", "kinds"),
    [
        (PayoutStatus.SUCCEEDED, [], [Kind.NO_TRANSFER]),
        (PayoutStatus.SUCCEEDED, [RETURNED], [Kind.NO_TRANSFER]),
        (PayoutStatus.SUCCEEDED, [PAID, AGAIN], [Kind.TRANSFER_TWICE]),
        (PayoutStatus.SUCCEEDED, [replace(PAID, reference="R9")], [Kind.REFERENCE]),
        (PayoutStatus.CANCELLED, [PAID], [Kind.TRANSFER_OF_UNPAID]),
        (PayoutStatus.FAILED, [AGAIN], [Kind.TRANSFER_OF_UNPAID]),
        (PayoutStatus.UNKNOWN, [replace(PAID, amount=1)], [Kind.TRANSFER_AMOUNT]),
        (PayoutStatus.SUCCEEDED, [replace(PAID, currency="RUB")], [Kind.TRANSFER_CURRENCY]),
        (PayoutStatus.SUCCEEDED, [PAID, replace(PAID, key="x")], [Kind.TRANSFER_OF_NOTHING]),
        # Its own transfer was settled by a person; the other one was not.
        (
            PayoutStatus.SUCCEEDED,
            [replace(PAID, settled=True), AGAIN],
            [Kind.TRANSFER_TWICE],
        ),
        (PayoutStatus.SUCCEEDED, [PAID, replace(RETURNED, key="x")], []),
    ],
)
def test_these_differ(status: PayoutStatus, lines: list[Transfer], kinds: list[Kind]) -> None:
    assert _kinds(replace(PAYOUT, status=status), *lines) == kinds
