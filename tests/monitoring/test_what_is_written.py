"""Alarms and dashboards against the code and the book of the operator."""

import re
from collections.abc import Iterator

import pytest
import yaml

from chassis.broker import InProcessBroker, QueueState
from popug.system import system
from tests.monitoring.expressions import (
    GRAFANA,
    PROMETHEUS,
    ROOT,
    alarms,
    all_expressions,
    boards,
    family,
    figures_in,
    panels,
    rules,
)
from tests.support import Workbench

BOOK = (ROOT / "docs/operations.md").read_text()
# What Prometheus itself and RabbitMQ's plugin tell; the test of the running system sees them.
OTHERS = re.compile(r"^(up|ALERTS|rabbitmq_\w+)$")


class _AskedBroker(InProcessBroker):
    def queues(self, subscriber: str) -> list[QueueState]:
        return [QueueState(subscriber, "events", 0, 1)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """The names of all figures that the six services tell where they work."""
    bench = Workbench(tmp_path_factory.mktemp("told"), *system.services)
    names: set[str] = set()
    for runtime in bench.embedded.runtimes.values():
        runtime.broker, runtime.works = _AskedBroker(), True
        text = runtime.metrics.text(runtime.figures).decode()
        names |= set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    # Without a closed day there is no last one.
    names.add("accounts_closed_through_timestamp_seconds")
    yield names
    bench.close()


def test_every_figure_that_is_read_is_told_by_somebody(told: set[str]) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for expression in all_expressions():
        names = figures_in(expression)
        assert names, expression
        for name in names:
            known = family(name) in told or name in told or name in recorded
            assert known or OTHERS.match(name), f"{name} in {expression}"


def test_every_figure_that_is_told_is_explained_to_the_operator(told: set[str]) -> None:
    section = BOOK.split("## Figures and alarms")[1].split("\n## ")[0]
    missing = {name for name in told if f"`{name}`" not in section}
    assert not missing
    explained = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    for name in re.findall(r"`(\w+)`", " ".join(explained)):
        assert name in told, f"{name} is explained, and nobody tells it"


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        (
            'sum by (le) (rate(a_bucket{b="c d"}[5m])) > 0.02 and on (x) e_total',
            {"a_bucket", "e_total"},
        ),
        ("count(up == 0) or vector(0)", {"up"}),
        ("service:queue_backlog:sum > 100", {"service:queue_backlog:sum"}),
        ('max(a) - 2 * max(b{c=~"d|e"}[1h])', {"a", "b"}),
    ],
)
def test_the_names_in_an_expression_are_found(expression: str, names: set[str]) -> None:
    assert figures_in(expression) == names


def test_every_alarm_says_how_bad_it_is_what_it_is_and_where_to_read_on() -> None:
    names = [alarm["alert"] for alarm in alarms()]
    assert len(set(names)) == len(names)
    for alarm in alarms():
        assert alarm["labels"]["severity"] in ("page", "ticket")
        assert alarm["annotations"]["summary"]
        path, _, anchor = alarm["annotations"]["runbook"].partition("#")
        assert path == "docs/operations.md"
        (row,) = [line for line in BOOK.splitlines() if f'<a id="{anchor}"></a>' in line]
        assert f"**{alarm['alert']}**" in row
        # The book wakes nobody for what may wait, and the other way round.
        assert f"** {alarm['labels']['severity']} |" in row
        assert all(cell.strip() for cell in row.strip("|").split("|"))


def test_the_book_tells_of_no_alarm_that_does_not_ring() -> None:
    rows = [line for line in BOOK.splitlines() if line.startswith('| <a id="alarm-')]
    told = {name for row in rows for name in re.findall(r"\*\*(\w+)\*\*", row.split("|")[1])}
    assert told == {alarm["alert"] for alarm in alarms()}


def test_prometheus_asks_every_web_process_every_worker_and_rabbitmq() -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    popug, rabbitmq = config["scrape_configs"]
    # A name may stand for several containers, each of which is an address of its own.
    assert {found["type"] for found in popug["dns_sd_configs"]} == {"A"}
    named = [(n, found["port"]) for found in popug["dns_sd_configs"] for n in found["names"]]
    expected = [(f"{name}-web", 8000) for name in system.names]
    expected += [(f"{name}-worker", 9100) for name in system.names]
    assert sorted(named) == sorted(expected)
    assert "static_configs" not in popug, "asked twice, everything would count twice"
    assert rabbitmq["static_configs"] == [{"targets": ["rabbitmq:15692"]}]


def test_every_panel_says_what_it_shows_in_which_unit_and_whose_line_is_which() -> None:
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())
    uid = source["datasources"][0]["uid"]
    for panel in panels():
        where = f"{panel.board}: {panel.title}"
        assert panel.raw["description"].endswith("."), where
        assert panel.raw["fieldConfig"]["defaults"]["unit"], where
        assert panel.raw["datasource"]["uid"] == uid, where
        assert panel.expressions, where
        for target in panel.raw["targets"]:
            assert target["legendFormat"], where
            assert target["datasource"]["uid"] == uid, where
        assert len({t["refId"] for t in panel.raw["targets"]}) == len(panel.raw["targets"]), where


def test_dashboards_are_told_apart_and_their_panels_do_not_overlap() -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/popug.yml").read_text())
    assert provider["providers"][0]["options"]["path"] == "/etc/grafana/dashboards"
    found = boards()
    assert len({board["uid"] for board in found.values()}) == len(found) == 3
    for name, board in found.items():
        assert board["title"].startswith("Popug")
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids), name
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert at["x"] + at["w"] <= 24, (name, panel["title"])
            assert not cells & taken, (name, panel["title"])
            taken |= cells
        titles = [panel["title"] for panel in board["panels"]]
        assert len(set(titles)) == len(titles), name
