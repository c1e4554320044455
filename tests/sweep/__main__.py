"""`python -m tests.sweep`: kill a process at every line of the path, and check what is left."""

import signal
import sys
import tempfile
import time
from pathlib import Path

import click

from chassis import logs
from tests.sweep.embedded import sweep_embedded
from tests.sweep.plants import PLANTS
from tests.sweep.run import LINES, SHOWN, VISITS, WAYS, Plan
from tests.sweep.servers import sweep_servers

MEMORY = Path("/dev/shm")


@click.command()
@click.argument("form", type=click.Choice(["embedded", "servers"]))
@click.option("--each", type=click.Choice([VISITS, WAYS, LINES]), default=VISITS)
@click.option("--workers", default=2, show_default=True)
@click.option("--step", "steps", multiple=True, help="only steps, or roles, of this name")
@click.option("--module", "modules", multiple=True, help="only modules that begin so")
@click.option("--plant", type=click.Choice(sorted(PLANTS)), help="plant a fault; stop when found")
@click.option("--count", is_flag=True, help="only say how many points there are")
def main(
    form: str,
    each: str,
    workers: int,
    steps: tuple[str, ...],
    modules: tuple[str, ...],
    plant: str | None,
    count: bool,
) -> None:
    """Exit code 0 only if everything held at every point."""
    logs.configure("CRITICAL", "text")
    # Whoever is asked to end still drops the databases and virtual hosts that he has made.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    if plant:
        PLANTS[plant]()

    began = time.monotonic()
    room = str(MEMORY) if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=room) as folder:
        sweep = sweep_embedded if form == "embedded" else sweep_servers
        plan = Plan(each, workers, steps, modules, bool(plant), rehearse_only=count)
        result = sweep(Path(folder), plan)
    print(f"{result}, in {time.monotonic() - began:.0f} s")
    for wrong in result.wrong[:SHOWN]:
        print(wrong)
    sys.exit(1 if result.wrong else 0)


if __name__ == "__main__":
    main()
