"""Card numbers: checked, sealed, and nowhere to be found again (rule 13)."""

import io
import stat
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from structlog.testing import capture_logs

import billing
from billing import cards, key_rings, models, vault
from billing.domain_cards import CardNumber
from billing.gateway import AnswerLost, Refused
from billing.gateways.bank import BankGateway
from billing.opening import CardKeyMissing, CardUnreadable, OpenedInARequest, open_card
from chassis import logs
from chassis.keys import KeyMissing
from tests.integration.billing.conftest import API, DECLINED_CARD, GOOD_CARD, OTHER_CARD, Desk
from tests.support import Workbench

CANARY = "6011981374650005"
BAD_INPUTS: tuple[Any, ...] = (
    "6011981374650006",  # does not check
    "6011981374650005" * 2,
    "6011981374650005 and more",
    "60119813746",
    "6011981374650005" * 600,
    6011981374650005,
    ["6011981374650005"],
    {"number": "6011981374650005"},
    None,
    "",
    "   ",
    "\x00",
    "\ud800",
)


def put(desk: Desk, card: Any) -> Any:
    return desk.person().put(f"{API}/cards/me", json={"card_number": card})


def test_a_stored_card_answers_with_its_last_four_digits_alone(desk: Desk) -> None:
    answer = put(desk, "4242 4242-4242 4242")
    assert (answer.status_code, answer.get_json()) == (200, {"last4": "4242"})
    assert "•••• 4242" in desk.person().get("/billing/").text


def test_another_card_takes_the_place_of_the_first(desk: Desk) -> None:
    put(desk, GOOD_CARD)
    assert put(desk, OTHER_CARD).get_json() == {"last4": "4444"}
    assert len(desk.table(models.cards)) == 1


def test_what_is_no_card_number_is_refused_without_being_repeated(desk: Desk) -> None:
    for card in BAD_INPUTS:
        answer = put(desk, card)
        assert answer.status_code == 422, card
        assert len(answer.get_json()["detail"]) > 10, card
        assert "60119813746" not in answer.text
    assert desk.table(models.cards) == []


@pytest.mark.parametrize(
    "body",
    [{}, {CANARY: "x"}, {"card_number": GOOD_CARD, CANARY: 1}, {"card_number": GOOD_CARD, "x": 1}],
)
def test_bodies_of_another_shape_are_refused_without_being_repeated(desk: Desk, body: Any) -> None:
    answer = desk.person().put(f"{API}/cards/me", json=body)
    assert answer.status_code == 422
    assert CANARY not in answer.text
    assert desk.table(models.cards) == []


def test_broken_json_is_refused_without_being_repeated(desk: Desk) -> None:
    answer = desk.person().put(
        f"{API}/cards/me", data=f'{{"card_number": "{CANARY}', content_type="application/json"
    )
    assert answer.status_code == 400
    assert CANARY not in answer.text


def test_the_form_stores_a_card_and_does_not_show_a_refused_number_again(desk: Desk) -> None:
    person = desk.person()
    refused = person.post("/billing/card", data={"card_number": "6011981374650006"})
    assert refused.status_code == 422
    assert "This is no card number" in refused.text
    assert "60119813746" not in refused.text
    assert person.post("/billing/card").status_code == 422
    stored = person.post("/billing/card", data={"card_number": GOOD_CARD})
    assert (stored.status_code, stored.location) == (303, "/billing/")
    page = person.get("/billing/").text
    assert "•••• 4242" in page
    assert "42424242" not in page
    assert person.post("/billing/card/remove").status_code == 303
    assert "You have stored no card yet" in person.get("/billing/").text


def test_a_card_is_sealed_for_its_owner_with_a_nonce_of_its_own(desk: Desk) -> None:
    for user_id in ("ann", "bob"):
        desk.store_card(user_id, GOOD_CARD)
    ann, bob = desk.table(models.cards)
    assert ann.ciphertext != bob.ciphertext
    assert (len(ann.nonce), len(ann.ciphertext)) == (12, 16 + 16)
    settings = desk.bench.settings
    sealed = desk.runtime.database.read(cards.sealed_card, "ann")
    assert sealed is not None
    assert open_card(settings, sealed).digits == GOOD_CARD
    with pytest.raises(CardUnreadable):
        open_card(settings, replace(sealed, user_id="bob"))
    with pytest.raises(CardKeyMissing):
        open_card(settings, replace(sealed, key_id="gone"))
    assert "4242" not in repr(sealed).replace("last4='4242'", "")


