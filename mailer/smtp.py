"""Handing mails to an SMTP server, and what its answers mean."""

import base64
import smtplib
import ssl
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from types import TracebackType

from mailer.domain import Content, header_name, wire_address
from mailer.mail_server import MailServer

TIMEOUT_SECONDS = 10.0
SIGNED_IN, TOO_BUSY = 235, 421
# RFC 4954: the server wants us to sign in, or differently. No fault of the mail's.
SIGN_IN_WANTED = frozenset({530, 534, 535, 538})


class RefusedForGood(Exception):
    """The server will never take this mail; the text holds its words."""


class RefusedForNow(Exception):
    """The server did not take the mail this time; the text says why."""


class NoServer(Exception):
    """The server cannot be reached or does not let us in: no mail can go at the moment."""


def message(
    content: Content, name: str, mail_from: str, message_id: str, now: datetime
) -> EmailMessage:
    """The mail as it travels: text and HTML, to one person."""
    made = EmailMessage(policy=SMTP)
    sender_name, sender = parseaddr(mail_from)
    made["From"] = Address(header_name(sender_name), addr_spec=wire_address(sender))
    made["To"] = Address(header_name(name), addr_spec=wire_address(content.email))
    made["Subject"] = content.subject
    made["Date"] = format_datetime(now)
    made["Message-ID"] = message_id
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    # Quoted-printable passes every server, also one that takes seven bits only.
    made.set_content(content.text, cte="quoted-printable")
    made.add_alternative(content.html, subtype="html", cte="quoted-printable")
    made["Content-Language"] = content.language
    return made


class SmtpServer:
    """A line to the server: made at the first mail and kept for the next ones.

    Not thread-safe.
    """

    def __init__(self, server: MailServer, own_name: str) -> None:
        """`own_name` is the host that we say we are."""
        self._server = server
        self._own_name = own_name
        self._line: smtplib.SMTP | None = None

    def __enter__(self) -> "SmtpServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._line:
            with suppress(smtplib.SMTPException, OSError):
                self._line.quit()
        self._hang_up()

    def send(self, mail: EmailMessage) -> None:
        """Returns when the server has taken the mail.

        Raises RefusedForGood, RefusedForNow, NoServer.
        """
        line = self._line = self._line or self._connect()
        sender = mail["From"].addresses[0].addr_spec
        receiver = mail["To"].addresses[0].addr_spec
        try:
            line.send_message(mail, sender, [receiver])
        except smtplib.SMTPRecipientsRefused as refused:
            self._refuse(*refused.recipients[receiver])
        except smtplib.SMTPSenderRefused as refused:
            if refused.smtp_code in SIGN_IN_WANTED:
                self._hang_up()
                raise NoServer(
                    f"{self._server.host}: {refused.smtp_code} {_words(refused.smtp_error)}"
                ) from refused
            self._refuse(refused.smtp_code, refused.smtp_error)
        except smtplib.SMTPResponseException as refused:
            self._refuse(refused.smtp_code, refused.smtp_error)
        except smtplib.SMTPNotSupportedError as lacking:
            raise RefusedForGood(str(lacking)) from lacking
        except (smtplib.SMTPException, OSError, ValueError) as broken:
            self._hang_up()
            raise RefusedForNow(str(broken) or type(broken).__name__) from broken

    def _refuse(self, code: int, said: bytes | str) -> None:
        words = f"{code} {_words(said)}"
        if 500 <= code < 600:
            raise RefusedForGood(words)
        if code == TOO_BUSY or not 400 <= code < 500:
            self._hang_up()
        raise RefusedForNow(words)

    def _connect(self) -> smtplib.SMTP:
        line: smtplib.SMTP | None = None
        try:
            line = self._dial()
            if not self._server.tls_at_once:
                self._begin_tls(line)
            line.ehlo_or_helo_if_needed()
            if self._server.user:
                self._sign_in(line)
        except (smtplib.SMTPException, OSError, ValueError) as broken:
            if line:
                line.close()
            raise NoServer(f"{self._server.host}: {_why(broken)}") from broken
        return line

    def _dial(self) -> smtplib.SMTP:
        server = self._server
        if server.tls_at_once:
            return smtplib.SMTP_SSL(
                server.host,
                server.port,
                self._own_name,
                timeout=TIMEOUT_SECONDS,
                context=ssl.create_default_context(),
            )
        return smtplib.SMTP(server.host, server.port, self._own_name, timeout=TIMEOUT_SECONDS)

    def _begin_tls(self, line: smtplib.SMTP) -> None:
        """Once a server offers TLS it must be good, even where it need not be there."""
        line.ehlo_or_helo_if_needed()
        if line.has_extn("starttls"):
            line.starttls(context=ssl.create_default_context())
        elif self._server.tls_required:
            raise ValueError("offers no TLS, so neither password nor mail is sent")

    def _sign_in(self, line: smtplib.SMTP) -> None:
        user, password = self._server.user, self._server.password
        if (user + password).isascii():
            line.login(user, password)
            return
        # smtplib signs in with ASCII alone; PLAIN is UTF-8 (RFC 4616).
        secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        code, said = line.docmd("AUTH", f"PLAIN {secret}")
        if code != SIGNED_IN:
            raise smtplib.SMTPAuthenticationError(code, said)

    def _hang_up(self) -> None:
        if self._line:
            self._line.close()
        self._line = None


def _words(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _why(broken: Exception) -> str:
    """What went wrong, as an operator reads it."""
    if isinstance(broken, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {broken.verify_message}"
    if isinstance(broken, smtplib.SMTPResponseException):
        return f"{broken.smtp_code} {_words(broken.smtp_error)}"
    return str(broken) or type(broken).__name__
