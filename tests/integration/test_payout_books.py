"""Each kind of difference between the books of payouts is found, by the command and on the page.

What is planted is what a bug or a hand could do to the tables.
"""

import html
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

import accounts.facts
from billing import checks, reconciliation
from billing.books import Kind
from billing.models import payouts
from billing.reconciliation_pages import WORDS
from chassis.database import Reading
from popug.payout_books import INVARIANTS, payouts_agree
from tests.integration.lived_company import Company
from tests.support import NOON

PAGE = "/billing/reconciliation?from=2026-03-10&to=2026-03-11"
LONG_AGO = "2026-03-10 20:00:00.000000"


def _found(company: Company) -> dict[str, str]:
    runtimes = company.bench.embedded.runtimes
    findings = payouts_agree(runtimes) + checks.run(runtimes["billing"])
    return {finding.name: finding.detail for finding in findings if not finding.ok}


def _paid(company: Company) -> str:
    return company.one("billing", "SELECT id FROM payouts WHERE status = 'succeeded'")


def _cancelled(company: Company) -> str:
    return company.one("billing", "SELECT id FROM payouts WHERE status = 'cancelled'")


def _set(company: Company, payout: str, **values: str | int | None) -> str:
    columns = ", ".join(f"{name} = ?" for name in values)
    statement = f"UPDATE payouts SET {columns} WHERE id = ?"
    company.rows("billing", statement, *values.values(), payout)
    return payout


def _without_constraints(company: Company, service: str, table: str) -> None:
    """As if somebody had loaded the table from a dump without its keys."""
    for statement in (
        f"CREATE TABLE loose AS SELECT * FROM {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE loose RENAME TO {table}",
    ):
        company.rows(service, statement)


def _stuck(company: Company, status: str) -> str:
    payout = _paid(company)
    company.rows("bank", "DELETE FROM transfers")
    times = {"next_attempt_at": LONG_AGO, "updated_at": LONG_AGO}
    return _set(company, payout, status=status, gateway_ref=None, **times)


def _missing_in_billing(company: Company) -> str:
    payout = _cancelled(company)
    company.rows("billing", "DELETE FROM payouts WHERE id = ?", payout)
    return payout


def _not_booked(company: Company) -> str:
    payout = _paid(company)
    company.rows("accounts", "DELETE FROM entries WHERE transaction_id = ?", payout)
    return payout


def _amount(company: Company) -> str:
    return _set(company, _cancelled(company), amount=1)


def _person(company: Company) -> str:
    return _set(company, _cancelled(company), user_id="somebody-else")


def _day(company: Company) -> str:
    return _set(company, _cancelled(company), date="2026-03-11")


def _booked_twice(company: Company) -> str:
    payout = _paid(company)
    columns = "side, kind, user_id, task_id, occurred_at, day, sum, balance, note, posted_at"
    company.rows(
        "accounts",
        f"INSERT INTO entries (transaction_id, source_id, {columns}) "
        f"SELECT 'again', 'again', {columns} FROM entries WHERE transaction_id = ?",
        payout,
    )
    return payout


def _requested_twice(company: Company) -> str:
    payout = _paid(company)
    _without_constraints(company, "billing", "payouts")
    company.rows("billing", "INSERT INTO payouts SELECT * FROM payouts WHERE id = ?", payout)
    changed = "UPDATE payouts SET id = 'second' WHERE rowid = (SELECT max(rowid) FROM payouts)"
    company.rows("billing", changed)
    return "second"


def _not_returned(company: Company) -> str:
    return _set(company, _paid(company), status="cancelled")


def _returned_uncancelled(company: Company) -> str:
    return _set(company, _cancelled(company), status="failed")


def _returned_amount(company: Company) -> str:
    payout = _cancelled(company)
    company.rows(
        "accounts",
        "UPDATE entries SET sum = sum + 7 WHERE kind = 'reversal' AND source_id = ? "
        "AND side = 'popug'",
        payout,
    )
    return payout


def _no_transfer(company: Company) -> str:
    company.rows("bank", "DELETE FROM transfers")
    return _paid(company)


def _transfer_of_nothing(company: Company) -> str:
    company.rows(
        "bank",
        "INSERT INTO transfers (key, reference, amount, currency, card_last4, status, reason, at) "
        "VALUES ('k1', 'SBX-1', 100, 'USD', '1486', 'paid', '', ?)",
        "2026-03-11 01:00:00.000000",
    )
    return "k1"


def _transfer_of_unpaid(company: Company) -> str:
    return _set(company, _paid(company), status="failed")


def _transfer_twice(company: Company) -> str:
    _without_constraints(company, "bank", "transfers")
    company.rows("bank", "INSERT INTO transfers SELECT * FROM transfers")
    return _paid(company)


