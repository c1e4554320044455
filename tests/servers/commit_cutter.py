"""A proxy before MySQL or MariaDB that cuts connections at the very moment of COMMIT."""

import enum
import select
import socket
import threading
from contextlib import suppress

COM_QUERY = 3
HEADER = 4


class Fate(enum.Enum):
    """What becomes of a COMMIT; then its connection is cut, on both sides."""

    NEVER_SENT = "the server never hears of it, and rolls back"
    NOT_WAITED_FOR = "sent and cut at once: it may happen or not"
    NOT_ANSWERED = "it happens, and nobody is told"


class CommitCutter:
    """Passes everything on, but for the COMMITs that are to be cut. Use it as a context."""

    def __init__(self, target: str) -> None:
        """`target` is the server's `host:port`."""
        host, _, port = target.partition(":")
        self._target = (host, int(port or 3306))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.cut = 0
        self._fates: list[Fate] = []
        self._lock = threading.Lock()

    def next_commits(self, *fates: Fate) -> None:
        """What is to become of the next COMMITs; those after them are passed on."""
        with self._lock:
            self._fates = list(fates)

    def __enter__(self) -> "CommitCutter":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            last: Fate | None = None
            while True:
                ready, _, _ = select.select([client, server], [], [])
                if server in ready:
                    said = server.recv(65_536)
                    if not said or last is Fate.NOT_ANSWERED:
                        return
                    client.sendall(said)
                if client in ready:
                    asked = _packet(client)
                    last = self._fate_of(asked)
                    if not asked or last is Fate.NEVER_SENT:
                        return
                    server.sendall(asked)
                    if last is Fate.NOT_WAITED_FOR:
                        return

    def _fate_of(self, packet: bytes) -> Fate | None:
        if packet[HEADER:].upper() != bytes([COM_QUERY]) + b"COMMIT":
            return None
        with self._lock:
            if not self._fates:
                return None
            self.cut += 1
            return self._fates.pop(0)


def _packet(source: socket.socket) -> bytes:
    """The next packet with its header; empty at the end."""
    header = _exactly(source, HEADER)
    return header and header + _exactly(source, int.from_bytes(header[:3], "little"))


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            return b""
        data += more
    return data
