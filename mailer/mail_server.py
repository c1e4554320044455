"""Which SMTP server takes our mails, and how we speak with it: what POPUG_SMTP_URL says."""

from dataclasses import dataclass, field
from email.utils import parseaddr
from urllib.parse import parse_qsl, unquote, urlsplit

from chassis.runtime import Runtime
from chassis.settings import SettingsRefused
from mailer.domain import AddressRefused, checked_address

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SMTP_PORT, SMTPS_PORT = 25, 465
# Opportunistic TLS keeps listeners out but not somebody who answers in the server's place;
# `?tls=required` does.
REQUIRED = ("tls", "required")
EXAMPLE = "write it like smtp://user:password@host:587, smtps://host or smtp://host?tls=required"


@dataclass(frozen=True)
class MailServer:
    """A server by `smtp://user:password@host:port` or `smtps://`.

    `tls_at_once`: from the first byte on (smtps). `tls_required`: nothing is said to a
    server without TLS; always so with a password, but for one on this machine.
    """

    host: str
    port: int
    tls_at_once: bool
    tls_required: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str) -> "MailServer":
        """Raises ValueError, whose text holds nothing of the URL."""
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        if not parts.hostname or parts.port == 0 or parts.path.strip("/") or parts.fragment:
            raise ValueError("no host, or more than a host")
        if any(option != REQUIRED for option in options):
            raise ValueError("no such option")
        at_once = parts.scheme == "smtps"
        user = unquote(parts.username or "")
        return cls(
            host=parts.hostname,
            port=parts.port or (SMTPS_PORT if at_once else SMTP_PORT),
            tls_at_once=at_once,
            tls_required=bool(options) or (bool(user) and parts.hostname not in LOOPBACK),
            user=user,
            password=unquote(parts.password or ""),
        )


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
    if not settings.smtp_url:
        return
    try:
        MailServer.of(settings.smtp_url)
    except ValueError:  # the URL may hold a password, so neither it nor the error is repeated
        raise SettingsRefused(f"POPUG_SMTP_URL: {EXAMPLE}") from None
