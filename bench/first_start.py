"""How long a newcomer waits: from a fresh clone to a page that he is signed in to.

    python3 bench/first_start.py [FOLDER]

Clones the repository to a new folder (below FOLDER, default: the system's temporary one),
types `make run` twice there and prints the seconds until the worker's page has answered.
The first figure is mostly installing, and so depends on the packages being cached.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

ROOT = Path(__file__).parents[1]


def start(folder: Path) -> float:
    """Seconds from `make run` to the signed-in page; the system is stopped again."""
    began = time.monotonic()
    with subprocess.Popen(
        ["make", "run", "ARGS=--port 0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            sign_in(*read_login(process))
            return time.monotonic() - began
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait()


def read_login(process: "subprocess.Popen[str]") -> tuple[str, str, str]:
    """The address, and the worker's e-mail and password, as they are printed."""
    url = ""
    assert process.stdout
    for line in process.stdout:
        found = re.match(r"Popug is at (\S+)", line)
        url = found[1] if found else url
        login = re.match(r"\s+worker\s+(\S+)\s+(\S+)", line)
        if login:
            return url, login[1], login[2]
    raise SystemExit("popug ended before it printed a login")


def sign_in(url: str, email: str, password: str) -> None:
    """Sign in through the form, and wait for the page behind it."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    form = urllib.parse.urlencode({"email": email, "password": password}).encode()
    with opener.open(f"{url}/auth/login", form) as page:
        if "/auth/logout" not in page.read().decode():
            raise SystemExit("not signed in")


def main() -> None:
    """Clone, start twice, print."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        clone = Path(folder) / "popug"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        print(f"first start:  {start(clone):5.1f} s (installing and making the demo)")
        for _ in range(3):
            print(f"second start: {start(clone):5.1f} s")


if __name__ == "__main__":
    main()
