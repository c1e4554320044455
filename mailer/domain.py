"""Mails: what may happen to one, when it is tried again, and what may stand in its head."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

QUEUED, SENDING, SENT, FAILED, KEPT = "queued", "sending", "sent", "failed", "kept"
STATUSES = (QUEUED, SENDING, SENT, FAILED, KEPT)
# An admin may have these sent again; the others are on their way already.
DONE = frozenset({SENT, FAILED, KEPT})

# What billing may say of a payout.
SUCCEEDED, CANCELLED, RETURNED = "succeeded", "cancelled", "returned"

PAYOUT_KIND, PAID_KIND, FAILED_KIND, CANCELLED_KIND = "payout", "paid", "failed", "cancelled"
RETURNED_KIND = "returned"
# Their readers must act, whatever mails they want.
MUST_GO = frozenset({FAILED_KIND, RETURNED_KIND})

# Said of a mail that is kept because its reader has turned its kind off.
UNWANTED = "not wanted"

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
JITTER = 0.2
# Of them all but the first few are an hour apart: about five days (RFC 5321, 4.5.4.1).
MOST_TRIES = 125
# No mail ever waits longer; one that does was put off by a clock that was ahead.
LONGEST_WAIT = LONGEST_PAUSE * (1 + JITTER)
SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 5.0, 30.0

# Longer than a batch may take; a runner that died gives its mails back after this.
LEASE = timedelta(minutes=5)

ADDRESS_LENGTH = 254  # RFC 5321, path without the brackets
NAME_LENGTH = 100
REASON_LENGTH = 500
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@[\w-]+(\.[\w-]+)*")


class MailNotFound(Exception):
    """There is no such mail, or none that this person may know of."""


class MailOnItsWay(Exception):
    """The mail waits to be sent or is being sent right now."""


class MailUnwanted(Exception):
    """Its reader has turned such mails off; it is shown to him and not sent."""


class AddressRefused(Exception):
    """Nothing can be sent to this address; the text says why."""


@dataclass(frozen=True)
class Wishes:
    """Which mails a popug wants. What he must act upon goes in any case.

    A second good news of the same payout is for those alone who ask for it: rule 17 has one
    mail for each payout.
    """

    on_its_way: bool = True
    paid: bool = False
    cancelled: bool = True

    def want(self, kind: str) -> bool:
        """Whether he wants mails of this kind."""
        wanted = {
            PAYOUT_KIND: self.on_its_way,
            PAID_KIND: self.paid,
            CANCELLED_KIND: self.cancelled,
        }
        return wanted.get(kind, True)


@dataclass(frozen=True)
class Content:
    """A mail as it is read: to which address, in which language, and what it says."""

    email: str
    language: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Mail:
    """One mail about one payout. `amount` is cents; `content` is None until it is written.

    `attempts` counts how often an SMTP server was asked to take it. `claimed_until` is
    set while a runner of the job holds it.
    """

    id: str
    payout_id: str
    kind: str
    user_id: str
    date: date
    amount: int
    currency: str
    reason: str | None
    status: str
    attempts: int
    last_error: str | None
    message_id: str
    created_at: datetime
    sent_at: datetime | None
    claimed_until: datetime | None
    content: Content | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one try: the mail's next status, and when a queued one is due."""

    status: str
    error: str | None = None
    due: datetime | None = None
    counted: bool = False
    content: Content | None = None


def message_id(payout_id: str, kind: str, host: str, number: int = 1) -> str:
    """The Message-ID of the mail of this kind and number about this payout: always the same.

    A mail that was sent twice around a crash is thereby known as one.
    """
    about = f"{kind}:{payout_id}" + (f":{number}" if number > 1 else "")
    digest = hashlib.sha256(about.encode()).hexdigest()
    return f"<{digest[:32]}@{host}>"


def next_try(now: datetime, attempts: int, chance: float) -> datetime:
    """When to ask the SMTP server again after `attempts` tries in vain.

    One minute, doubling up to an hour, each moved by up to 20 % by `chance` (0..1) so
    that mails held up together do not come back together.
    """
    doublings = min(attempts - 1, 10)
    pause = min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
    return now + pause * (1 - JITTER + 2 * JITTER * chance)


def soon(now: datetime, chance: float) -> datetime:
    """When to look again after something of our own was away; `chance` is 0..1."""
    wait = SHORTEST_WAIT_SECONDS + (LONGEST_WAIT_SECONDS - SHORTEST_WAIT_SECONDS) * chance
    return now + timedelta(seconds=wait)


def one_line(text: str, length: int = NAME_LENGTH) -> str:
    """The text without line breaks, control and direction characters, at most `length`."""
    plain = "".join(" " if _is_invisible(c) else c for c in text)
    return " ".join(plain.split())[:length].rstrip()


def header_name(name: str) -> str:
    """The name with nothing in it that means something in a mail's head: letters,
    digits, blanks, hyphens and apostrophes.
    """
    kept = "".join(c if _is_of_a_name(c) else " " for c in name)
    return " ".join(kept.split())[:NAME_LENGTH].rstrip()


def checked_address(email: object) -> str:
    """The address if it is safe to write into a mail's head. Raises AddressRefused."""
    if not isinstance(email, str) or not email:
        raise AddressRefused("there is no address")
    if len(email) > ADDRESS_LENGTH or any(_is_invisible(c) for c in email):
        raise AddressRefused("the address is too long or holds control characters")
    if not _ADDRESS.fullmatch(email):
        raise AddressRefused("the address is not written as name@host in plain letters")
    wire_address(email)
    return email


def wire_address(email: str) -> str:
    """The address as it travels: the host's name in ASCII (IDNA). Raises AddressRefused."""
    name, _, host = email.rpartition("@")
    try:
        return f"{name}@{host.encode('idna').decode()}"
    except UnicodeError as wrong:
        raise AddressRefused("the host's name in the address cannot be one") from wrong


def _is_of_a_name(character: str) -> bool:
    return character.isalnum() or character in " -'" or unicodedata.category(character)[0] == "M"


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
