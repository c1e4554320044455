"""A TCP proxy whose connections can be cut, refused and left in a black hole."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from tests.servers.ports import free_port

# Closing with nothing to linger for sends RST in place of FIN.
RESET = struct.pack("ii", 1, 0)
ANSWER_SECONDS = 10


class Proxy:
    """Stands before one local port, on a thread of its own. All methods are thread-safe."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = free_port()
        self.holding = False
        self._pairs: set[_Side] = set()
        self._late: list[_Side] = []
        self._forgotten: set[_Side] = set()
        self._loop = asyncio.new_event_loop()
        self._listener: socket.socket | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        self.allow()

    def stop(self) -> None:
        """Cut everything and end the thread."""
        self.refuse()
        self._ask(self._arrivals())
        while self.cut(reset=False):
            self._ask(asyncio.sleep(0.05))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def allow(self) -> None:
        """Let new connections in."""
        if self._listener is None:
            self._call(self._listen)

    def refuse(self) -> None:
        """New connections find nobody; those that are open stay."""
        if self._listener is not None:
            self._call(self._close_listener)

    def cut(self, reset: bool) -> int:
        """End every open connection, by RST or by FIN; says how many there were."""
        return int(self._call(lambda: self._cut(reset)))

    def hold(self) -> None:
        """A black hole: everything is taken in, new connections too, and nothing comes out."""
        self._call(self._hold)

    def forget(self) -> None:
        """Nothing goes through the open connections any more, and nobody is told; new ones work.

        So it is when a router on the way has restarted.
        """
        self._call(self._forget)

    def resume(self) -> None:
        """What was taken in comes out after all."""
        self._call(self._resume)

    def opened(self, side: "_Side") -> None:
        """A client has come; the server is asked unless all is held."""
        self._pairs.add(side)
        if self.holding:
            self._late.append(side)
        else:
            self._loop.create_task(side.reach(self.target_port))

    def closed(self, side: "_Side") -> None:
        self._pairs.discard(side)
        self._forgotten.discard(side)

    def _listen(self) -> None:
        """Not asyncio's server: before Python 3.12 it leaks who comes while it closes."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=100)
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener, self._let_in, self._listener)

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _let_in(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError, ConnectionAbortedError):  # he has gone again
            client, _ = listener.accept()
            self._loop.create_task(self._loop.connect_accepted_socket(lambda: _Side(self), client))

    def _cut(self, reset: bool) -> int:
        pairs = list(self._pairs)
        for side in pairs:
            side.cut(reset)
        self._late.clear()
        return len(pairs)

    def _hold(self) -> None:
        self.holding = True
        for side in self._pairs:
            side.flow(False)

    def _forget(self) -> None:
        for side in self._pairs:
            side.flow(False)
        self._forgotten |= self._pairs

    def _resume(self) -> None:
        self.holding = False
        for side in self._pairs - self._forgotten:
            side.flow(True)
        for side in self._late:
            self._loop.create_task(side.reach(self.target_port))
        self._late.clear()

    async def _arrivals(self) -> None:
        """Whoever is being let in or passed on at this moment: only then is he known."""
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    def _ask(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_SECONDS)

    def _call(self, work: Callable[[], Any]) -> Any:
        async def do() -> Any:
            return work()

        return self._ask(do())


class _Side(asyncio.Protocol):
    """One end of a connection. The client's end knows the proxy, the server's only its peer."""

    def __init__(self, proxy: Proxy | None = None, peer: "_Side | None" = None) -> None:
        self._proxy = proxy
        self._peer = peer
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._proxy:
            self._transport.pause_reading()  # until there is somebody to pass it on to
            self._proxy.opened(self)

    async def reach(self, port: int) -> None:
        """Connect to the server, and let it flow."""
        loop = asyncio.get_running_loop()
        try:
            _, server = await loop.create_connection(lambda: _Side(peer=self), "127.0.0.1", port)
        except OSError:
            self.cut(reset=True)
            return
        self._peer = server
        if self._transport is None or self._transport.is_closing():
            self.cut(reset=True)  # he has gone meanwhile
            return
        self.flow(not (self._proxy and self._proxy.holding))

    def data_received(self, data: bytes) -> None:
        if self._peer and self._peer._transport:
            self._peer._transport.write(data)

    def eof_received(self) -> bool:
        return False  # one that says goodbye gets it from both sides

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it ended
        if self._peer and self._peer._transport:
            self._peer._transport.close()
        if self._proxy:
            self._proxy.closed(self)

    def pause_writing(self) -> None:
        if self._peer:
            self._peer._read(False)

    def resume_writing(self) -> None:
        if self._peer:
            self._peer._read(True)

    def flow(self, on: bool) -> None:
        """Read on or no more, on both ends; who is not connected through yet waits anyway."""
        if self._peer:
            self._read(on)
            self._peer._read(on)

    def cut(self, reset: bool) -> None:
        """End both ends, the client's as asked."""
        for side in (self, self._peer):
            if side and side._transport:
                if reset:
                    raw = side._transport.get_extra_info("socket")
                    with suppress(OSError):  # it is closed already
                        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    side._transport.abort()
                else:
                    side._transport.close()

    def _read(self, on: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if on:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
