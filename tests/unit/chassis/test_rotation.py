"""A signing key is rotated without a moment at which its word is not believed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chassis import rotation
from chassis.identity import Identity, Issuer, NotTrusted, Verifier
from chassis.keys import KeyMissing, load_public_keys, load_signing_key, make_keys
from chassis.rotation import RotationRefused

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_keys(tmp_path, ["auth", "tasks"])
    return tmp_path


def _token(folder: Path) -> str:
    """As auth would sign it after a restart."""
    issuer = Issuer(load_signing_key(folder, "auth"))
    return issuer.for_person(Identity("u1", "worker", name="Ann"), NOW, NOW + timedelta(hours=12))


def _believed(folder: Path, token: str) -> bool:
    """Whether a service that is restarted now takes the token."""
    try:
        Verifier(load_public_keys(folder)).verify(token, NOW)
    except NotTrusted:
        return False
    return True


def test_both_keys_are_believed_until_the_old_one_is_retired(folder: Path) -> None:
    old = _token(folder)
    old_kid = load_signing_key(folder, "auth").kid
    kid = rotation.begin(folder, "auth")
    assert load_signing_key(folder, "auth").kid == old_kid, "the service goes on with its key"
    everybody_elses = Verifier(load_public_keys(folder))
    assert rotation.finish(folder, "auth") == kid
    new = _token(folder)
    assert everybody_elses.verify(new, NOW).user_id == "u1", "known before it was used"
    assert everybody_elses.verify(old, NOW).user_id == "u1"
    assert rotation.retire(folder, "auth") == [old_kid]
    assert [_believed(folder, token) for token in (old, new)] == [False, True]


def test_retiring_leaves_the_keys_of_others_and_the_current_one(folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    assert rotation.retire(folder, "auth") == []
    assert sorted(path.name for path in folder.iterdir()) == before


def test_steps_out_of_order_are_refused_with_what_to_do(folder: Path) -> None:
    with pytest.raises(RotationRefused, match="begin the rotation"):
        rotation.finish(folder, "auth")
    rotation.begin(folder, "auth")
    with pytest.raises(RotationRefused, match="has begun already"):
        rotation.begin(folder, "auth")
    with pytest.raises(RotationRefused, match="finish it first"):
        rotation.retire(folder, "auth")
    with pytest.raises(KeyMissing, match="mailer"):
        rotation.begin(folder, "mailer")


def test_what_a_rotation_writes_is_for_the_owner_alone(folder: Path) -> None:
    rotation.begin(folder, "auth")
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
