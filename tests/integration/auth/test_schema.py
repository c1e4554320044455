"""The tables, and what auth hears."""

import auth
from chassis import outbox
from chassis.access import known_access
from chassis.migrations import differences
from contracts.auth import AccessChanged
from tests.integration.auth.office import Office


def test_the_migrated_tables_are_the_declared_ones(office: Office) -> None:
    database = office.runtime.database
    assert differences(database, auth.service.metadata, outbox.metadata) == []


def test_no_password_stands_in_an_event_or_a_row(office: Office) -> None:
    office.add("Ann")
    office.signed_in("Ann")
    content = b"".join(p.read_bytes() for p in office.bench.settings.data.glob("auth.db*"))
    assert b"$argon2id$" in content
    assert b"correct horse" not in content


def test_auth_hears_itself_without_any_effect_beyond_its_own(office: Office) -> None:
    ann = office.add("Ann", "manager")
    database = office.runtime.database
    before = database.read(known_access, ann.id)
    office.bench.settle()
    assert database.read(known_access, ann.id) == before
    assert before and before.role == "manager"
    old = AccessChanged(user_id=ann.id, role="admin", active=True, epoch=0)
    office.bench.hear(old, old)
    assert database.read(known_access, ann.id) == before
