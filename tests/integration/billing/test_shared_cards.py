"""Two popugs with one card are noticed by a fingerprint, and people are shown who they are."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import update

import billing
from billing import key_rings, models, shared_cards
from billing.resealing import RESEAL_CARDS
from tests.integration.billing.conftest import GOOD_CARD, OTHER_CARD, Desk
from tests.support import Workbench

PAGE = "/billing/cards/shared"


def _shown(desk: Desk) -> list[tuple[str, list[str]]]:
    found = desk.runtime.database.read(shared_cards.shared_cards)
    return [(card.last4, [holder.user_id for holder in card.holders]) for card in found]


def test_a_card_of_two_popugs_is_stored_for_both_and_shown(desk: Desk) -> None:
    for user_id in ("ann", "bob"):
        desk.store_card(user_id, GOOD_CARD)
    desk.store_card("cid", OTHER_CARD)
    assert _shown(desk) == [("4242", ["ann", "bob"])]
    page = desk.accountant.get(PAGE).text
    assert all(text in page for text in ("•••• 4242", "Ann", "Bob"))
    assert "Cid" not in page and "4444" not in page
    assert GOOD_CARD not in page
    assert not re.search("[0-9a-f]{64}", page), "not even the fingerprint"


def test_one_who_replaces_or_removes_the_card_shares_it_no_longer(desk: Desk) -> None:
    for user_id in ("ann", "bob", "cid"):
        desk.store_card(user_id, GOOD_CARD)
    desk.store_card("bob", OTHER_CARD)
    assert _shown(desk) == [("4242", ["ann", "cid"])]
    assert desk.person("cid").delete("/billing/api/v1/cards/me").status_code == 204
    assert _shown(desk) == []
    assert "No card number is stored by more than one popug" in desk.accountant.get(PAGE).text


@pytest.mark.parametrize("role", ["worker", "manager"])
def test_others_are_not_shown_who_shares_a_card(desk: Desk, role: str) -> None:
    assert desk.person("ann", role).get(PAGE).status_code == 403


def test_a_fingerprint_hangs_on_a_key_of_its_own(
    desk: Desk, workbench: Callable[..., Workbench]
) -> None:
    other = Desk(workbench(billing.service))
    for each in (desk, other):
        each.store_card()
    (mine,), (theirs,) = (each.table(models.cards) for each in (desk, other))
    assert len(mine.fingerprint) == 64
    assert mine.fingerprint != theirs.fingerprint
    assert mine.hash_key_id != mine.key_id


def test_cards_from_before_fingerprints_get_theirs(desk: Desk) -> None:
    for user_id in ("ann", "bob"):
        desk.store_card(user_id)
    nothing = update(models.cards).values(fingerprint=None, hash_key_id=None)
    desk.runtime.database.run(lambda tx: tx.execute(nothing) and None)
    assert _shown(desk) == []
    desk.run_job(RESEAL_CARDS)
    assert _shown(desk) == [("4242", ["ann", "bob"])]


def test_a_lost_key_of_fingerprints_is_made_anew_and_the_cards_are_marked_with_it(
    desk: Desk,
) -> None:
    desk.store_card("ann")
    (desk.bench.settings.keys / "card-hashes.json").unlink()
    assert desk.runtime.service.prepare is not None
    desk.runtime.service.prepare(desk.runtime)
    desk.store_card("bob")
    desk.run_job(RESEAL_CARDS)
    ring = key_rings.load_ring(desk.bench.settings.keys, key_rings.CARD_HASHES)
    assert {row.hash_key_id for row in desk.table(models.cards)} == {ring.current}
    assert _shown(desk) == [("4242", ["ann", "bob"])]


def test_the_status_page_counts_them(desk: Desk) -> None:
    (line,) = [one for one in desk.runtime.service.status_lines if one.name == "cards_shared"]
    assert desk.runtime.database.read(line.look).value == 0
    for user_id in ("ann", "bob"):
        desk.store_card(user_id)
    assert desk.runtime.database.read(line.look).value == 1
