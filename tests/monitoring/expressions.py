"""What is written in `monitoring/`: alarms and panels, and the figures that they use."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "monitoring/prometheus"
GRAFANA = ROOT / "monitoring/grafana"
# What Grafana puts in the place of its own name for a range.
RANGE = "$__rate_interval"
_WORDS = frozenset({"and", "or", "unless", "by", "on", "without", "ignoring"})
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])")


@dataclass(frozen=True)
class Panel:
    """One panel of a dashboard with its queries."""

    board: str
    title: str
    kind: str
    raw: Any

    @property
    def expressions(self) -> list[str]:
        return [target["expr"] for target in self.raw["targets"]]


def boards() -> dict[str, Any]:
    """Every dashboard by the name of its file."""
    files = sorted((GRAFANA / "dashboards").glob("*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files}


def panels() -> list[Panel]:
    """Every panel that shows something."""
    return [
        Panel(name, panel["title"], panel["type"], panel)
        for name, board in boards().items()
        for panel in board["panels"]
        if panel["type"] != "row"
    ]


def rules() -> list[Any]:
    """Every alarm and every recorded figure."""
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alarms() -> list[Any]:
    return [rule for rule in rules() if "alert" in rule]


def figures_in(expression: str) -> set[str]:
    """The names of the figures that an expression of PromQL reads."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\b\d+[smhd]\b", "", bare)
    return set(_NAME.findall(bare)) - _WORDS


def family(name: str) -> str:
    """`event_lag_seconds` of `event_lag_seconds_bucket`."""
    return re.sub(r"_(bucket|sum|count)$", "", name)


def all_expressions() -> Iterator[str]:
    for panel in panels():
        yield from panel.expressions
    for rule in rules():
        yield rule["expr"]
