"""Figures of several processes that answer as one: whichever is asked tells of all.

Each process counts in files of its own in a folder that they share; who is asked adds
them up. What a process has counted stays after its end, so that no sum ever goes back.
Only counters and histograms are shared: what is looked up (`figures`) is the same
whoever looks.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from chassis.metrics import Metrics

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A folder for the figures of this process and its children, who count in it.

    It is private and new, so that nothing is added to what an earlier start counted, and
    is removed at the end by the process that made it (a child passes here as well). What
    is counted in the library's usual way before and after this stays in memory.
    """
    folder = Path(tempfile.mkdtemp(prefix="popug-figures-"))
    maker, in_memory, outside = os.getpid(), values.ValueClass, os.environ.get(FOLDER)
    # The library reads this name whenever it makes a figure, and chooses the kind of
    # figure only once, when it is loaded.
    os.environ[FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue()
    try:
        yield folder
    finally:
        if os.getpid() == maker:
            values.ValueClass = in_memory
            os.environ.pop(FOLDER)
            if outside is not None:
                os.environ[FOLDER] = outside
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class SharedMetrics(Metrics):
    """What one of the processes counts; makes figures only inside of `shared_folder`."""

    folder: Path = field(kw_only=True)

    def counted(self) -> CollectorRegistry:
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody, str(self.folder))
        return everybody


def forget_process(folder: Path, pid: int) -> None:
    """A process has ended: what says how it is now goes, what it has counted stays."""
    mark_process_dead(pid, str(folder))
