"""A real SMTP server (aiosmtpd) with TLS and sign-in, to which mishaps can be ordered."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, AnyStr

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "popug", "p@ss:wört/1"
PASSWORD_IN_URL = "p%40ss%3Aw%C3%B6rt%2F1"

# What may befall one mail, by the moment: the answer that is given instead, or the line cut.
ANSWERS = {
    "MAIL": "451 4.3.0 try again later",
    "RCPT": "450 4.2.0 greylisted",
    "DATA": "452 4.3.1 the disk is full",
    "CLOSING": "421 4.3.2 going down",
}
IN_BODY, TAKEN, ANSWERED = "inside the body", "after taking it", "after the answer"
CUTS = (IN_BODY, TAKEN)


@dataclass(frozen=True)
class Taken:
    """One mail for which this server has taken responsibility."""

    receivers: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)


@dataclass
class Orders:
    """What to do with the next mail: answer differently, cut the line, or call `strike`.

    `befall()` is asked when a mail begins, and says what befalls it (a word of ANSWERS or
    CUTS, or nothing). `strike(moment, message_id, fate)` is called at IN_BODY (when the
    Message-ID is not known yet), TAKEN and ANSWERED, and says whether the sender is gone.
    """

    befall: Callable[[], str] = lambda: ""
    strike: Callable[[str, str, str], bool] = lambda _moment, _message_id, _fate: False


@dataclass
class PostOffice:
    """Listens on a free port of `host` while it is entered.

    `tls`: `none`, `starttls`, `smtps`, with `certificate` (certificate and key). With
    `signs_in` only USER with PASSWORD may send, and over TLS alone where there is TLS.
    """

    tls: str = "none"
    certificate: tuple[Path, Path] | None = None
    signs_in: bool = False
    host: str = "127.0.0.1"
    orders: Orders = field(default_factory=Orders)
    taken: list[Taken] = field(default_factory=list)
    last_taken: str = ""
    connections: int = 0
    lines: int = 0
    sign_ins: int = 0
    port: int = 0

    def __enter__(self) -> "PostOffice":
        # Never run on the thread of a test: the browser's tests have a loop of theirs there.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="post office")
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(30)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """As POPUG_SMTP_URL, with the password where one is wanted."""
        scheme = "smtps" if self.tls == "smtps" else "smtp"
        who = f"{USER}:{PASSWORD_IN_URL}@" if self.signs_in else ""
        return f"{scheme}://{who}{self.host}:{self.port}"

    @property
    def is_quiet(self) -> bool:
        """Whether nobody is on the line."""
        return self.lines == 0

    def _context(self) -> ssl.SSLContext | None:
        if not self.certificate:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate)
        return context

    def _talk(self, context: ssl.SSLContext | None) -> SMTP:
        self.connections += 1
        return _Talk(
            self,
            tls_context=context if self.tls == "starttls" else None,
            auth_required=self.signs_in,
            auth_require_tls=self.tls == "starttls",  # smtps is not seen as TLS
            authenticator=self._authenticate,
            hostname="post.office.test",
            loop=self._loop,
        )

    def _authenticate(self, *asked: Any) -> AuthResult:
        self.sign_ins += 1
        right = asked[-1] == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    async def _open(self) -> asyncio.Server:
        context = self._context()
        return await self._loop.create_server(
            lambda: self._talk(context), self.host, 0, ssl=context if self.tls == "smtps" else None
        )

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # What aiosmtpd asks of its handler, one function for each word of the client.

    async def handle_MAIL(  # noqa: N802
        self, talk: "_Talk", _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        talk.fate = self.orders.befall()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        if talk.fate in ("MAIL", "CLOSING"):
            return ANSWERS[talk.fate]
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, talk: "_Talk", _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if talk.fate == "RCPT":
            return ANSWERS["RCPT"]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, talk: "_Talk", _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        if talk.fate == "DATA":
            return ANSWERS["DATA"]
        self.taken.append(Taken(list(envelope.rcpt_tos), content))
        talk.known = self.last_taken = message_id(content)
        self.orders.strike(TAKEN, talk.known, talk.fate)
        if talk.fate == TAKEN:
            talk.cut()
        return "250 taken"


class _Talk(SMTP):
    """One connection; `fate` is what befalls the mail at hand, `known` its Message-ID."""

    def __init__(self, office: PostOffice, **options: Any) -> None:
        self.office = office
        self.fate = self.known = ""
        self._body_comes = self._on_line = False
        super().__init__(office, **options)

    async def push(self, status: AnyStr) -> None:
        await super().push(status)
        said = status if isinstance(status, str) else status.decode("utf-8", "replace")
        self._body_comes = said.startswith("354")
        if said == "250 taken":
            self.office.orders.strike(ANSWERED, self.known, self.fate)

    def data_received(self, data: bytes) -> None:
        """Of a body that is to be cut no more than half arrives."""
        if self._body_comes:
            self._body_comes = False
            gone = self.office.orders.strike(IN_BODY, "", self.fate)
            if gone or self.fate == IN_BODY:
                super().data_received(data[: len(data) // 2])
                self.cut()
                return
        super().data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Counts the lines that are open; a line is made once more when its TLS begins."""
        if not self._on_line:
            self._on_line = True
            self.office.lines += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.office.lines -= 1
        super().connection_lost(error)

    def cut(self) -> None:
        """End the line without a word."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()


def message_id(content: bytes) -> str:
    """The Message-ID in the head of a mail as it travelled."""
    head = content.partition(b"\r\n\r\n")[0]
    return str(message_from_bytes(head + b"\r\n\r\n", policy=policy.default)["Message-ID"])
