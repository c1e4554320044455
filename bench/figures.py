"""Figures of several runs: least, median and most of each, and ratios within one run."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One thing that was measured, a value for each run."""

    name: str
    unit: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def over(self, other: "Figure", name: str) -> "Figure":
        """How many times the other it is, run by run: the machine's mood is in both."""
        pairs = zip(self.values, other.values, strict=True)
        return Figure(name, "times", [mine / its for mine, its in pairs])

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "least": min(self.values),
            "median": self.median,
            "most": max(self.values),
            "runs": list(self.values),
        }


@dataclass
class Report:
    """What a part of the bench found, shown as it comes; `large` sizes too, where it has any."""

    part: str
    large: bool = False
    figures: list[Figure] = field(default_factory=list)

    def add(self, *figures: Figure) -> None:
        """Keep figures, and print a line of each."""
        for figure in figures:
            self.figures.append(figure)
            least, middle, most = (
                _short(value) for value in (min(figure.values), figure.median, max(figure.values))
            )
            print(f"| {figure.name} | {figure.unit} | {least} | {middle} | {most} |", flush=True)

    def begin(self) -> None:
        """Print the head of its table."""
        print(f"\n**{self.part}**\n\n| figure | unit | least | median | most |")
        print("|---|---|--:|--:|--:|", flush=True)


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write(file: Path, reports: Sequence[Report]) -> None:
    """All that was found, as JSON."""
    content = {
        "machine": machine(),
        "parts": {each.part: [figure.as_json() for figure in each.figures] for each in reports},
    }
    file.write_text(json.dumps(content, indent=1) + "\n")


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
