"""A private Prometheus over a running split system: panels show something, alarms ring."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
import requests
import yaml

from tests import mariadb
from tests.monitoring.expressions import PROMETHEUS, RANGE, Panel, alarms, panels
from tests.nginx import SERVICES
from tests.servers import rabbitmq as own_rabbitmq
from tests.servers.ports import free_port
from tests.servers.process import OwnProcess
from tests.servers.rabbitmq import RabbitMqServer
from tests.system.company import CARD, Company
from tests.system.split import Servers, SplitPopug, why_not
from tests.waiting import wait_for, wait_until_equal

SCRAPES_EVERY = "1s"
# What Grafana would say at this pace: four scrapes and some.
RATE_INTERVAL = "10s"
PATIENCE_SECONDS = 240


class PrivatePrometheus:
    """Prometheus with the project's configuration, but told what the name server would say."""

    def __init__(self, folder: Path, addresses: dict[str, str]) -> None:
        folder.mkdir()
        config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": SCRAPES_EVERY, "evaluation_interval": SCRAPES_EVERY}
        for job in config["scrape_configs"]:
            named = [
                (n, each["port"]) for each in job.pop("dns_sd_configs", []) for n in each["names"]
            ]
            found = [(t, t) for each in job.get("static_configs", []) for t in each["targets"]]
            found += [(name, f"{name}:{port}") for name, port in named]
            job["static_configs"] = [
                {"targets": [addresses[target]], "labels": {"__meta_dns_name": name}}
                for name, target in found
            ]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        shutil.copy(PROMETHEUS / "alerts.yml", folder)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        self.log = folder / "prometheus.log"
        self._process = OwnProcess(command, {"HOME": str(folder)}, self.log)
        wait_for(self._ready, f"Prometheus ({self.log})", PATIENCE_SECONDS)

    def query(self, expression: str) -> list[Any]:
        """The series that an expression gives now. Raises AssertionError if it is wrong."""
        answer = requests.get(
            f"{self.url}/api/v1/query",
            params={"query": expression.replace(RANGE, RATE_INTERVAL)},
            timeout=30,
        ).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        return list(answer["data"]["result"])

    def get(self, path: str) -> Any:
        return requests.get(f"{self.url}/api/v1/{path}", timeout=30).json()["data"]

    def stop(self) -> None:
        self._process.ask_to_end()
        self._process.wait()

    def _ready(self) -> bool:
        assert self._process.ended is None, self.log.read_text()[-3000:]
        try:
            return requests.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.RequestException:
            return False


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMqServer]:
    """A RabbitMQ of our own, which tells Prometheus how it does."""
    missing = why_not() or own_rabbitmq.why_not()
    if shutil.which("prometheus") is None:
        missing = "prometheus is not installed"
    if missing:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("rabbitmq")
    server = RabbitMqServer(folder, figures=True)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def popug(broker: RabbitMqServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SplitPopug]:
    with mariadb.limited_databases(SERVICES) as databases:
        system = SplitPopug(tmp_path_factory.mktemp("split"), Servers(databases, broker.url()))
        system.start()
        system.add_admin()
        yield system
        system.stop()


@pytest.fixture(scope="module")
def prometheus(
    popug: SplitPopug, broker: RabbitMqServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrivatePrometheus]:
    addresses = {f"{name}-web:8000": popug.web_address(name) for name in SERVICES}
    addresses |= {f"{name}-worker:9100": popug.worker_address(name) for name in SERVICES}
    addresses["rabbitmq:15692"] = broker.figures_address
    folder = tmp_path_factory.mktemp("monitoring") / "prometheus"
    started = PrivatePrometheus(folder, addresses)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def traffic(popug: SplitPopug, prometheus: PrivatePrometheus) -> Company:
    """A company that has lived: tasks, closes, a closed day, payouts."""
    wait_for(lambda: prometheus.query("sum(up) == 13"), "all targets", PATIENCE_SECONDS)
    company = Company(popug.url, workers=2)
    for person in company.workers:
        stored = person.ask("PUT", "/billing/api/v1/cards/me", json={"card_number": CARD})
        assert stored.ok, stored.text
    earned = dict.fromkeys(company.by_id, 0)
    for number in range(10):
        task = company.manager.post("/tasks/api/v1/tasks", title=f"Task {number}")
        company.by_id[task["assignee_id"]].post(f"/tasks/api/v1/tasks/{task['id']}/close")
        earned[task["assignee_id"]] += task["reward"] - task["fee"]
    wait_until_equal(company.balances, earned, "what everybody earned")
    assert any(earned[person.id] for person in company.workers)
    today = company.accountant.get("/accounts/api/v1/company")["items"][-1]["date"]
    company.accountant.post(f"/accounts/api/v1/days/{today}/close")
    return company


