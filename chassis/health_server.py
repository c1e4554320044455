"""The answers of a worker, which has no pages: alive, ready, figures, and nothing else."""

import socket
import socketserver
import threading
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from flask import Flask, jsonify

from chassis.database import DatabaseAway
from chassis.health import add_health
from chassis.runtime import Runtime
from chassis.server import PortTaken

# Who connects and says nothing holds a thread no longer than this.
SILENT_SECONDS = 10


def address(bind: str) -> tuple[str, int]:
    """`127.0.0.1:9100` or `[::]:9100` in two parts. Raises ValueError."""
    host, colon, port = bind.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"{bind!r} is not ADDRESS:PORT, like 127.0.0.1:9100 or [::]:9100")
    return host.removeprefix("[").removesuffix("]"), int(port)


class HealthServer:
    """Answers on threads of its own, from `start` to `stop`."""

    def __init__(self, runtime: Runtime, host: str, port: int) -> None:
        """Port 0 takes a free one. Raises PortTaken."""
        try:
            self._server = _Server(host, port)
        except OSError as taken:
            raise PortTaken(
                f"cannot listen on {host}:{port} ({taken.strerror}); choose another with --bind"
            ) from taken
        self._server.set_app(_app(runtime))
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="health", daemon=True
        )

    @property
    def port(self) -> int:
        return self._server.server_port

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop answering; a request at hand is not waited for."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _app(runtime: Runtime) -> Flask:
    app = Flask("health", static_folder=None)
    add_health(app, runtime, needs_broker=True)

    def without_database(_away: DatabaseAway) -> Any:
        return jsonify(status="not ready", service=runtime.service.name, missing="database"), 503

    app.register_error_handler(DatabaseAway, without_database)
    return app


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Without looking up the machine's name, which may take long where there is no DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = SILENT_SECONDS

    def log_message(self, *_: Any) -> None:
        """Nothing: it is asked every few seconds."""
