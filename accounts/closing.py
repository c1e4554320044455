"""Closing business days (rule 10): in small transactions, resumable, by any number at once.

`begin_closing` moves the watermark, so that the days are fixed; `close_chunk` settles
the next accounts and can be called by anybody until nothing is left.
"""

from datetime import date, timedelta
from typing import Any

from accounts import calendar_rules, commands, days, domain, ledger
from accounts.calendar_rules import CLOSED, CLOSING, BusinessDay, DayInTheFuture
from accounts.domain import Cents
from accounts.models import business_days, ledger_state
from chassis.database import Database, Transaction
from contracts.accounts import PayoutRequested

CLOSE_DAYS = "close days"
ACCOUNTS_AT_ONCE = 1_000


def close_day(database: Database, day: date, by: str) -> BusinessDay:
    """Close a day and every earlier open one; gives its figures, also if it was closed before.

    Raises DayInTheFuture. A crash in the middle is finished by the job "close days".
    """
    database.run(begin_closing, day, by)
    while database.run(close_chunk):
        pass
    return database.read(days.business_day, day)


def begin_closing(tx: Transaction, day: date, by: str) -> None:
    """From now on nothing but payouts is booked on this day or an earlier one.

    Today may be closed too: what comes later today counts for tomorrow. Raises
    DayInTheFuture.
    """
    if day > tx.today:
        raise DayInTheFuture(day)
    through = ledger.closed_through_for_update(tx)
    if through is not None and day <= through:
        return
    last_position = ledger.last_position(tx)
    to_close = {*ledger.days_with_entries(tx, through, day), day}
    tx.insert(
        business_days,
        [
            {
                "date": each,
                "status": CLOSING,
                "last_user_id": "",
                "payouts": 0,
                "amount": 0,
                "last_position": last_position,
                "started_at": tx.now,
                "closed_by": by,
            }
            for each in sorted(to_close)
        ],
    )
    tx.execute(ledger_state.update().values(closing_through=day))
    tx.wake(CLOSE_DAYS)


def close_chunk(tx: Transaction) -> bool:
    """Settle the next accounts of the earliest day being closed; False if there is none.

    Payouts, their events and how far we got are one commit: a crash repeats or loses
    nothing, and who runs beside us waits for the day's row and goes on behind us.
    """
    ledger.closed_through(tx)
    closing = ledger.earliest_closing(tx)
    if closing is None:
        return False
    chunk = ledger.accounts_after(tx, closing.last_user_id, ACCOUNTS_AT_ONCE)
    paid = _pay(tx, closing.date, chunk)
    progress: dict[str, Any] = {
        "payouts": business_days.c.payouts + len(paid),
        "amount": business_days.c.amount + sum(paid),
    }
    if len(chunk) < ACCOUNTS_AT_ONCE:
        progress |= {"status": CLOSED, "closed_at": tx.now}
    if chunk:
        progress |= {"last_user_id": next(reversed(chunk))}
    tx.execute(
        business_days.update().where(business_days.c.date == closing.date).values(**progress)
    )
    return True


def _pay(tx: Transaction, day: date, balances: dict[str, Cents]) -> list[Cents]:
    """Pay out what these accounts hold at the end of the day; gives the amounts."""
    due = calendar_rules.amounts_due(balances, ledger.sums_after(tx, day, list(balances)))
    booked = commands.post(
        tx,
        [domain.payout(user_id, day, amount, tx.now) for user_id, amount in due.items()],
        balances,
    )
    for entry in booked:
        tx.emit(
            PayoutRequested(
                payout_id=entry.transaction_id,
                user_id=entry.user_id,
                date=day,
                amount=-entry.sum,
                currency=tx.settings.currency,
            ),
            bulk=True,
        )
    return [-entry.sum for entry in booked]


def close_finished_days(database: Database) -> bool:
    """One step of closing every day that is over; False when nothing is left to do.

    Before its first night the ledger stays open, so that history can still be brought in.
    """
    state = database.read(days.state)
    yesterday = state.today - timedelta(days=1)
    overdue = state.used and (state.closed_through is None or state.closed_through < yesterday)
    if overdue:
        database.run(begin_closing, yesterday, calendar_rules.THE_CLOCK)
    elif not state.closing:
        return False
    return database.run(close_chunk)
