"""Alarms ring when they should, as Prometheus' own tool judges it."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.monitoring.expressions import PROMETHEUS, alarms

TESTS = Path(__file__).with_name("alerts_test.yml")
pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="prometheus is not installed"
)


def _promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, check=False, timeout=120
    )


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    for what in ("config", "rules"):
        file = "prometheus.yml" if what == "config" else "alerts.yml"
        checked = _promtool("check", what, PROMETHEUS / file)
        assert checked.returncode == 0, checked.stderr


def test_each_alarm_rings_on_its_fault_and_not_on_what_looks_like_it() -> None:
    tested = _promtool("test", "rules", TESTS)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_each_alarm_has_such_a_test_in_which_it_rings() -> None:
    cases = yaml.safe_load(TESTS.read_text())["tests"]
    ringing = {
        each["alertname"]
        for case in cases
        for each in case["alert_rule_test"]
        if each.get("exp_alerts")
    }
    assert ringing == {alarm["alert"] for alarm in alarms()}


def test_an_alarm_that_no_longer_rings_is_noticed(tmp_path: Path) -> None:
    rules = (PROMETHEUS / "alerts.yml").read_text()
    broken = rules.replace("parked_events) > 0", "parked_events) > 3")
    assert broken != rules
    (tmp_path / "alerts.yml").write_text(broken)
    cases = TESTS.read_text().replace("../../monitoring/prometheus/alerts.yml", "alerts.yml")
    (tmp_path / "alerts_test.yml").write_text(cases)
    tested = _promtool("test", "rules", tmp_path / "alerts_test.yml")
    assert tested.returncode != 0
    assert "EventsParked" in tested.stdout + tested.stderr
