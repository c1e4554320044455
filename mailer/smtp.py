"""Handing mails to an SMTP server, and what its answers mean."""

import smtplib
import ssl
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from types import TracebackType
from urllib.parse import unquote, urlsplit

from chassis.runtime import Runtime
from chassis.settings import SettingsRefused
from mailer.domain import AddressRefused, Content, checked_address, header_name, wire_address

TIMEOUT_SECONDS = 10.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
TOO_BUSY = 421


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


def check_settings(runtime: Runtime) -> None:
    """Refuse to start with a sender or server that no mail could go through.

    Raises SettingsRefused.
    """
    settings = runtime.settings
    try:
        checked_address(parseaddr(settings.mail_from)[1])
    except AddressRefused as wrong:
        raise SettingsRefused(
            f"POPUG_MAIL_FROM={settings.mail_from!r}: {wrong}; "
            "write it like popug@example.com or Popug <popug@example.com>"
        ) from wrong
    try:
        known = not settings.smtp_url or (
            urlsplit(settings.smtp_url).hostname and urlsplit(settings.smtp_url).port != 0
        )
    except ValueError:
        known = False
    if not known:  # the URL itself may hold a password, so it is not repeated
        raise SettingsRefused("POPUG_SMTP_URL: write it like smtp://user:password@host:587")


class SmtpServer:
    """One server, by `smtp://user:password@host:port` (STARTTLS if offered) or `smtps://`.

    Connects at the first mail and keeps the line for the next ones. Not thread-safe.
    """

    def __init__(self, url: str, own_name: str) -> None:
        """`own_name` is the host that we say we are."""
        self._url = urlsplit(url)
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
        except smtplib.SMTPResponseException as refused:
            self._refuse(refused.smtp_code, refused.smtp_error)
        except smtplib.SMTPNotSupportedError as lacking:
            raise RefusedForGood(str(lacking)) from lacking
        except (smtplib.SMTPException, OSError, ValueError) as broken:
            self._hang_up()
            raise RefusedForNow(str(broken) or type(broken).__name__) from broken

    def _refuse(self, code: int, words: bytes | str) -> None:
        if isinstance(words, bytes):
            words = words.decode("utf-8", "replace")
        if 500 <= code < 600:
            raise RefusedForGood(f"{code} {words}")
        if code == TOO_BUSY or not 400 <= code < 500:
            self._hang_up()
        raise RefusedForNow(f"{code} {words}")

    def _connect(self) -> smtplib.SMTP:
        line: smtplib.SMTP | None = None
        try:
            line = self._dial()
            if self._url.username:
                self._sign_in(line)
        except (smtplib.SMTPException, OSError, ValueError) as broken:
            if line:
                line.close()
            raise NoServer(f"{self._url.hostname}: {broken}") from broken
        return line

    def _dial(self) -> smtplib.SMTP:
        host = self._url.hostname or ""
        trusted = ssl.create_default_context()
        if self._url.scheme == "smtps":
            port = self._url.port or smtplib.SMTP_SSL_PORT
            return smtplib.SMTP_SSL(
                host, port, self._own_name, timeout=TIMEOUT_SECONDS, context=trusted
            )
        port = self._url.port or smtplib.SMTP_PORT
        line = smtplib.SMTP(host, port, self._own_name, timeout=TIMEOUT_SECONDS)
        line.ehlo_or_helo_if_needed()
        if line.has_extn("starttls"):
            line.starttls(context=trusted)
        return line

    def _sign_in(self, line: smtplib.SMTP) -> None:
        safe = isinstance(line.sock, ssl.SSLSocket) or self._url.hostname in LOOPBACK
        if not safe:
            raise ValueError("offers no TLS, so the password is not sent")
        line.login(unquote(self._url.username or ""), unquote(self._url.password or ""))

    def _hang_up(self) -> None:
        if self._line:
            self._line.close()
        self._line = None
