"""`docker compose up`: healthy, the story, killed containers, `down` and `up`, what is closed.

The tests of a module run in order on one project, once for each RabbitMQ.
"""

import json
import shutil
import subprocess
import sys
import time
from typing import Any

import pytest
import requests

from tests.certificates import self_signed
from tests.compose.project import ROOT, Project
from tests.system.company import PASSWORD
from tests.system.running import ADMIN, Person
from tests.waiting import wait_for, wait_until_equal

SERVICES = ("auth", "tasks", "accounts", "billing", "mailer", "analytics")
# Killed together: what fails alone fails in company as well, and the rounds are fewer.
ROUNDS = (
    *((f"{service}-web", f"{service}-worker") for service in SERVICES),
    ("nginx", "cron", "prometheus", "bank"),
    ("mysql",),
    ("rabbitmq",),
)
STORY_SECONDS = 900
RETRY_SECONDS = 300
CATCH_UP_SECONDS = 180


def test_the_story_passes_unchanged_through_the_published_port(project: Project) -> None:
    popug = " ".join([*project.compose_command, "run", "--rm", "-T", "popug"])
    told = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-n", "0", "tests/system/test_story.py"),
            *("--base-url", project.url, "--popug", popug),
        ],
        cwd=ROOT,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=STORY_SECONDS,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-6000:] + told.stderr[-2000:]
    assert "1 passed" in told.stdout


def test_nobody_is_root_and_nothing_can_be_written_but_volumes(project: Project) -> None:
    containers = project.containers()
    assert set(containers) >= set(project.services())
    for name, container in containers.items():
        host = container["HostConfig"]
        user = container["Config"]["User"]
        assert user not in ("", "0", "root") and not user.startswith(("0:", "root:")), name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"] and not host["Privileged"], name
        assert "no-new-privileges=true" in host["SecurityOpt"], name
        written = [m for m in container["Mounts"] if m["RW"]]
        assert {m["Type"] for m in written} <= {"volume"}, name
        if container["State"]["Running"]:
            lines = project.docker("top", container["Id"], "-eo", "uid,pid").splitlines()[1:]
            assert "0" not in {line.split()[0] for line in lines}, name


def test_only_nginx_publishes_ports_and_those_of_operators_on_loopback(project: Project) -> None:
    published = {
        name: {
            inside: {(each["HostIp"], each["HostPort"]) for each in outside}
            for inside, outside in container["HostConfig"]["PortBindings"].items()
        }
        for name, container in project.containers().items()
        if container["HostConfig"]["PortBindings"]
    }
    ports = {name: str(port) for name, port in project.ports.items()}
    assert published == {
        "nginx": {
            "8080/tcp": {("127.0.0.1", ports["POPUG_PORT"])},
            "3000/tcp": {("127.0.0.1", ports["GRAFANA_PORT"])},
            "8025/tcp": {("127.0.0.1", ports["MAIL_PORT"])},
        }
    }


def test_no_secret_is_in_what_inspect_shows(project: Project) -> None:
    shown = json.dumps(project.containers())
    for path in (project.folder / "secrets").rglob("*"):
        if path.is_file() and not path.name.endswith(".pub.pem") and path.stat().st_size:
            secret = path.read_text().strip()
            assert not secret or secret not in shown, path


def test_nginx_and_the_world_outside_are_kept_from_the_databases(project: Project) -> None:
    def reaches(service: str, host: str, port: int) -> bool:
        container = project.containers()[service]["Id"]
        script = f"timeout 5 bash -c '</dev/tcp/{host}/{port}' 2>/dev/null && echo reached"
        return project.docker("exec", container, "bash", "-c", script, check=False) == "reached"

    assert reaches("tasks-web", "mysql", 3306), "the question itself must work"
    assert not reaches("nginx", "mysql", 3306)
    assert not reaches("nginx", "rabbitmq", 5672)
    assert reaches("billing-web", "bank", 8090)
    assert not reaches("nginx", "bank", 8090) and not reaches("tasks-web", "bank", 8090)
    assert reaches("nginx", "tasks-web", 8000)


