"""`popug make-secrets`: each container gets what it needs and nothing else, once."""

import json
import re
import shutil
from pathlib import Path

import pytest

from billing.vault import load_vault
from chassis.keys import KeyMissing, load_public_keys, load_signing_key
from chassis.settings import load_settings
from popug.container_secrets import make_secrets
from popug.system import system

NAMES = system.names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    make_secrets(made, NAMES)
    return made


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _settings_of(folder: Path, reader: str) -> dict[str, str]:
    return {
        "POPUG_DATABASE_URL_FILE": str(folder / reader / "database_url"),
        "POPUG_BROKER_URL_FILE": str(folder / reader / "broker_url"),
        "POPUG_KEYS_DIR": str(folder / reader / "keys"),
    }


@pytest.mark.parametrize("service", NAMES)
def test_a_service_reads_its_settings_from_its_folder(folder: Path, service: str) -> None:
    settings = load_settings(_settings_of(folder, service))
    password = (folder / "mysql" / service).read_text().strip()
    assert settings.database_for(service) == (
        f"mysql+pymysql://popug_{service}:{password}@mysql/popug_{service}"
    )
    password = (folder / "rabbitmq/password").read_text().strip()
    assert settings.broker_url == f"amqp://popug:{password}@rabbitmq/popug"
    assert load_signing_key(settings.keys, service).kid.startswith(service)
    assert len(load_public_keys(settings.keys).keys) == len(NAMES)


@pytest.mark.parametrize("service", NAMES)
def test_a_service_is_given_no_other_ones_secret(folder: Path, service: str) -> None:
    private = {p.name for p in (folder / service).rglob("*") if not p.name.endswith(".pub.pem")}
    expected = {"keys", "database_url", "broker_url", f"{service}.pem"}
    if service == "billing":
        expected |= {"cards.json", "card-hashes.json", "bank_key", "yookassa_secret"}
    if service == "mailer":
        expected.add("smtp_url")
    assert private == expected


def test_billing_can_read_the_cards(folder: Path) -> None:
    load_vault(load_settings(_settings_of(folder, "billing")))


def test_the_operator_holds_the_owners_access_and_all_keys(folder: Path) -> None:
    settings = load_settings(_settings_of(folder, "operator"))
    owner = (folder / "mysql/owner").read_text().strip()
    for service in NAMES:
        assert f"popug_owner:{owner}@" in settings.database_for(service)
        load_signing_key(settings.keys, service)
    load_vault(settings)
    assert (folder / "migrate/database_url").read_bytes() == (
        folder / "operator/database_url"
    ).read_bytes()


def test_every_password_is_another_one_and_long(folder: Path) -> None:
    files = [*(folder / "mysql").iterdir(), folder / "rabbitmq/password"]
    passwords = [p.read_text().strip() for p in (*files, folder / "grafana/admin_password")]
    assert len(set(passwords)) == len(NAMES) + 4
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in passwords)
    credentials = (folder / "rabbitmq/credentials.conf").read_text()
    assert f"default_pass = {(folder / 'rabbitmq/password').read_text()}" in credentials


def test_only_the_owner_gets_past_the_folder_and_a_container_reads_what_is_in_it(
    folder: Path,
) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.rglob("*"):
        mode = path.stat().st_mode & 0o777
        if path.is_relative_to(folder / "keys"):
            assert mode in (0o600, 0o700), path
        else:
            assert mode == (0o755 if path.is_dir() else 0o444), path


def test_a_second_time_changes_nothing_and_mends_what_is_missing(folder: Path) -> None:
    before = _contents(folder)
    assert make_secrets(folder, NAMES) == []
    assert _contents(folder) == before
    (folder / "auth/database_url").unlink()
    (folder / "tasks/keys/tasks.pem").unlink()
    (folder / "mysql").chmod(0o700)
    assert make_secrets(folder, NAMES) == [
        folder / "auth/database_url",
        folder / "tasks/keys/tasks.pem",
    ]
    assert _contents(folder) == before
    assert (folder / "mysql").stat().st_mode & 0o777 == 0o755


def test_an_operators_own_value_stays(folder: Path) -> None:
    own = folder / "mailer/smtp_url"
    own.chmod(0o600)
    own.write_text("smtp://mail:1025\n")
    make_secrets(folder, NAMES)
    assert own.read_text() == "smtp://mail:1025\n"
    assert own.stat().st_mode & 0o777 == 0o444


def test_the_copies_follow_the_keys(folder: Path) -> None:
    cards = json.loads((folder / "keys/cards.json").read_text())
    (folder / "keys/cards.json").write_text(json.dumps({**cards, "more": 1}))
    (public,) = (folder / "keys").glob("auth.*.pub.pem")
    public.unlink()
    make_secrets(folder, NAMES)
    assert json.loads((folder / "billing/keys/cards.json").read_text())["more"] == 1
    assert not list(folder.glob(f"*/keys/{public.name}"))


@pytest.mark.parametrize("name", ["cards.json", "card-hashes.json", "auth.pem"])
def test_a_lost_key_is_put_back_and_never_made_anew(folder: Path, name: str) -> None:
    lost = (folder / "keys" / name).read_bytes()
    (folder / "keys" / name).unlink()
    before = _contents(folder)
    with pytest.raises(KeyMissing, match=f"{name} is missing; put it back from"):
        make_secrets(folder, NAMES)
    assert _contents(folder) == before
    shutil.copy(folder / "operator/keys" / name, folder / "keys" / name)
    assert make_secrets(folder, NAMES) == [], "the copy that was put back is no new file"
    assert (folder / "keys" / name).read_bytes() == lost