def _shows_something(prometheus: PrivatePrometheus, panel: Panel) -> bool:
    return all(prometheus.query(expression) for expression in panel.expressions)


def test_prometheus_reaches_every_process_and_knows_which_is_which(
    prometheus: PrivatePrometheus, traffic: Company
) -> None:
    def found() -> set[tuple[str, str]]:
        return {
            (series["metric"]["service"], series["metric"]["process"])
            for series in prometheus.query('up{job="popug"} == 1')
        }

    # Who asks each second has no patience: a busy machine is late for it now and then.
    every = {(name, process) for name in SERVICES for process in ("web", "worker")}
    wait_until_equal(found, every, "all processes", PATIENCE_SECONDS)
    rabbitmq = 'up{job="rabbitmq"} == 1'
    wait_until_equal(lambda: len(prometheus.query(rabbitmq)), 1, "RabbitMQ", PATIENCE_SECONDS)


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: f"{panel.board}-{panel.title}")
def test_every_panel_shows_something_after_some_traffic(
    panel: Panel, prometheus: PrivatePrometheus, traffic: Company
) -> None:
    wait_for(
        lambda: _shows_something(prometheus, panel),
        f"data for {panel.title}: {panel.expressions}",
        PATIENCE_SECONDS,
    )


def test_the_figures_are_those_of_what_was_done(
    prometheus: PrivatePrometheus, traffic: Company
) -> None:
    closed = 'events_applied_total{service="accounts",type="popug.tasks.task_closed.v1"}'
    wait_for(lambda: prometheus.query(f"{closed} == 10"), "ten closed tasks", PATIENCE_SECONDS)
    lag = 'event_lag_seconds_count{service="accounts",type="popug.tasks.task_closed.v1"} == 10'
    wait_for(lambda: prometheus.query(lag), "their lag", PATIENCE_SECONDS)
    posted = 'sum(http_requests_total{service="tasks",method="POST",route="/api/v1/tasks"}) == 10'
    wait_for(lambda: prometheus.query(posted), "ten requests", PATIENCE_SECONDS)
    # The accountant has no card, so what he earned waits for one.
    waiting = len(traffic.admin.items("/billing/api/v1/payouts", status="waiting_for_card"))
    told = f'max(payouts{{status="waiting_for_card"}}) == {waiting}'
    wait_for(lambda: prometheus.query(told), "the payouts", PATIENCE_SECONDS)


def test_every_alarm_is_evaluated_and_none_rings_while_all_is_well(
    prometheus: PrivatePrometheus, traffic: Company
) -> None:
    def evaluated() -> list[Any]:
        rules = [r for group in prometheus.get("rules")["groups"] for r in group["rules"]]
        return rules if all(rule["health"] == "ok" for rule in rules) else []

    rules = wait_for(evaluated, "all rules", PATIENCE_SECONDS)
    known = [rule for rule in rules if rule["type"] == "alerting"]
    assert {rule["name"] for rule in known} == {alarm["alert"] for alarm in alarms()}
    ringing = [rule["name"] for rule in known if rule["state"] == "firing"]
    assert ringing == []


def test_an_event_that_no_queue_is_bound_for_rings_and_is_kept(
    popug: SplitPopug, broker: RabbitMqServer, prometheus: PrivatePrometheus, traffic: Company
) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(broker.url()))
    channel = connection.channel()
    channel.confirm_delivery()
    # As a service of a newer version would, whose event nobody hears yet. Confirmed, and
    # not returned: the sender may forget it.
    channel.basic_publish("popug.events", "popug.tasks.task_praised.v1", b"{}", mandatory=True)
    connection.close()
    rings = 'ALERTS{alertname="EventsUnroutable",alertstate="firing"}'
    wait_for(lambda: prometheus.query(rings), "the alarm", PATIENCE_SECONDS)
    connection = pika.BlockingConnection(pika.URLParameters(broker.url()))
    _, _, body = connection.channel().basic_get("popug.unroutable.v2", auto_ack=True)
    connection.close()
    assert body == b"{}"
    wait_for(lambda: not prometheus.query(rings), "the end of the alarm", PATIENCE_SECONDS)


def test_a_worker_that_is_gone_is_told_and_the_others_go_on(
    popug: SplitPopug, prometheus: PrivatePrometheus, traffic: Company
) -> None:
    popug.processes.kill("worker-mailer")
    down = 'up{service="mailer",process="worker"} == 0'
    wait_for(lambda: prometheus.query(down), "the worker's end", PATIENCE_SECONDS)
    pending = 'ALERTS{alertname="ProcessDown",service="mailer",process="worker"}'
    wait_for(lambda: prometheus.query(pending), "the alarm", PATIENCE_SECONDS)
    still = 'max(outbox_depth{service="mailer"})'
    wait_for(lambda: prometheus.query(still), "its web process to tell", PATIENCE_SECONDS)
