"""What is shown of payouts: lists page by page, a day, a history."""

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Row, Select, and_, or_, select

from billing.domain import ListedPayout, Payout, PayoutStatus
from billing.history import payout_transitions
from billing.models import as_id, payout_of, payouts
from chassis.database import Reading
from chassis.days import NotADay, read_day
from chassis.paging import Page, page_of, read_cursor
from chassis.prepared import prepared
from chassis.refusals import Problem
from chassis.runtime import query


def payouts_page(
    limit: int,
    cursor: str | None,
    user_id: str | None = None,
    day: date | None = None,
    status: PayoutStatus | None = None,
) -> Page[ListedPayout]:
    """One page of payouts, newest day first. Raises Problem (422) for a bad cursor."""
    rows = query(
        _some_payouts, limit + 1, _last_seen(cursor), user_id=user_id, day=day, status=status
    )
    return page_of(rows, limit, lambda payout: (payout.date.isoformat(), payout.id))


def _last_seen(cursor: str | None) -> tuple[date, str] | None:
    values = read_cursor(cursor, str, str)
    if values is None:
        return None
    try:
        return read_day(values[0]), values[1]
    except NotADay as broken:
        raise Problem(422, _l("`after` must be the `next` of an earlier page.")) from broken


def _some_payouts(
    reading: Reading,
    limit: int,
    after: tuple[date, str] | None,
    *,
    user_id: str | None = None,
    day: date | None = None,
    status: PayoutStatus | None = None,
) -> list[ListedPayout]:
    """Payouts, newest day first, at most `limit`; `after` is (day, id) of the last one seen."""
    before, last_id = after or (None, None)
    wanted = _wanted(
        user_id=None if user_id is None else as_id(user_id),
        day=day,
        status=status,
        before=before,
        last_id=None if last_id is None else as_id(last_id),
        limit=limit,
    )
    return [_listed(row) for row in reading.execute(wanted)]


def _listed(row: Row[Any]) -> ListedPayout:
    values = list(row)
    values[_STATUS] = PayoutStatus(values[_STATUS])
    return ListedPayout._make(values)


_STATUS = ListedPayout._fields.index("status")


@prepared
def _wanted(
    *,
    user_id: str | None,
    day: date | None,
    status: PayoutStatus | None,
    before: date | None,
    last_id: str | None,
    limit: int,
) -> Select[Any]:
    wanted = select(*(payouts.c[name] for name in ListedPayout._fields))
    wanted = wanted.order_by(payouts.c.date.desc(), payouts.c.id.desc()).limit(limit)
    if user_id is not None:
        wanted = wanted.where(payouts.c.user_id == user_id)
    if day is not None:
        wanted = wanted.where(payouts.c.date == day)
    if status is not None:
        wanted = wanted.where(payouts.c.status == status)
    if before is not None:
        same_day = and_(payouts.c.date == before, payouts.c.id < last_id)
        wanted = wanted.where(or_(payouts.c.date < before, same_day))
    return wanted


def payouts_of_day(reading: Reading, day: date) -> list[Payout]:
    """All payouts of one business day, by id."""
    rows = reading.execute(select(payouts).where(payouts.c.date == day).order_by(payouts.c.id))
    return [payout_of(row) for row in rows]


def history(reading: Reading, payout_id: str) -> list[Row[Any]]:
    """Every move of a payout, oldest first: from_status, to_status, at, by, why."""
    return list(
        reading.execute(
            select(payout_transitions)
            .where(payout_transitions.c.payout_id == payout_id)
            .order_by(payout_transitions.c.id)
        )
    )


def paid_people(reading: Reading, most: int) -> list[str]:
    """The ids of people who have payouts, at most `most`."""
    return list(reading.execute(_paid(most)).scalars())


@prepared
def _paid(most: int) -> Select[Any]:
    return select(payouts.c.user_id).distinct().order_by(payouts.c.user_id).limit(most)
