"""The proxy passes on, cuts, refuses and swallows; a fault that is none would prove nothing."""

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from tests.servers.proxy import Proxy
from tests.waiting import wait_for


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(1_000):
            self.request.sendall(data)


class _EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Before a server that answers what it hears."""
    with _EchoServer(("127.0.0.1", 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxy = Proxy(server.server_address[1])
        proxy.start()
        yield proxy
        proxy.stop()
        server.shutdown()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def say(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    return client.recv(100)


def test_passes_on_what_is_said(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert say(client, b"hello") == b"hello"


def test_a_reset_is_an_error_and_a_goodbye_is_an_end(proxy: Proxy) -> None:
    with connect(proxy) as client:
        say(client, b"hello")
        assert proxy.cut(reset=True) == 1
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    wait_for(lambda: proxy.cut(reset=False) == 0, "the connection to be forgotten")
    with connect(proxy) as client:
        say(client, b"hello")
        proxy.cut(reset=False)
        assert client.recv(100) == b""


def test_refuses_newcomers_until_it_allows_them_again(proxy: Proxy) -> None:
    with connect(proxy) as old:
        say(old, b"hello")
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        assert say(old, b"still here") == b"still here"
        proxy.allow()
        with connect(proxy) as client:
            assert say(client, b"hello") == b"hello"


def test_a_black_hole_takes_everything_in_and_may_give_it_out_late(proxy: Proxy) -> None:
    with connect(proxy) as old:
        say(old, b"hello")
        proxy.hold()
        with connect(proxy) as newcomer:
            for client in (old, newcomer):
                client.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    say(client, b"anybody there?")
                client.settimeout(5)
            proxy.resume()
            for client in (old, newcomer):
                assert client.recv(100) == b"anybody there?"


def test_what_a_black_hole_took_may_be_lost_with_its_connection(proxy: Proxy) -> None:
    with connect(proxy) as client:
        say(client, b"hello")
        proxy.hold()
        client.sendall(b"anybody there?")
        proxy.cut(reset=True)
        proxy.resume()
        with pytest.raises(ConnectionResetError):
            client.recv(100)


def test_forgotten_connections_are_dead_for_ever_and_new_ones_work(proxy: Proxy) -> None:
    with connect(proxy) as old:
        say(old, b"hello")
        proxy.forget()
        proxy.resume()
        old.settimeout(0.3)
        with pytest.raises(TimeoutError):
            say(old, b"anybody there?")
        with connect(proxy) as client:
            assert say(client, b"hello") == b"hello"
