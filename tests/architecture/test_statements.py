"""The count of the places that execute statements, on which a whole run of the suite relies."""

from tests.statements import Heard, never_heard, places


def test_places_are_found_in_every_service() -> None:
    found = {name.partition("/")[0] for name, _, _ in places()}
    assert found >= {"chassis", "auth", "tasks", "accounts", "billing", "mailer", "analytics"}


def test_a_place_that_nothing_executed_is_named() -> None:
    every = {(name, last) for name, _, last in places()}
    assert never_heard(every) == []
    name, first, last = max(places())
    assert never_heard(every - {(name, last)}) == [f"{name}:{first}"]
    assert len(never_heard([])) == len(places())


def test_only_our_own_code_counts() -> None:
    heard = Heard()
    heard()
    assert heard.lines == set()