def test_no_card_opens_while_a_request_is_answered(desk: Desk) -> None:
    desk.store_card()
    sealed = desk.runtime.database.read(cards.sealed_card, "ann")
    assert sealed is not None
    app: Flask = desk.bench.embedded.apps["billing"]
    with app.test_request_context("/"), pytest.raises(OpenedInARequest):
        open_card(desk.bench.settings, sealed)


def test_a_payout_waits_for_a_card_key_that_is_not_there(desk: Desk) -> None:
    desk.store_card()
    desk.request()
    path = desk.bench.settings.keys / "cards.json"
    file = path.read_bytes()
    key_rings.begin(path.parent, key_rings.CARDS)
    key_rings.finish(path.parent, key_rings.CARDS)
    (old,) = key_rings.load_ring(path.parent, key_rings.CARDS).older
    key_rings.drop(path.parent, key_rings.CARDS, old)
    desk.run_job()
    assert (desk.status(), desk.book()) == ("ready", [])
    path.write_bytes(file)
    desk.bench.clock.advance(minutes=5)
    desk.work()
    assert desk.status() == "succeeded"


def test_a_card_that_does_not_open_fails_the_payout_and_says_what_to_do(desk: Desk) -> None:
    desk.store_card("ann")
    desk.request()
    with desk.runtime.database.transaction() as tx:
        tx.execute(models.cards.update().values(ciphertext=b"x" * 32))
    desk.work()
    assert desk.status() == "failed"
    assert desk.payout()["reason"] == "the stored card could not be read; store it again"
    assert desk.book() == []


def test_the_key_is_made_at_the_first_start_for_the_owner_alone(desk: Desk) -> None:
    path = desk.bench.settings.keys / "cards.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.parent != desk.bench.settings.data
    content = path.read_bytes()
    vault.prepare_vault(desk.runtime)
    assert path.read_bytes() == content


def test_a_lost_key_beside_stored_cards_refuses_the_start(desk: Desk) -> None:
    desk.store_card()
    (desk.bench.settings.keys / "cards.json").unlink()
    with pytest.raises(KeyMissing, match=r"cards\.json is missing"):
        vault.prepare_vault(desk.runtime)


def test_without_a_key_a_system_on_servers_does_not_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.bench.settings.keys / "cards.json").unlink()
    monkeypatch.setattr(desk.runtime, "makes_keys", False)
    with pytest.raises(KeyMissing, match="it must hold billing's keys"):
        vault.prepare_vault(desk.runtime)
    assert not (desk.bench.settings.keys / "cards.json").exists()


BAD_KEY_FILES = (
    "",
    "[]",
    "{}",
    '{"current": "a", "keys": {}}',
    '{"current": "a", "keys": []}',
    '{"current": "a", "keys": {"a": "c2hvcnQ="}}',
    '{"current": "a", "keys": {"a": "?"}}',
    '{"current": "a", "keys": {"a": 5}}',
    '{"current": "b", "keys": {"a": "' + "A" * 43 + '="}}',
    '{"current": "a", "next": "b", "keys": {"a": "' + "A" * 43 + '="}}',
)


def test_a_key_file_that_cannot_be_used_is_refused_with_its_name(desk: Desk) -> None:
    for content in BAD_KEY_FILES:
        (desk.bench.settings.keys / "cards.json").write_text(content)
        with pytest.raises(KeyMissing, match=r"cards\.json"):
            vault.load_vault(desk.bench.settings)


def test_cards_of_an_older_key_still_open_when_there_is_a_newer_one(desk: Desk) -> None:
    desk.store_card()
    folder = desk.bench.settings.keys
    old = key_rings.load_ring(folder, key_rings.CARDS).current
    key_rings.begin(folder, key_rings.CARDS)
    new = key_rings.finish(folder, key_rings.CARDS)
    desk.store_card("bob")
    assert [row.key_id for row in desk.table(models.cards)] == [old, new]
    for user_id in ("ann", "bob"):
        sealed = desk.runtime.database.read(cards.sealed_card, user_id)
        assert sealed is not None
        assert open_card(desk.bench.settings, sealed) == CardNumber(GOOD_CARD)


