"""A service that answers with what reached it, and requests as they go over the wire."""

import json
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MANY_WORDS = "parrot " * 1000


class _Server(ThreadingHTTPServer):
    request_queue_size = 512  # as gunicorn does, rather than five


class Mirror:
    """An HTTP server that says which path and headers it was asked with.

    Some paths do something else: `/drop` breaks the connection, `/bare` answers 400 with
    no header of ours, `/refused` 429 and 404 as a service does, `/long` a long text.
    """

    def __init__(self, name: str, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.name = name
        self.asked: list[str] = []
        self.server = _Server(address, self._handler())
        self.address = "{}:{}".format(*self.server.server_address[:2])
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                mirror.asked.append(f"{self.command} {self.path}")
                path = self.path.partition("?")[0]
                if path == "/drop":
                    self.close_connection = True
                    return
                seen = {
                    "service": mirror.name,
                    "method": self.command,
                    "path": self.path,
                    "headers": {k.lower(): v for k, v in self.headers.items()},
                    "body": len(body),
                }
                status = {"/bare": 400, "/refused": 429, "/missing": 404}.get(path, 200)
                self.send_response(status)
                text = MANY_WORDS if path == "/long" else json.dumps(seen)
                self.send_header("Content-Length", str(len(text)))
                if path != "/bare":
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Security-Policy", "default-src 'self'")
                    self.send_header("X-Content-Type-Options", "nosniff")
                    self.send_header("Cache-Control", "private")
                    self.send_header("X-Request-Id", str(seen["headers"]["traceparent"])[3:35])  # type: ignore[index]
                if status == 429:
                    self.send_header("Retry-After", "77")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text.encode())

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@dataclass(frozen=True)
class Answer:
    """One answer as it came: every header line, names in lower case."""

    status: int
    lines: list[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The headers. Fails where one came twice."""
        names = [name for name, _ in self.lines]
        assert len(names) == len(set(names)), f"a header came twice: {sorted(names)}"
        return dict(self.lines)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def say(port: int, request: bytes | str, seconds: float = 30) -> Answer | None:
    """Send bytes as they are and read one answer; None if the connection was closed without."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.sendall(request.encode("latin-1") if isinstance(request, str) else request)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> Answer | None:
    """The answer up to the end of the connection; None if there is none."""
    received = b""
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        received += part
    if not received:
        return None
    if not received.startswith(b"HTTP/"):
        return Answer(0, [], received)  # HTTP/0.9 knows neither status nor headers
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    return Answer(int(first.split()[1]), [(n.lower(), v) for n, v in pairs], body)


def ask(port: int, path: str, method: str = "GET", *headers: str, body: str = "") -> Answer:
    """A whole HTTP/1.1 request for a path as it is written, on a connection of its own."""
    length = [f"Content-Length: {len(body)}"] if body else []
    head = [f"{method} {path} HTTP/1.1", "Host: popug.test", "Connection: close", *length, *headers]
    answer = say(port, "\r\n".join(head) + "\r\n\r\n" + body)
    assert answer, f"no answer to {method} {path}"
    return answer
