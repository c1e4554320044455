"""Clients that ask without a pause: `wrk`, and what it measured."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.processes import cpu_seconds_of_all

THREADS = 2
# Figures as JSON on the last line. A status above 399 counts as failed.
DONE = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%f,"failed":%d,"p50":%f,"p99":%f}\\n',
    summary.requests, summary.duration / 1e6,
    e.status + e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""
# Each thread of wrk takes every THREADS-th number, from its own first one on.
NUMBERED = """
local threads = 0
function setup(thread)
  thread:set("first", threads)
  threads = threads + 1
end
function init(args)
  number = {start} + first - {step}
end
function following()
  number = number + {step}
  return number
end
"""


@dataclass(frozen=True)
class Load:
    """What the clients saw; times in milliseconds.

    `processor` is what the whole machine, the clients too, used of it for a request.
    """

    requests: int
    seconds: float
    failed: int
    p50: float
    p99: float
    processor: float

    @property
    def rate(self) -> float:
        """Requests a second that were answered well."""
        return (self.requests - self.failed) / self.seconds


def missing() -> str | None:
    """What to install, or None."""
    return None if shutil.which("wrk") else "wrk is not installed: apt-get install wrk"


def run(  # noqa: PLR0917 - all of it is one question
    url: str, clients: int, seconds: int, token: str, script: str, folder: Path
) -> Load:
    """Ask for as long with as many connections; `script` is Lua that makes the requests.

    Raises AssertionError if wrk fails, or if something was not answered well.
    """
    file = folder / "requests.lua"
    file.write_text(script + DONE)
    used = cpu_seconds_of_all()
    done = subprocess.run(
        ["wrk", f"-t{THREADS}", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s",
         "-H", f"Authorization: Bearer {token}", "-s", str(file), url],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    used = cpu_seconds_of_all() - used
    load = Load(**found, processor=1_000 * used / max(1, found["requests"]))
    assert load.requests and not load.failed, f"{url}: {load}"
    return load


def creating(title: str) -> str:
    """Lua of POST requests that create tasks."""
    return f"""
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{{"title": "{title}"}}'
"""


def closing(path: str, prefix: str, start: int) -> str:
    """Lua of POST requests that close tasks: each its own, numbered from `start`.

    `path` holds `%s` for the id: `prefix` and twelve hexadecimal digits.
    """
    numbered = NUMBERED.replace("{start}", str(start)).replace("{step}", str(THREADS))
    made = f'string.format("{path}", string.format("{prefix}%012x", following()))'
    return f"""{numbered}
wrk.method = "POST"
function request()
  return wrk.format(nil, {made})
end
"""
