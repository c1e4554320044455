"""The key of the cards is changed while people store cards and payouts go out."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

import billing
from billing import card_keys, cards, commands, domain_cards, key_rings, models, resealing
from billing.key_rings import CARD_HASHES, CARDS, load_ring
from billing.opening import open_card
from billing.resealing import RESEAL_CARDS
from chassis.database import Transaction
from chassis.rotation import RotationRefused
from popug.cli import main
from tests import mariadb
from tests.integration.billing.conftest import API, GOOD_CARD, OTHER_CARD, Desk
from tests.support import Workbench


class Killed(BaseException):
    """The process ends here."""


def _cards_of_all(desk: Desk) -> dict[str, str]:
    """The number that each owner's card opens to."""
    sealed = [
        desk.runtime.database.read(cards.sealed_card, row.user_id)
        for row in desk.table(models.cards)
    ]
    return {card.user_id: open_card(desk.bench.settings, card).digits for card in sealed if card}


def _keys_in_use(desk: Desk) -> set[str]:
    return {row.key_id for row in desk.table(models.cards)}


def _popug(desk: Desk, *arguments: str) -> tuple[int, str]:
    settings = desk.bench.settings
    environment = {"POPUG_DATA": str(settings.data), "POPUG_DATABASE_URL": settings.database_url}
    done = CliRunner().invoke(main, arguments, env=environment)
    return done.exit_code, done.output


def _begin_and_finish(desk: Desk, name: str = CARDS) -> tuple[str, str]:
    """The ids of the old and of the new key."""
    folder = desk.bench.settings.keys
    old = load_ring(folder, name).current
    key_rings.begin(folder, name)
    return old, key_rings.finish(folder, name)


@pytest.mark.parametrize("name", [CARDS, CARD_HASHES])
def test_a_key_is_rotated_by_three_commands(desk: Desk, name: str) -> None:
    for number in range(5):
        desk.store_card(f"popug-{number}")
    before = _cards_of_all(desk)
    folder = str(desk.bench.settings.keys)
    old = load_ring(Path(folder), name).current
    assert _popug(desk, "rotate-key", "begin", folder, name)[0] == 0
    desk.store_card("early")
    assert load_ring(Path(folder), name).current == old, "written with the old one until finished"
    refused, said = _popug(desk, "rotate-key", "retire", folder, name)
    assert (refused, "finish it first" in said) == (1, True)
    assert _popug(desk, "rotate-key", "finish", folder, name)[0] == 0
    refused, said = _popug(desk, "rotate-key", "retire", folder, name)
    assert (refused, f"6 stored cards still need the key {old}" in said) == (1, True)
    desk.run_job(RESEAL_CARDS)
    done, said = _popug(desk, "rotate-key", "retire", folder, name)
    assert (done, f"Deleted: {old}" in said) == (0, True)
    assert list(load_ring(Path(folder), name).keys) == [load_ring(Path(folder), name).current]
    assert _cards_of_all(desk) == {**before, "early": GOOD_CARD}
    assert "There is no older key" in _popug(desk, "rotate-key", "retire", folder, name)[1]


def test_steps_out_of_order_are_refused(desk: Desk) -> None:
    folder = desk.bench.settings.keys
    with pytest.raises(RotationRefused, match="begin the rotation first"):
        key_rings.finish(folder, CARDS)
    key_rings.begin(folder, CARDS)
    with pytest.raises(RotationRefused, match="finish it first"):
        key_rings.begin(folder, CARDS)


def test_killed_at_any_batch_it_goes_on_with_what_is_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        desk.store_card(f"popug-{number}")
    before = _cards_of_all(desk)
    old, new = _begin_and_finish(desk)
    monkeypatch.setattr(resealing, "MOST_AT_ONCE", 2)
    sealed = cards.reseal
    left = 3

    def reseal_or_die(tx: Transaction, card: cards.SealedCard) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        sealed(tx, card)

    monkeypatch.setattr(cards, "reseal", reseal_or_die)
    with pytest.raises(Killed):
        desk.run_job(RESEAL_CARDS)
    assert [row.key_id for row in desk.table(models.cards)] == [new] * 2 + [old] * 5
    assert _cards_of_all(desk) == before
    left = 100
    desk.run_job(RESEAL_CARDS)
    assert _keys_in_use(desk) == {new}
    assert _cards_of_all(desk) == before


