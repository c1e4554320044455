"""Running a sweep in its short form. It is a program: it forks from a process without threads."""

import re
import subprocess
import sys

from tests.sweep.lines import ROOT

LONGEST_SECONDS = 1_200


def swept(
    form: str, *options: str, steps: tuple[str, ...], modules: tuple[str, ...]
) -> tuple[int, str]:
    """The exit code of a sweep of each line once, and what it printed."""
    chosen = [word for module in modules for word in ("--module", module)]
    chosen += [word for step in steps for word in ("--step", step)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.sweep", form, "--each", "lines", *options, *chosen],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
    )
    assert done.returncode in (0, 1), done.stderr
    print(done.stdout)
    return done.returncode, done.stdout + done.stderr


def points(said: str) -> tuple[int, int]:
    """How many points and how many distinct lines a sweep says that it has tried."""
    found = re.search(r": (\d+) points.*?, (\d+) distinct lines", said)
    assert found, said
    return int(found[1]), int(found[2])
