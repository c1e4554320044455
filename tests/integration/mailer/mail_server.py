"""A real SMTP server on a free port that takes mails or misbehaves as a test wants."""

import socketserver
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """What came in, and what is answered: `answers["RCPT"] = ["450 later", "drop"]`.

    Each word's answers are used up from the left; with none left the server says yes.
    """

    answers: dict[str, list[str]] = field(default_factory=dict)
    taken: list[EmailMessage] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def __enter__(self) -> "MailServer":
        self._server = _Server(("127.0.0.1", 0), _Talk)
        self._server.book = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def answer_to(self, word: str, normal: str) -> str:
        waiting = self.answers.get(word, [])
        return waiting.pop(0) if waiting else normal


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    book: MailServer


class _Talk(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        book = self.server.book
        book.connections += 1
        if not self._say(book.answer_to("CONNECT", "220 ready")):
            return
        receivers: list[str] = []
        while line := self.rfile.readline():
            word = line[:4].decode().upper().strip()
            if word == "EHLO":
                said = self._say(*[f"250-{f}" for f in ["popug", *book.features]], "250 HELP")
            elif word == "AUTH":
                said = self._say(book.answer_to("AUTH", "235 come in"))
            elif word == "QUIT":
                self._say("221 bye")
                return
            elif word == "DATA":
                said = self._take(book, receivers)
            else:
                argument = line.decode().strip()
                if word == "MAIL":
                    book.senders.append(argument)
                    receivers = []
                answer = book.answer_to(word, "250 fine")
                if word == "RCPT" and answer.startswith("2"):
                    receivers.append(argument[len("RCPT TO:<") : -1])
                said = self._say(answer)
            if not said:
                return

    def _take(self, book: MailServer, receivers: list[str]) -> bool:
        if not self._say("354 go on"):
            return False
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        answer = book.answer_to("DATA", "250 taken")
        if answer.startswith("2") or answer == "take and drop":
            book.receivers.append(receivers)
            book.taken.append(message_from_bytes(b"".join(lines), policy=policy.default))
        return self._say(answer)

    def _say(self, *lines: str) -> bool:
        """False for an answer that is to drop the line instead."""
        if lines[0] in ("drop", "take and drop"):
            return False
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        return True
