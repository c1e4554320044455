"""All of Popug behind nginx with a company that has a past, and the bare pages beside it."""

import json
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.filling import PERSON, Size, fill, identifier
from chassis.identity import Identity, Issuer
from chassis.keys import load_signing_key
from tests import mariadb
from tests.nginx import SERVICES, Nginx
from tests.servers.ports import free_port
from tests.servers.process import OwnProcess
from tests.system.split import SplitPopug
from tests.waiting import wait_for

BUSIEST = identifier(PERSON, 0)
THREADS = "8"  # as `popug web` has it


@dataclass(frozen=True)
class Filled:
    """Addresses of both systems, and the databases that they share, by service."""

    folder: Path
    keys: Path
    url: str
    bare_url: str
    schemas: dict[str, str]

    def token(self, role: str, user_id: str = BUSIEST) -> str:
        """A session's token, as auth signs it."""
        now = datetime.now(UTC)
        who = Identity(user_id, role, f"The {role}", "en", secrets.token_hex(8))
        issuer = Issuer(load_signing_key(self.keys, "auth"))
        return issuer.for_person(who, now, now + timedelta(hours=12))


@contextmanager
def filled(size: Size) -> Iterator[Filled]:
    """Twelve processes behind nginx, and a bare one behind another nginx of the same kind."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        popug = SplitPopug(folder)
        popug.start()
        try:
            url = popug.environment["POPUG_DATABASE_URL"]
            schemas = {one: url.format(service=one).rpartition("/")[2] for one in SERVICES}
            today = datetime.now(ZoneInfo(popug.environment["POPUG_TIMEZONE"])).date()
            fill(schemas, size, today)
            with _bare(folder, schemas, today) as bare_url:
                keys = folder / "data" / "keys"
                yield Filled(folder, keys, popug.url, bare_url, schemas)
        finally:
            popug.stop()


@contextmanager
def _bare(folder: Path, schemas: dict[str, str], today: date) -> Iterator[str]:
    place = f"127.0.0.1:{free_port()}"
    environment = {
        "BENCH_SCHEMAS": json.dumps(schemas),
        "BENCH_TODAY": today.isoformat(),
        "BENCH_SERVER": mariadb.SERVER,
        "BENCH_USER": mariadb.USER,
        "BENCH_PASSWORD": mariadb.PASSWORD,
    }
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "-k", "gthread"]
    command += ["-w", "1", "--threads", THREADS, "-b", place, "bench.by_hand.pages:app()"]
    process = OwnProcess(command, environment, folder / "bare.log")
    edge = Nginx(folder / "bare-edge", {"tasks": place})
    try:
        edge.start()
        log = folder / "bare.log"
        wait_for(lambda: "Booting worker" in log.read_text(), "the bare pages", 60)
        yield f"{edge.url}/tasks"
    finally:
        edge.stop()
        process.ask_to_end()
        process.wait()