def test_the_bank_is_switched_by_the_operator_and_closed_to_the_outside(project: Project) -> None:
    switched = project.command("bank-faults", "too_many=1")
    assert (switched.returncode, switched.stdout.strip()) == (0, "too_many=1"), switched.stderr
    assert project.command("bank-faults", "--none").returncode == 0
    for path in ("/bank", "/bank/v1/book", "/bank/admin/faults"):
        assert requests.get(f"{project.url}{path}", timeout=60).status_code == 404


def test_prometheus_sees_every_service_and_rabbitmq(project: Project) -> None:
    container = project.containers()["prometheus"]["Id"]

    def targets() -> list[tuple[str, ...]]:
        said = project.docker(
            *("exec", container, "wget", "-q", "-O", "-"),
            "http://127.0.0.1:9090/api/v1/targets?state=active",
        )
        found: list[Any] = json.loads(said)["data"]["activeTargets"]
        return sorted((*_which(target["labels"]), target["health"]) for target in found)

    # Each once: one that is asked on two networks would count twice.
    processes = [(name, process) for name in SERVICES for process in ("web", "worker")]
    expected: list[tuple[str, ...]] = [("popug", *process, "up") for process in processes]
    expected.append(("rabbitmq", "", "", "up"))
    wait_until_equal(targets, sorted(expected), "all targets, and up", RETRY_SECONDS)


def _which(labels: dict[str, str]) -> tuple[str, str, str]:
    return labels["job"], labels.get("service", ""), labels.get("process", "")


@pytest.fixture(scope="module")
def journal(project: Project) -> dict[str, int]:
    """Every popug's balance as it must be: as it is now, less what is charged from here on."""
    return _balances(_admin(project))


def _admin(project: Project) -> Person:
    return Person(project.url, *ADMIN)


def _balances(admin: Person) -> dict[str, int]:
    people = admin.items("/auth/api/v1/users", candidates="true")
    path = "/accounts/api/v1/accounts/{}"
    return {p["id"]: admin.get(path.format(p["id"]))["balance"] for p in people}


def _create_until_answered(admin: Person, key: str) -> dict[str, Any]:
    """One task, however often it must be asked for, under one Idempotency-Key."""
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            answer = admin.ask(
                "POST",
                "/tasks/api/v1/tasks",
                json={"title": f"While it was killed {key}"},
                headers={"Idempotency-Key": key},
            )
            if answer.status_code == 201:
                task: dict[str, Any] = answer.json()
                return task
            said = f"{answer.status_code} {answer.text[:500]}"
        except requests.RequestException as broken:
            said = str(broken)
        assert time.monotonic() < deadline, said
        time.sleep(0.2)


@pytest.mark.parametrize("killed", ROUNDS, ids="+".join)
def test_what_is_killed_heals_by_itself_and_loses_nothing(
    project: Project, journal: dict[str, int], killed: tuple[str, ...]
) -> None:
    admin = _admin(project)
    number = ROUNDS.index(killed)
    _charge(journal, _create_until_answered(admin, f"before-{number}"))
    project.kill(*killed)
    for each in range(3):
        _charge(journal, _create_until_answered(admin, f"during-{number}-{each}"))
    project.wait_until_healthy()
    wait_for(
        lambda: _balances(admin) == journal, f"every fee after {killed} fell", CATCH_UP_SECONDS
    )


def _charge(journal: dict[str, int], task: dict[str, Any]) -> None:
    journal[task["assignee_id"]] -= task["fee"]


def test_all_books_agree_after_the_kills(project: Project) -> None:
    reconciled = project.command("reconcile", "--json", "--wait", "60")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr


