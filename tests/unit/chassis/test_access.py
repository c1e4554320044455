"""What a guard permits."""

import pytest

from chassis.access import (
    allowed,
    public,
    rule_of,
    signed_in,
    signed_in_or_service,
)
from chassis.identity import SERVICE_ROLE, Identity

WORKER = Identity("u1", "worker")
ADMIN = Identity("u2", "admin")
SERVICE = Identity("service:tasks", SERVICE_ROLE)


@pytest.mark.parametrize(
    ("guard", "nobody", "worker", "admin", "service"),
    [
        (public, True, True, True, True),
        (signed_in, False, True, True, False),
        (signed_in_or_service, False, True, True, True),
        (allowed("admin"), False, False, True, False),
        (allowed("worker", "admin"), False, True, True, False),
        (allowed("admin", SERVICE_ROLE), False, False, True, True),
        (allowed(), False, False, False, False),
    ],
)
def test_a_guard_lets_in_whom_it_names(
    guard: object, nobody: bool, worker: bool, admin: bool, service: bool
) -> None:
    rule = rule_of(guard(lambda: None))  # type: ignore[operator]
    assert rule is not None
    answers = [rule.permits(who) for who in (None, WORKER, ADMIN, SERVICE)]
    assert answers == [nobody, worker, admin, service]


def test_a_view_without_a_guard_declares_nothing() -> None:
    assert rule_of(lambda: None) is None
