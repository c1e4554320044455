"""Services may be gone, come back elsewhere, or not be there yet when nginx starts."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.edge.mirror import Mirror, ask
from tests.nginx import Nginx, installed
from tests.servers.ports import free_port
from tests.waiting import wait_for


class Names:
    """A name server on 127.0.0.1 that knows a few IPv4 addresses (RFC 1035)."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, asker = self._socket.recvfrom(512)
            if not query:
                return
            self._socket.sendto(self._answer(query), asker)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12 : at + 5]
        address = self.addresses.get(".".join(labels))
        kind = question[-4:-2]
        records = b""
        if address and kind == b"\0\1":
            # The name again, as a pointer; A, IN, an hour to live, four bytes.
            records = b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4" + socket.inet_aton(address)
        code = b"\x81\x80" if address else b"\x81\x83"  # fine, or no such name
        count = b"\0\1" if records else b"\0\0"
        return query[:2] + code + b"\0\1" + count + b"\0\0\0\0" + question + records


@pytest.fixture
def names() -> Iterator[Names]:
    if not installed():
        pytest.skip("nginx is not installed")
    made = Names()
    yield made
    made.stop()


def test_a_service_is_found_when_it_comes_and_again_when_it_moves(
    names: Names, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port = free_port()
    nginx = Nginx(
        tmp_path_factory.mktemp("names"),
        {"tasks": f"tasks-web:{port}", "auth": f"auth-web:{port}"},
        POPUG_RESOLVER=names.address,
    )
    nginx.edit("popug.conf", "valid=5s", "valid=1s")
    nginx.start()
    try:
        assert ask(nginx.port, "/tasks/x").status == 502  # nobody has that name yet
        first = Mirror("first", ("127.0.0.1", port))
        names.addresses["tasks-web"] = "127.0.0.1"
        wait_for(lambda: _answers(nginx) == "first", "the service that came")
        first.stop()
        assert ask(nginx.port, "/tasks/x").status == 502
        second = Mirror("second", ("127.0.0.2", port))
        names.addresses["tasks-web"] = "127.0.0.2"
        wait_for(lambda: _answers(nginx) == "second", "the service at its new address")
        second.stop()
        assert ask(nginx.port, "/auth/api/v1/x").json["status"] == 502
    finally:
        nginx.stop()


def test_nginx_starts_and_answers_while_no_name_server_does(
    mirrors: dict[str, Mirror], tmp_path_factory: pytest.TempPathFactory
) -> None:
    web = {"tasks": "tasks-web:8000", "auth": mirrors["auth"].address}
    nginx = Nginx(tmp_path_factory.mktemp("nameless"), web)
    nginx.edit("popug.conf", "resolver_timeout 3s", "resolver_timeout 1s")
    nginx.start()
    try:
        assert ask(nginx.port, "/tasks/x").status == 502
        assert ask(nginx.port, "/auth/x").status == 200
    finally:
        nginx.stop()


def _answers(nginx: Nginx) -> str | None:
    answer = ask(nginx.port, "/tasks/x")
    return str(answer.json["service"]) if answer.status == 200 else None