def _transfer_amount(company: Company) -> str:
    company.rows("bank", "UPDATE transfers SET amount = amount + 1")
    return _paid(company)


def _transfer_currency(company: Company) -> str:
    company.rows("bank", "UPDATE transfers SET currency = 'RUB'")
    return _paid(company)


def _reference(company: Company) -> str:
    return _set(company, _paid(company), gateway_ref="SBX-of-another")


def _reference_twice(company: Company) -> str:
    reference = company.one("billing", "SELECT gateway_ref FROM payouts WHERE status = 'succeeded'")
    return _set(company, _cancelled(company), gateway_ref=reference)


def _stale_sending(company: Company) -> str:
    return _stuck(company, "sending")


def _stale_unknown(company: Company) -> str:
    return _stuck(company, "unknown")


def _stale_ready(company: Company) -> str:
    return _stuck(company, "ready")


def _waits_with_card(company: Company) -> str:
    return _stuck(company, "waiting_for_card")


def _history(company: Company) -> str:
    return _set(company, _paid(company), status="failed")


def _no_mail(company: Company) -> str:
    payout = _paid(company)
    company.rows("mailer", "DELETE FROM mails WHERE kind = 'payout' AND payout_id = ?", payout)
    return payout


def _mail_of_nothing(company: Company) -> str:
    mail = company.one("mailer", "SELECT id FROM mails WHERE kind = 'payout' LIMIT 1")
    company.rows("mailer", "UPDATE mails SET payout_id = 'nobody-s' WHERE id = ?", mail)
    return mail


def _mail_twice(company: Company) -> str:
    payout = _paid(company)
    _without_constraints(company, "mailer", "mails")
    statement = "INSERT INTO mails SELECT * FROM mails WHERE kind = 'payout' AND payout_id = ?"
    company.rows("mailer", statement, payout)
    return payout


def _mail_differs(company: Company) -> str:
    payout = _paid(company)
    company.rows("mailer", "UPDATE mails SET amount = amount + 1 WHERE payout_id = ?", payout)
    return payout


PLANTED: tuple[tuple[Kind, Callable[[Company], str]], ...] = (
    (Kind.MISSING_IN_BILLING, _missing_in_billing),
    (Kind.NOT_BOOKED, _not_booked),
    (Kind.AMOUNT, _amount),
    (Kind.PERSON_OR_DAY, _person),
    (Kind.PERSON_OR_DAY, _day),
    (Kind.BOOKED_TWICE, _booked_twice),
    (Kind.REQUESTED_TWICE, _requested_twice),
    (Kind.NOT_RETURNED, _not_returned),
    (Kind.RETURNED_UNCANCELLED, _returned_uncancelled),
    (Kind.RETURNED_AMOUNT, _returned_amount),
    (Kind.NO_TRANSFER, _no_transfer),
    (Kind.TRANSFER_OF_NOTHING, _transfer_of_nothing),
    (Kind.TRANSFER_OF_UNPAID, _transfer_of_unpaid),
    (Kind.TRANSFER_TWICE, _transfer_twice),
    (Kind.TRANSFER_AMOUNT, _transfer_amount),
    (Kind.TRANSFER_CURRENCY, _transfer_currency),
    (Kind.REFERENCE, _reference),
    (Kind.REFERENCE_TWICE, _reference_twice),
    (Kind.STALE_SENDING, _stale_sending),
    (Kind.STALE_UNKNOWN, _stale_unknown),
    (Kind.STALE_READY, _stale_ready),
    (Kind.WAITS_WITH_CARD, _waits_with_card),
    (Kind.HISTORY, _history),
    (Kind.NO_MAIL, _no_mail),
    (Kind.MAIL_OF_NOTHING, _mail_of_nothing),
    (Kind.MAIL_TWICE, _mail_twice),
    (Kind.MAIL_DIFFERS, _mail_differs),
)


def test_books_that_agree_are_found_to_agree(company: Company) -> None:
    assert _found(company) == {}
    page = company.bench.client("accountant").get(PAGE).text
    assert "All books agree." in page
    assert "Payouts compared" in page


def test_every_kind_is_planted_told_and_belongs_somewhere() -> None:
    assert {kind for kind, _ in PLANTED} == set(Kind) == set(WORDS)
    grouped = [kind for kinds in INVARIANTS.values() for kind in kinds]
    assert len(grouped) == len(set(grouped))


