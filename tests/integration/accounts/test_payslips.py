"""A pay slip lists exactly the entries behind the amount, whatever has happened before."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from io import BytesIO
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from accounts import closing, commands, days, domain, ledger, models, payslips
from accounts.commands import CancelledPayout
from accounts.domain import Entry
from accounts.payslips import NoPayslip
from chassis.database import Database, Reading
from tests.integration.accounts.desk import PAGES, TODAY, assigned, at, booked, cancelled, closed
from tests.support import NOON, Workbench
from tests.tables import cents, page_rows

YESTERDAY = TODAY - timedelta(days=1)
NUMBERS = count()

# What may happen: (what, whom or which, cents, how many days late).
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("fee", "fee", "reward", "undo", "cancel", "close", "night", "night")),
        st.integers(0, 2),
        st.integers(1, 5_000),
        st.integers(0, 3),
    ),
    max_size=25,
)


class Story:
    """Three popugs of its own, to whom it happens on the days after those of other stories."""

    def __init__(self, bench: Workbench, database: Database) -> None:
        self.bench, self.database, self.number = bench, database, next(NUMBERS)
        self.people = [f"u{self.number}-{n}" for n in range(3)]

    def happen(self, what: str, which: int, amount: int, late: int) -> None:
        now = self.bench.clock.now()
        own_time = now - timedelta(days=late)
        thing = f"x{next(NUMBERS)}"
        if what == "fee":
            self.bench.hear(assigned(thing, self.people[which], amount, own_time))
        elif what == "reward":
            self.bench.hear(closed(thing, self.people[which], amount, own_time))
        elif what == "undo":
            for entry in self._some(which, *domain.WORK):
                self.database.run(commands.post, [domain.correction(entry, "no", "carol", now)])
        elif what == "cancel":
            for entry in self._some(which, domain.PAYOUT):
                came_back = CancelledPayout(
                    entry.transaction_id, entry.user_id, -entry.sum, "declined"
                )
                self.database.run(commands.return_payouts, [came_back])
        elif what == "close":
            closing.close_day(self.database, self.database.read(_today), "carol")
        else:
            self.bench.clock.advance(days=1)

    def entries(self) -> list[Entry]:
        query = models.entry_query().where(models.entries.c.user_id.in_(self.people))
        with self.database.reading() as reading:
            rows = reading.execute(query.order_by(models.entries.c.position)).all()
        return [models.entry_of(row) for row in rows]

    def _some(self, which: int, *kinds: str) -> list[Entry]:
        """The entry of this number among those of these kinds, if it was not undone yet."""
        mine = [entry for entry in self.entries() if entry.kind in kinds]
        undone = self.database.read(
            ledger.already_posted, {(domain.REVERSAL, entry.transaction_id) for entry in mine}
        )
        return [e for e in mine if (domain.REVERSAL, e.transaction_id) not in undone][which:][:1]


def _today(reading: Reading) -> date:
    return reading.today


def ids(entries: Sequence[Entry]) -> list[str]:
    return sorted(entry.transaction_id for entry in entries)


@given(steps=STEPS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_each_entry_is_behind_exactly_one_payout_or_behind_what_is_carried_over(
    bench: Workbench, database: Database, steps: list[tuple[str, int, int, int]]
) -> None:
    story = Story(bench, database)
    bench.clock.advance(days=5)
    for step in steps:
        story.happen(*step)
    bench.clock.advance(days=1)
    bench.settle()
    through = database.read(days.watermark)
    for person in story.people:
        mine = [entry for entry in story.entries() if entry.user_id == person]
        if not mine or through is None:
            continue
        paid = {entry.day: -entry.sum for entry in mine if entry.kind == domain.PAYOUT}
        work = [entry for entry in mine if entry.kind != domain.PAYOUT]
        for day in sorted({entry.day for entry in mine if entry.day <= through} | {through}):
            slip = database.read(payslips.payslip, person, day)
            # Told in another way than the code: what no earlier payout has taken.
            behind = [e for e in work if e.day <= day and not any(e.day <= d < day for d in paid)]
            assert ids(slip.entries) == ids(behind)
            assert slip.paid == paid.get(day, 0)
            total = sum(entry.sum for entry in slip.entries)
            assert total == slip.paid if day in paid else total <= 0
            assert slip.left == min(total, 0)
            assert slip.carried_sum <= 0, "credit is paid, and only debts are carried over"
            assert all(entry.day == day for entry in slip.own)


def test_a_slip_with_a_debt_a_late_entry_and_a_correction(
    bench: Workbench, database: Database
) -> None:
    bench.hear(assigned("a1", "ann", 1500, at(8)))  # a debt of the 8th
    bench.settle()
    bench.hear(closed("t1", "ann", 3000, at(8, 23)))  # of the 8th, but that is closed
    bench.hear(assigned("a2", "ann", 400))
    (fee,) = booked(database, "transaction_id", kind="fee", sum=-1500)
    database.run(commands.reverse, fee, "wrong popug", "carol")
    closing.close_day(database, TODAY, "carol")
    slip = database.read(payslips.payslip, "ann", TODAY)
    assert [entry.sum for entry in slip.carried] == [-1500]
    assert [entry.sum for entry in slip.own] == [3000, -400, 1500]
    assert (slip.carried_sum, slip.own_sum, slip.paid, slip.left) == (-1500, 4100, 2600, 0)
    assert list(slip.own_days.values()) == [date(2026, 3, 8)]
    debt = database.read(payslips.payslip, "ann", date(2026, 3, 8))
    assert (debt.paid, debt.left, debt.payout) == (0, -1500, None)


def test_a_payout_that_came_back_is_on_the_slip_and_in_the_next_one(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 3000))
    closing.close_day(database, TODAY, "carol")
    (payout,) = booked(database, "transaction_id", kind="payout")
    bench.hear(cancelled(payout, "ann", 3000, "declined"))
    tomorrow = TODAY + timedelta(days=1)
    assert database.read(payslips.payslip, "ann", TODAY).returned_on == tomorrow
    bench.clock.advance(days=1)
    closing.close_day(database, tomorrow, "carol")
    slip = database.read(payslips.payslip, "ann", tomorrow)
    assert [(entry.kind, entry.sum) for entry in slip.entries] == [("reversal", 3000)]
    assert slip.paid == 3000


def test_there_is_none_before_the_day_is_closed_or_for_somebody_unknown(
    bench: Workbench, database: Database
) -> None:
    bench.hear(closed("t1", "ann", 3000))
    for user_id, day in (("ann", TODAY), ("ann", TODAY + timedelta(days=1)), ("new", YESTERDAY)):
        with pytest.raises(NoPayslip):
            database.read(payslips.payslip, user_id, day)
    database.run(closing.begin_closing, TODAY, "carol")
    with pytest.raises(NoPayslip):
        database.read(payslips.payslip, "ann", TODAY)


@pytest.fixture
def slips(bench: Workbench, database: Database) -> Iterator[str]:
    """Ann's day with a carried debt, a late entry and a correction; gives the page's path."""
    bench.fakes["auth"].lists["/api/v1/users"] = [
        {"id": "ann", "name": "Анна Перо"},
        {"id": "carol", "name": "Carol Beak"},
    ]
    bench.fakes["tasks"].lists["/api/v1/tasks"] = [
        {"id": "t1", "title": "Покрасить клетку"},
        {"id": "task-of-a1", "title": "Paint <the> cage"},
    ]
    bench.hear(assigned("a1", "ann", 1500, at(8)))
    bench.settle()
    bench.hear(closed("t1", "ann", 300000, at(8, 23)), assigned("a2", "ann", 400))
    (fee,) = booked(database, "transaction_id", kind="fee", sum=-1500)
    database.run(commands.reverse, fee, "wrong popug", "carol")
    closing.close_day(database, TODAY, "carol")
    yield f"{PAGES}/payslips/ann/{TODAY}"


def shown(page: str) -> list[int]:
    """The sums of the entries on the page, in cents, then those of the foot."""
    return [cents(row[-1]) for row in page_rows(page)]


def test_the_page_lists_the_entries_and_adds_up(bench: Workbench, slips: str) -> None:
    mine = bench.client("worker", "ann").get(f"{PAGES}/payslips/me/{TODAY}")
    assert mine.status_code == 200
    assert shown(mine.text) == [-1500, 300000, -400, 1500, -1500, 301100, 299600, 0]
    for words in ("Paint &lt;the&gt; cage", "Покрасить клетку", "came late, of Mar 8, 2026"):
        assert words in mine.text
    for words in ("Анна Перо", "wrong popug — Carol Beak", "$2,996.00", "Reversal (fee)"):
        assert words in mine.text
    other = bench.client("accountant").get(slips)
    assert shown(other.text) == shown(mine.text)
    russian = bench.client("worker", "ann", language="ru").get(f"{PAGES}/payslips/me/{TODAY}")
    assert shown(russian.text) == shown(mine.text)
    assert "Расчётный лист" in russian.text


def test_somebody_elses_slip_is_not_found(bench: Workbench, slips: str) -> None:
    for role in ("worker", "manager"):
        for path in (slips, f"{slips}.pdf"):
            assert bench.client(role, "bob").get(path).status_code == 404
    for role, user_id in (("worker", "ann"), ("accountant", None), ("admin", None)):
        assert bench.client(role, user_id).get(slips).status_code == 200
    assert bench.client("admin").get(f"{PAGES}/payslips/me/{TODAY}").status_code == 404
    assert bench.client("admin").get(f"{PAGES}/payslips/попуг/{TODAY}").status_code == 404
    assert bench.client("admin").get(f"{PAGES}/payslips/ann/2026-03-32").status_code == 422


def test_the_account_leads_to_the_slips_of_closed_days(bench: Workbench, slips: str) -> None:
    bench.hear(assigned("a5", "ann", 100, at(11)))
    mine = bench.client("worker", "ann").get(f"{PAGES}/").text
    assert f"/payslips/me/{TODAY}" in mine
    assert "/payslips/me/2026-03-08" in mine
    assert "/payslips/me/2026-03-11" not in mine
    assert slips in bench.client("accountant").get(f"{PAGES}/users/ann").text


def text_of(pdf: bytes) -> str:
    """All text of a PDF without spaces, as lines are broken anew there."""
    reader = PdfReader(BytesIO(pdf))
    return re.sub(r"\s", "", "".join(page.extract_text() for page in reader.pages))


def without_spaces(*words: str) -> list[str]:
    return [re.sub(r"\s", "", word) for word in words]


def test_the_pdf_holds_what_the_page_shows_in_both_languages(bench: Workbench, slips: str) -> None:
    client = bench.client("accountant")
    expected = {
        "en": ("Pay slip of Mar 10, 2026", "$3,000.00", "-$15.00", "Paid for this day"),
        "ru": (
            "Расчётный лист за 10 мар. 2026",
            "3 000,00 $",
            "-15,00 $",
            "Выплачено за этот день",
        ),
    }
    for language, words in expected.items():
        answer = client.get(f"{slips}.pdf?language={language}")
        assert answer.content_type == "application/pdf"
        assert f"payslip-2026-03-10-{language}.pdf" in answer.headers["Content-Disposition"]
        text = text_of(answer.data)
        both = ("Анна Перо", "Paint <the> cage", "Покрасить клетку", "wrong popug — Carol Beak")
        for word in without_spaces(*words, *both):
            assert word in text, (language, word, text)
        page = bench.client("accountant", language=language).get(slips).text
        for row in page_rows(page):
            for cell in without_spaces(*row):
                assert cell in text, (language, cell, text)
        assert PdfReader(BytesIO(answer.data)).metadata.title.startswith(words[0])  # type: ignore[union-attr]
    reader = bench.client("accountant", language="ru").get(f"{slips}.pdf").data
    assert "Расчётныйлист" in text_of(reader), "by default in the reader's language"
    assert client.get(f"{slips}.pdf?language=xx").status_code == 422


def test_it_shows_without_tasks_and_auth(bench: Workbench, slips: str) -> None:
    bench.fakes["tasks"].away = bench.fakes["auth"].away = True
    client = bench.client("worker", "ann")
    page = client.get(f"{PAGES}/payslips/me/{TODAY}").text
    assert "name unavailable" in page
    assert "title unavailable" in page
    assert shown(page)[-2] == 299600
    assert "nameunavailable" in text_of(client.get(f"{PAGES}/payslips/me/{TODAY}.pdf").data)


def test_a_long_slip_goes_on_over_pages_and_misses_nothing(
    bench: Workbench, database: Database
) -> None:
    bench.hear(*[assigned(f"a{n}", "ann", 100 + n) for n in range(150)])
    bench.hear(closed("t", "ann", 9_000_000, NOON))
    closing.close_day(database, TODAY, "carol")
    pdf = bench.client("worker", "ann").get(f"{PAGES}/payslips/me/{TODAY}.pdf").data
    assert len(PdfReader(BytesIO(pdf)).pages) > 2
    text = text_of(pdf)
    for n in range(150):
        assert f"-${(100 + n) / 100:.2f}" in text
    assert len(re.findall(r"-\$\d\.\d\d", text)) == 150
