"""docker-compose.yml has what the `popug` command has, and each container is kept tight."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.settings import PREFIX, Settings
from popug.cli import main
from popug.container_secrets import make_secrets
from popug.system import system

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROCESSES = {f"{name}-{kind}" for name in system.names for kind in ("web", "worker")}
# They end by themselves, and are healthy when they have.
ONE_SHOT = {"migrate", "popug"}
# Mounted from another file, for TLS.
TLS: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.tls.yml").read_text())["services"]


@pytest.fixture(scope="module")
def secret_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("containers") / "secrets"
    make_secrets(folder, system.names)
    return folder


def _mounts(service: dict[str, Any]) -> list[list[str]]:
    return [str(volume).split(":") for volume in service.get("volumes", [])]


def test_every_package_goes_into_the_image() -> None:
    ours = {p.parent.name for p in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert set(built["targets"]["wheel"]["packages"]) == ours
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert {name for name in sent if (ROOT / name / "__init__.py").exists()} == ours


def test_every_service_has_a_web_process_and_a_worker() -> None:
    of_popug = {name for name, service in SERVICES.items() if "build" in service}
    assert of_popug == PROCESSES | {"migrate", "cron", "popug", "bank"}
    for name in PROCESSES:
        service, kind = name.split("-")
        port = {"web": "8000", "worker": "9100"}[kind]
        assert SERVICES[name]["command"] == [kind, service, "--bind", f"0.0.0.0:{port}"]


def test_every_command_is_one_that_popug_has() -> None:
    for name, service in SERVICES.items():
        if "build" in service:
            command, *arguments = service["command"]
            parsed = main.commands[command].make_context(command, list(arguments))
            assert parsed.params, name


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_kept_tight(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges=true"]
    assert "privileged" not in service
    assert service["logging"]["options"]["max-file"]
    assert "mem_limit" in service
    if name not in ONE_SHOT:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"
    for _place, inside, *options in _mounts(service):
        writable = not any("ro" in each.split(",") for each in options)
        assert not writable or not _place.startswith("."), f"{inside} is of this folder"


def test_nobody_is_root() -> None:
    users = re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users == ["10001:10001"]
    for name, service in SERVICES.items():
        user = str(service.get("user", users[0] if "build" in service else ""))
        assert user.split(":")[0] not in ("", "0", "root"), name


def test_only_nginx_publishes_ports_and_is_on_the_outer_network() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"nginx"}
    assert set(TLS) == {"nginx"}
    outside = {name for name, service in SERVICES.items() if "outside" in service["networks"]}
    assert outside == {"nginx"}
    outgoing = {name for name, service in SERVICES.items() if "outgoing" in service["networks"]}
    assert outgoing == {"billing-web", "billing-worker", "mailer-worker"}
    inner = {name for name, net in COMPOSE["networks"].items() if (net or {}).get("internal")}
    assert inner == {"front", "back", "bank"}
    assert set(SERVICES["nginx"]["networks"]) == {"outside", "front"}


def test_only_who_asks_the_bank_reaches_it_and_both_know_one_key(secret_files: Path) -> None:
    reach = {name for name, service in SERVICES.items() if "bank" in service["networks"]}
    assert reach == {"bank", "billing-web", "billing-worker", "popug"}
    assert SERVICES["bank"]["networks"] == ["bank"]
    place = f"http://bank:{SERVICES['bank']['command'][-1].rpartition(':')[2]}"
    for name in reach - {"bank"}:
        assert SERVICES[name]["environment"]["POPUG_BANK_URL"] == place
    keys = [secret_files / folder / "bank_key" for folder in ("bank", "billing", "operator")]
    assert len({key.read_text() for key in keys}) == 1 and len(keys[0].read_text().strip()) == 48


def test_what_is_started_waits_for_what_it_needs_to_be_healthy() -> None:
    for name in PROCESSES | {"cron"}:
        needs = SERVICES[name]["depends_on"]
        assert needs["mysql"] == {"condition": "service_healthy"}
        assert needs["migrate"] == {"condition": "service_completed_successfully"}
        assert ("rabbitmq" in needs) == name.endswith("-worker"), "pages work without it"


def test_each_container_is_given_its_own_folder_of_secrets(secret_files: Path) -> None:
    given = {
        name: {
            place.removeprefix("./secrets/") for place, *_ in _mounts(service) if "secr" in place
        }
        for name, service in SERVICES.items()
    }
    expected = {name: {name.split("-")[0]} for name in PROCESSES} | {
        "cron": {"accounts"},
        "migrate": {"migrate"},
        "bank": {"bank"},
        "popug": {"operator"},
        "mysql": {"mysql"},
        "rabbitmq": {"rabbitmq/credentials.conf"},
        "grafana": {"grafana"},
    }
    assert {name: places for name, places in given.items() if places} == expected
    for places in expected.values():
        for place in places:
            assert (secret_files / place).exists()


def test_every_file_that_a_setting_names_is_made(secret_files: Path) -> None:
    for name, service in SERVICES.items():
        if "build" not in service:
            continue
        given = [place for place, *_ in _mounts(service) if place.startswith("./secrets/")]
        (folder,) = [secret_files / Path(place).name for place in given]
        for setting, value in service["environment"].items():
            known = setting.removeprefix(PREFIX).removesuffix("_FILE").lower()
            assert known in Settings.model_fields, setting
            if str(value).startswith("/run/secrets/"):
                place = folder / str(value).removeprefix("/run/secrets/")
                assert place.exists(), f"{name}: {setting}"


def test_every_mounted_file_of_the_repository_is_there() -> None:
    for service in SERVICES.values():
        for place, *_ in _mounts(service):
            if place.startswith("./") and not place.startswith("./secrets/"):
                assert (ROOT / place).exists(), place


def test_every_variable_is_explained_with_its_default() -> None:
    text = TEXT + (ROOT / "docker-compose.tls.yml").read_text()
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    explained = dict(
        re.findall(r"^#(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    )
    assert explained == used


def test_the_database_is_told_of_every_service_and_to_be_durable() -> None:
    script = (ROOT / "mysql/init/popug.sh").read_text()
    (named,) = re.findall(r"for service in ([a-z ]+);", script)
    assert set(named.split()) == set(system.names)
    settings = (ROOT / "mysql/popug.cnf").read_text()
    for line in (
        "innodb_flush_log_at_trx_commit = 1",
        "sync_binlog = 1",
        "log_bin_trust_function_creators = 1",
        "skip_name_resolve = ON",
    ):
        assert line in settings.splitlines()


def test_no_password_is_in_the_repository_and_secrets_are_ignored_by_git_and_builds() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", "secrets/mysql/root", ".env"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ignored.stdout.split() == ["secrets/mysql/root", ".env"]
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
    assert not re.search(r"(PASSWORD|SECRET|TOKEN)\w*(?<!_FILE):", TEXT)


def test_the_image_holds_the_locked_versions_and_no_package_of_the_tests() -> None:
    locks = {
        name: dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-image.lock")
    }
    image, everything = locks["requirements-image.lock"], locks["requirements.lock"]
    assert image.items() <= everything.items()
    assert {"flask", "gunicorn", "pika", "pymysql", "hatchling"} <= set(image)
    assert not {"pytest", "mypy", "ruff", "playwright", "pre-commit"} & set(image)
