"""What the system tells of a process: processor and memory."""

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
KILOBYTES_PER_MEGABYTE = 1_024
FORGET_THE_PEAK = "5"
# Of `/proc/PID/stat`, after the name, which may hold anything: see proc(5).
GROUP, USER, SYSTEM = 2, 11, 12
# Of the first line of `/proc/stat`: user, nice, system, irq, softirq; not idle and iowait.
BUSY = (0, 1, 2, 5, 6)


@dataclass(frozen=True)
class Process:
    """A process by the system's number of it."""

    id: int

    def cpu_seconds(self) -> float:
        """Processor time that it has had, in its own code and in the system's for it."""
        return _used(_fields(self._folder / "stat"))

    def memory(self) -> float:
        """Megabytes that it holds now."""
        return self._status("VmRSS")

    def peak(self) -> float:
        """The most megabytes that it has held since `forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Let the peak begin at what it holds now."""
        (self._folder / "clear_refs").write_text(FORGET_THE_PEAK)

    @property
    def _folder(self) -> Path:
        return Path("/proc", str(self.id))

    def _status(self, name: str) -> float:
        lines = (self._folder / "status").read_text().splitlines()
        line = next(each for each in lines if each.startswith(f"{name}:"))
        return int(line.split()[1]) / KILOBYTES_PER_MEGABYTE


def cpu_seconds_of_groups(groups: Collection[int]) -> float:
    """Processor time that all processes of these groups have had, those that run now."""
    seconds = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            fields = _fields(stat)
            if int(fields[GROUP]) in groups:
                seconds += _used(fields)
    return seconds


def cpu_seconds_of_all() -> float:
    """Processor time that everything on this machine has had, the system itself included."""
    _name, *ticks = Path("/proc/stat").read_text().splitlines()[0].split()
    return sum(int(ticks[at]) for at in BUSY) / TICKS_PER_SECOND


def _fields(stat: Path) -> list[str]:
    return stat.read_text().rpartition(") ")[2].split()


def _used(fields: list[str]) -> float:
    return (int(fields[USER]) + int(fields[SYSTEM])) / TICKS_PER_SECOND
