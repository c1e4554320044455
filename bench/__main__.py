"""`python -m bench [PART...]`: each part prints a table; `--json` keeps all of it."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click

from bench import dashboards, embedded, latency, pages, payday, pipeline, shuffle
from bench.figures import Report, write
from chassis import logs

PARTS: dict[str, Callable[[Report, int], None]] = {
    "pipeline": pipeline.measure,
    "embedded": embedded.measure,
    "latency": latency.measure,
    "shuffle": shuffle.measure,
    "payday": payday.measure,
    "pages": pages.measure,
    "dashboards": dashboards.measure,
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--runs", default=3, show_default=True, help="How often each figure is taken.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where to keep the figures.")
@click.option("--large", is_flag=True, help="Larger sizes, too, where a part has them.")
def main(parts: tuple[str, ...], runs: int, file: Path | None, large: bool) -> None:
    """Measure PARTS (all of them if none is named) in databases and queues of their own."""
    # What was started and made is ended and dropped, also when somebody has enough.
    logs.configure("WARNING", "text")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    reports = []
    for part in parts or PARTS:
        report = Report(part, large)
        report.begin()
        PARTS[part](report, runs)
        reports.append(report)
        if file:
            write(file, reports)


if __name__ == "__main__":
    main()
