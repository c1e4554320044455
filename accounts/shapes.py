"""What the REST side takes and gives."""

import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from accounts import domain
from accounts.calendar_rules import BusinessDay
from accounts.domain import Entry
from chassis.days import WrittenDay
from chassis.events import EventId
from chassis.openapi import Input, Listing

# Fields are named `date` and `datetime`, which would hide the module.
CalendarDay = datetime.date
Moment = datetime.datetime


def _no_control_characters(text: str) -> str:
    if not domain.is_plain_text(text):
        raise ValueError("must not hold control characters")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("say why, in a few words")
    return text.strip()


Kind = Literal["fee", "reward", "payout", "reversal"]


class AccountOut(BaseModel):
    """An account; amounts in cents. `today`: what work changed on this business day."""

    user_id: str
    balance: int
    today: int
    currency: str


class PayoutsQuery(Listing):
    """The payouts of one business day."""

    date: WrittenDay


class BookedPayoutOut(BaseModel):
    """A payout as the ledger has it; cents. `returned`: what of it was given back, if anything."""

    payout_id: str
    user_id: str
    date: CalendarDay
    amount: int
    returned: int | None
    booked_at: Moment


class BookedPayoutsOut(BaseModel):
    """One page of a day's payouts, by person."""

    items: list[BookedPayoutOut]
    next: str | None


class TransactionOut(BaseModel):
    """The popug's side of a transaction; `balance` is the one after it, in cents.

    `datetime` is the entry's own time, `day` the business day that it is booked on.
    """

    id: str
    datetime: Moment
    day: CalendarDay
    user_id: str
    kind: Kind
    task_id: str | None
    sum: int
    balance: int
    note: str

    @classmethod
    def of(cls, entry: Entry) -> "TransactionOut":
        return cls(
            id=entry.transaction_id,
            datetime=entry.occurred_at,
            day=entry.day,
            user_id=entry.user_id,
            kind=entry.kind,  # type: ignore[arg-type]
            task_id=entry.task_id,
            sum=entry.sum,
            balance=entry.balance,
            note=entry.note,
        )


class TransactionsOut(BaseModel):
    """A page of transactions, newest first."""

    items: list[TransactionOut]
    next: str | None


class TransactionsQuery(Listing):
    """Of one business day, of one task, or of all."""

    day: WrittenDay | None = None
    task_id: EventId | None = None


class NewReversal(Input):
    """Which transaction to undo, and why."""

    transaction_id: str = Field(min_length=1, max_length=domain.MOST_CHARACTERS_OF_AN_ID)
    reason: Annotated[
        str,
        Field(min_length=1, max_length=500),
        AfterValidator(_no_control_characters),
        AfterValidator(_not_blank),
    ]


class CompanyDayOut(BaseModel):
    """A business day of the company, in cents: `earned` = `fees` − `rewards`.

    `corrected` is what reversals of fees and rewards changed that day; it is no part of
    `earned`.
    """

    date: CalendarDay
    fees: int
    rewards: int
    earned: int
    payouts: int
    corrected: int
    closed: bool


class CompanyOut(BaseModel):
    """Days, oldest first."""

    items: list[CompanyDayOut]
    next: str | None


class DayOut(BaseModel):
    """A business day: how many payouts were made for it, and of how many cents in all."""

    date: CalendarDay
    status: Literal["open", "closing", "closed"]
    payouts: int
    amount: int

    @classmethod
    def of(cls, day: BusinessDay) -> "DayOut":
        return cls(
            date=day.date,
            status=day.status,  # type: ignore[arg-type]
            payouts=day.payouts,
            amount=day.amount,
        )


class CheckOut(BaseModel):
    """One invariant; `detail` names what breaks it."""

    name: str
    ok: bool
    detail: str


class ReconciliationOut(BaseModel):
    """The ledger's own invariants."""

    checks: list[CheckOut]
