"""The embedded system behind one port: a threaded server that stops cleanly.

Waitress serves; the lock on the data folder keeps a second system off the same files.
"""

import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import waitress

from chassis.security import MAX_BODY_BYTES
from chassis.system import Embedded

THREADS = 16
BACKLOG = 128
# Slow and idle clients hold a connection, no thread. Together with the databases' files
# this stays below 1,024, the usual limit of open files.
CONNECTIONS_MOST = 400
IDLE_SECONDS, CLEANUP_SECONDS = 30, 10
LOCK = "running.lock"


class AlreadyRunning(Exception):
    """Another process works on this data folder."""


class PortTaken(Exception):
    """Nothing can be served at this address; the text says why."""


@contextmanager
def sole_user(data: Path) -> Iterator[None]:
    """Hold the data folder for this process. Raises AlreadyRunning.

    The system lets go of the lock when the process ends, however it ends.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            file.seek(0)
            raise AlreadyRunning(
                f"{data} is in use by process {file.read().strip() or '?'}; "
                "stop it, or set POPUG_DATA to another folder"
            ) from held
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as taken:
        listener.close()
        raise PortTaken(
            f"cannot listen on {host}:{port} ({taken.strerror}); choose another with --port"
        ) from taken
    return listener


def serve(embedded: Embedded, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is at hand in every service."""
    server: Any = waitress.create_server(
        embedded.wsgi,
        sockets=[listener],
        threads=THREADS,
        ident=None,
        max_request_body_size=4 * MAX_BODY_BYTES,
        connection_limit=CONNECTIONS_MOST,
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=CLEANUP_SECONDS,
        asyncore_use_poll=True,  # select() knows no file number above 1,023
    )
    signal.signal(signal.SIGTERM, _stop)
    embedded.start()
    try:
        server.run()  # returns when _stop or Ctrl-C is raised, after requests at hand
    finally:
        server.close()
        embedded.stop()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
