"""Auth with people in it."""

from collections.abc import Callable, Iterator

import pytest
from argon2 import PasswordHasher

import auth
from auth import passwords
from tests.integration.auth.office import Office
from tests.support import Workbench


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Passwords are hashed as always, only with little work."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", quick)
    passwords._nobodys_hash.cache_clear()
    yield
    passwords._nobodys_hash.cache_clear()


@pytest.fixture
def office(workbench: Callable[..., Workbench]) -> Office:
    """Auth alone, with nobody in it yet."""
    return Office(workbench(auth.service))