def test_nothing_but_the_one_module_decrypts() -> None:
    """Who may import that module is said in pyproject.toml."""
    folder = Path(billing.__file__).parent
    decrypting = {p.name for p in folder.rglob("*.py") if ".decrypt(" in p.read_text()}
    assert decrypting == {"opening.py"}


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Room for log lines; afterwards logs are as they were."""
    before = structlog.get_config()
    yield io.StringIO()
    structlog.configure(**before)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_canary_card_number_is_found_nowhere(
    workbench: Callable[..., Workbench],
    lines: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    log_format: str,
) -> None:
    monkeypatch.setattr(sys, "stderr", lines)
    logs.configure("DEBUG", log_format)
    bench = workbench(billing.service)
    desk = Desk(bench)
    person, accountant = desk.person(), desk.accountant
    seen: list[str] = []

    def keep(answer: Any) -> Any:
        seen.append(f"{answer.headers} {answer.data.decode('latin-1')}")
        if zipfile.is_zipfile(io.BytesIO(answer.data)):
            with zipfile.ZipFile(io.BytesIO(answer.data)) as book:
                seen.extend(book.read(name).decode() for name in book.namelist())
        return answer

    desk.request("p0", "bob")
    keep(person.put(f"{API}/cards/me", json={"card_number": CANARY}))
    keep(person.post("/billing/card", data={"card_number": f"{CANARY[:4]} {CANARY[4:]}"}))
    keep(person.put(f"{API}/cards/me", json={"card_number": CANARY + "1"}))
    keep(person.put(f"{API}/cards/me", json={"card_number": int(CANARY)}))
    keep(person.post("/billing/card", data={"card_number": CANARY + "x"}))
    desk.request()
    desk.run_job()
    assert desk.status() == "succeeded"
    for path in ("/", "/payouts/p1", "/reports/2026-03-09", "/payouts", "/api/v1/payouts"):
        keep(accountant.get(f"/billing{path}"))
        keep(person.get(f"/billing{path}"))
    for ending in ("json", "csv", "xlsx"):
        keep(accountant.get(f"{API}/reports/2026-03-09.{ending}"))
    reason = {"reason": f"his card {CANARY} is wrong"}
    assert keep(accountant.post(f"{API}/payouts/p0/cancel", json=reason)).status_code == 200
    seen.extend(str(event) for event in bench.emitted())
    assert "payout moved" in lines.getvalue()  # the logs were caught at all
    places = {"answers": "\n".join(seen), "logs": lines.getvalue()}
    for file in bench.settings.data.rglob("*"):
        if file.is_file():
            places[file.name] = file.read_bytes().decode("latin-1")
    assert "billing.db" in places
    assert "0005" in places["billing.db-wal"]  # the last four digits can be found where they are
    for place, text in places.items():
        for length in (16, 12, 8):
            for start in range(16 - length + 1):
                assert CANARY[start : start + length] not in text, place


def test_a_bank_that_repeats_the_number_in_its_refusal_or_error_is_not_quoted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuses(self: Any, key: str, amount: int, currency: str, number: CardNumber) -> Refused:
        return Refused(f"card {number.digits} is stolen", final=True)

    def breaks(self: Any, key: str, amount: int, currency: str, number: CardNumber) -> Refused:
        raise AnswerLost(f"no answer about {number.digits}")

    desk.store_card(number=DECLINED_CARD)
    desk.request("p1")
    monkeypatch.setattr(BankGateway, "pay", refuses)
    desk.work()
    assert desk.payout("p1")["reason"] == "card •••• is stolen"
    desk.store_card("bob", DECLINED_CARD)
    desk.request("p2", "bob")
    monkeypatch.setattr(BankGateway, "pay", breaks)
    caplog.set_level("DEBUG")
    with capture_logs() as logged:
        desk.run_job()
    assert desk.status("p2") == "unknown"
    assert "no answer from the gateway" in str(logged), "what is said there is looked at"
    assert DECLINED_CARD not in f"{logged} {caplog.text}"
    assert DECLINED_CARD not in str(desk.bench.emitted())