def test_a_web_container_at_another_address_is_found(project: Project) -> None:
    def address() -> str:
        networks = project.containers()["tasks-web"]["NetworkSettings"]["Networks"]
        return str(networks[f"{project.name}_front"]["IPAddress"])

    before = address()
    image = project.containers()["tasks-web"]["Config"]["Image"]
    assert project.compose("rm", "--stop", "--force", "tasks-web").returncode == 0
    # Somebody else sits down on the address that has become free.
    squatter = project.docker(
        *("run", "--detach", "--rm", f"--network={project.name}_front"),
        *("--entrypoint", "sleep", image, "600"),
    )
    try:
        assert requests.get(f"{project.url}/tasks/healthz", timeout=60).status_code == 502
        project.up("tasks-web")
        assert address() != before
        wait_for(
            lambda: requests.get(f"{project.url}/tasks/healthz", timeout=60).status_code == 200,
            "nginx to find it",
        )
    finally:
        project.docker("rm", "--force", squatter)


def test_nginx_starts_while_a_service_is_away(project: Project) -> None:
    assert project.compose("stop", "mailer-web").returncode == 0
    assert project.compose("restart", "nginx").returncode == 0
    wait_for(lambda: set(project.ill()) == {"mailer-web"}, "nginx to be healthy", RETRY_SECONDS)
    assert requests.get(f"{project.url}/tasks/healthz", timeout=60).status_code == 200
    assert requests.get(f"{project.url}/mailer/healthz", timeout=60).status_code in (502, 504)
    project.up("mailer-web")


def test_down_and_up_keep_everything(project: Project, journal: dict[str, int]) -> None:
    admin = _admin(project)
    _charge(journal, _create_until_answered(admin, "right before the end"))
    project.down()
    assert not project.containers()
    # The mail catcher comes along: a mail that was kept is sent to it.
    url = project.folder / "secrets/mailer/smtp_url"
    url.chmod(0o600)
    url.write_text("smtp://mail:1025\n")
    url.chmod(0o444)
    started = project.compose("--profile", "mail", "up", "-d", *project.services(), "mail")
    assert started.returncode == 0, started.stderr[-4000:]
    project.wait_until_healthy()
    # Who was signed in still is, for the keys are the same.
    wait_until_equal(lambda: _balances(admin), journal, "balances after down and up")
    reconciled = project.command("reconcile", "--json", "--wait", "60")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr


def test_a_mail_reaches_the_catcher_and_is_seen_through_nginx(project: Project) -> None:
    admin = _admin(project)
    kept = next(m for m in admin.items("/mailer/api/v1/mails") if m["status"] == "kept")
    admin.post(f"/mailer/api/v1/mails/{kept['id']}/resend")
    page = f"http://127.0.0.1:{project.ports['MAIL_PORT']}/api/v1/messages"

    def caught() -> list[tuple[str, str]]:
        answer = requests.get(page, timeout=30)
        if answer.status_code != 200:
            return []
        return [(m["To"][0]["Address"], m["Subject"]) for m in answer.json()["messages"]]

    wait_for(lambda: (kept["email"], kept["subject"]) in caught(), "the mail", CATCH_UP_SECONDS)


def test_a_person_who_was_hired_before_is_still_known(project: Project) -> None:
    admin = _admin(project)
    email = f"late-{project.name}@popug.test"
    admin.post("/auth/api/v1/users", email=email, name="Late", role="worker", password=PASSWORD)
    project.kill("auth-web")
    project.wait_until_healthy()
    assert Person(project.url, email, PASSWORD).get("/auth/api/v1/users/me")["name"] == "Late"


def test_nginx_ends_tls_with_the_second_file(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    certificate, key = self_signed(tmp_path_factory.mktemp("tls"))
    folder = project.folder / "secrets/tls"
    folder.mkdir(mode=0o755)
    for source, name in ((certificate, "certificate.pem"), (key, "key.pem")):
        shutil.copy(source, folder / name)
        (folder / name).chmod(0o444)
    secure = f"https://127.0.0.1:{project.ports['POPUG_TLS_PORT']}"
    project.files.append("docker-compose.tls.yml")
    project.environment["POPUG_PUBLIC_URL"] = secure
    project.up()
    led = requests.get(f"{project.url}/tasks/", timeout=60, allow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (308, f"{secure}/tasks/")
    page = requests.get(f"{secure}/auth/login", timeout=60, verify=str(certificate))
    assert page.status_code == 200
    assert page.headers["strict-transport-security"]