def test_a_card_that_does_not_open_stays_and_keeps_its_key(desk: Desk) -> None:
    for user_id in ("ann", "bob", "cid"):
        desk.store_card(user_id)
    broken = models.cards.update().where(models.cards.c.user_id == "bob")
    with desk.runtime.database.transaction() as tx:
        tx.execute(broken.values(ciphertext=b"x" * 32))
    old, new = _begin_and_finish(desk)
    desk.run_job(RESEAL_CARDS)
    assert [row.key_id for row in desk.table(models.cards)] == [new, old, new]
    with pytest.raises(domain_cards.CardKeyInUse):
        desk.runtime.database.run(card_keys.retire, old)


def test_nothing_is_sealed_with_a_retired_key_even_from_an_old_file(desk: Desk) -> None:
    desk.store_card()
    path = desk.bench.settings.keys / "cards.json"
    old_file = path.read_bytes()
    old, new = _begin_and_finish(desk)
    desk.run_job(RESEAL_CARDS)
    desk.runtime.database.run(card_keys.retire, old)
    path.write_bytes(old_file)
    refused = desk.person("bob").put(f"{API}/cards/me", json={"card_number": GOOD_CARD})
    assert refused.status_code == 503
    assert _keys_in_use(desk) == {new}


@pytest.fixture(params=["sqlite", "mariadb"])
def busy(request: pytest.FixtureRequest, workbench: Callable[..., Workbench]) -> Iterator[Desk]:
    """A desk on either engine."""
    if request.param == "sqlite":
        yield Desk(workbench(billing.service))
        return
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.fresh_databases(["billing"]) as url:
        yield Desk(workbench(billing.service, database_url=url))


def test_cards_change_and_payouts_go_out_while_keys_are_rotated(busy: Desk) -> None:
    """Three rotations beside people who store, replace and remove cards, and a sender."""
    database, settings = busy.runtime.database, busy.bench.settings
    people = [f"popug-{number:02}" for number in range(30)]
    for user_id in people:
        database.run(commands.store_card, user_id, GOOD_CARD)
    for number, user_id in enumerate(people):
        busy.request(f"pay-{number:02}", user_id)
    last = dict.fromkeys(people, GOOD_CARD)
    stop = threading.Event()
    errors: list[Exception] = []

    def change_cards(mine: list[str]) -> None:
        turn = 0
        while not stop.is_set():
            user_id, turn = mine[turn % len(mine)], turn + 1
            number = (GOOD_CARD, OTHER_CARD)[turn % 2]
            if turn % 5 == 0:
                database.run(commands.remove_card, user_id)
            database.run(commands.store_card, user_id, number)
            last[user_id] = number

    def send() -> None:
        while not stop.is_set():
            busy.run_job()

    def guarded(work: Callable[..., None], *arguments: list[str]) -> threading.Thread:
        def run() -> None:
            try:
                work(*arguments)
            except Exception as error:  # noqa: BLE001 - looked at when all have ended
                errors.append(error)

        return threading.Thread(target=run)

    threads = [guarded(change_cards, people[0::3]), guarded(change_cards, people[1::3])]
    threads.append(guarded(send))
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            old, _ = _begin_and_finish(busy)
            while card_keys_left(busy, old):
                busy.run_job(RESEAL_CARDS)
            key_rings.drop(settings.keys, CARDS, old)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    busy.run_job(RESEAL_CARDS)
    busy.work()
    assert _cards_of_all(busy) == last
    assert _keys_in_use(busy) == {load_ring(settings.keys, CARDS).current}
    statuses = {row.status for row in busy.table(models.payouts)}
    assert statuses == {"succeeded"}, "no payout has failed for a key that was changed"


def card_keys_left(desk: Desk, old: str) -> bool:
    """Try to retire the key; says whether cards still need it."""
    try:
        desk.runtime.database.run(card_keys.retire, old)
    except domain_cards.CardKeyInUse:
        return True
    with desk.runtime.database.reading() as reading:
        wanted = select(models.card_keys.c.retired_at).where(models.card_keys.c.key_id == old)
        assert reading.execute(wanted).scalar_one() is not None
    return False
