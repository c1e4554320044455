"""Ports that nobody listens on."""

import os
import random
import socket

# Below the ports that systems give to outgoing connections (from 32768 on Linux, from
# 49152 elsewhere): one of those could be taken before the server has started.
FIRST, LAST = 15_000, 32_000


def _for_this_process() -> list[int]:
    """Ports in an order of chance, none twice, none that a test beside us may be given.

    Drawn anew each time, one Popug of thirteen ports would have two alike in 200 starts.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    place = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = list(range(FIRST + place, LAST, workers))
    random.shuffle(ports)
    return ports


_left: list[int] = []


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now, and which no connection takes.

    None is given twice before all were, however long its asker takes to listen on it.
    """
    while True:
        if not _left:
            _left.extend(_for_this_process())
        port = _left.pop()
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