@pytest.mark.parametrize(
    ("kind", "plant"), PLANTED, ids=[plant.__name__.strip("_") for _, plant in PLANTED]
)
def test_a_planted_difference_is_found_by_its_id(
    company: Company, kind: Kind, plant: Callable[[Company], str]
) -> None:
    subject = plant(company)
    said = "; ".join(_found(company).values()).split("; ")
    assert any(
        kind.replace("_", " ") in each.split(": ")[0] and subject in each for each in said
    ), said
    billing = company.bench.runtime("billing")
    days = (NOON.date(), NOON.date().replace(day=11))
    seen = reconciliation.look(billing, *days)
    assert seen.unread == set()
    # The page goes day by day: what is on another day is missing on its own.
    shown = Kind.MISSING_IN_BILLING if plant is _day else kind
    assert (shown, subject) in {(each.kind, each.subject) for each in seen.found}
    page = html.unescape(company.bench.client("accountant").get(PAGE).text)
    assert subject in page
    assert str(WORDS[shown]) in page


def test_the_page_says_amounts_and_statuses_as_people_do(company: Company) -> None:
    booked = int(company.one("billing", "SELECT amount FROM payouts WHERE status = 'cancelled'"))
    _amount(company)
    _history(company)
    page = company.bench.client("accountant").get(PAGE).text
    assert f"${booked / 100:.2f}" in page
    assert "$0.01" in page
    assert ">failed</td>" in page


def test_a_book_that_is_away_is_named_and_the_others_are_compared(company: Company) -> None:
    subject = _transfer_amount(company)
    company.bench.take_away("accounts")
    company.bench.take_away("mailer")
    page = company.bench.client("accountant").get(PAGE).text
    assert page.count("This book could not be read") == 2
    assert subject in page
    assert "All books agree" not in page


def test_what_moves_while_the_command_reads_is_no_difference(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts has the money back of what was not cancelled yet when billing was read."""
    payout = _returned_uncancelled(company)
    assert payout in str(_found(company))
    real = accounts.facts.payouts

    def read(reading: Reading) -> Any:
        _set(company, payout, status="cancelled", updated_at="2026-03-11 12:59:59.000000")
        return real(reading)

    monkeypatch.setattr(accounts.facts, "payouts", read)
    assert _found(company) == {}


def test_what_is_on_its_way_is_passed_over_on_the_page(company: Company) -> None:
    """Billing and mailer have not heard of a payout that was booked a moment ago."""
    payout = _cancelled(company)
    company.rows("billing", "DELETE FROM payouts WHERE id = ?", payout)
    company.rows("mailer", "DELETE FROM mails WHERE payout_id = ?", payout)
    company.rows(
        "accounts",
        "UPDATE entries SET posted_at = ? WHERE transaction_id = ?",
        "2026-03-11 12:58:00.000000",
        payout,
    )
    assert payout not in company.bench.client("accountant").get(PAGE).text
    assert payout in str(_found(company)), "the command waits instead"
    company.bench.clock.advance(minutes=10)
    assert payout in company.bench.client("accountant").get(PAGE).text


def test_the_page_is_bounded_in_time_and_goes_on_where_it_stopped(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "MOST_SECONDS", -1.0)
    page = company.bench.client("accountant").get(PAGE).text
    assert "Go on with the rest" in page
    assert "from=2026-03-11&amp;to=2026-03-11" in page


def test_a_day_with_too_many_payouts_is_left_to_the_command(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "MOST_PAYOUTS", 1)
    answer = company.bench.client("accountant").get(PAGE)
    assert answer.status_code == 422
    assert "popug reconcile" in answer.text


@pytest.mark.parametrize(
    "asked",
    ["from=2026-01-01&to=2026-03-01", "to=2030-01-01", "from=x", "from=2026-03-11&to=2026-03-10"],
)
def test_a_wrong_range_is_said_beside_the_form(company: Company, asked: str) -> None:
    answer = company.bench.client("accountant").get(f"/billing/reconciliation?{asked}")
    assert answer.status_code == 422
    assert "field-error" in answer.text


def test_services_alone_read_the_books_for_it(company: Company) -> None:
    bench = company.bench
    for service, path in (("accounts", "payouts"), ("mailer", "payout-mails")):
        url = f"/{service}/api/v1/{path}?date=2026-03-10"
        assert bench.client("worker").get(url).status_code == 403
        rows = bench.client().get(url, headers=bench.as_service("billing")).get_json()
        assert len(rows["items"]) >= 2
        first = bench.client().get(f"{url}&limit=1", headers=bench.as_service("billing")).get_json()
        assert first["items"] == rows["items"][:1]
        after = f"{url}&limit=200&after={first['next']}"
        rest = bench.client().get(after, headers=bench.as_service("billing")).get_json()
        assert first["items"] + rest["items"] == rows["items"], json.dumps(rest)
    with bench.runtime("billing").database.reading() as reading:
        assert len(reading.execute(select(payouts.c.id)).all()) == 2
