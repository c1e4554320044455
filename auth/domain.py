"""People, their rights and their sessions: what may be said of them (rule 19)."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime

NAME_MOST = 100
PASSWORD_LEAST, PASSWORD_MOST = 10, 200
ID_MOST = 64
# Characters that turn the reading direction make one name look like another.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSEEN = frozenset({"Cc", "Cs", "Cf", "Zs", "Zl", "Zp", "Cn", "Co"})
_NEVER = frozenset({"Cc", "Cs", "Zl", "Zp"})


class BadName(Exception):
    """A name that is empty, too long, or holds characters that nobody can read."""


class BadEmail(Exception):
    """Not an e-mail address that mail could reach."""


class BadPassword(Exception):
    """A password that is too short or too long."""


class UnknownRole(Exception):
    """A role that the company does not have."""


class UnknownLanguage(Exception):
    """A language that the pages are not written in."""


class EmailTaken(Exception):
    """Another user has this e-mail address."""


class UserNotFound(Exception):
    """There is no such user."""


class SessionNotFound(Exception):
    """There is no such session of this user, or it is over."""


class LastAdmin(Exception):
    """Without this admin nobody could manage users any more."""


class WrongCredentials(Exception):
    """The e-mail or the password is wrong, or the user is disabled; never said which."""


class TooManyAttempts(Exception):
    """Too many wrong passwords; the next try is open after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} seconds")
        self.seconds = seconds


@dataclass(frozen=True)
class User:
    """A person of the company. `epoch` counts the changes of his rights, from 1."""

    id: str
    email: str
    name: str
    role: str
    language: str
    active: bool
    epoch: int
    created_at: datetime


@dataclass(frozen=True)
class Session:
    """One sign-in of a user, by its end at the latest."""

    id: str
    user_id: str
    created_at: datetime
    expires_at: datetime
    user_agent: str
    address: str


@dataclass(frozen=True)
class Device:
    """What a browser says of itself, in plain words; None where it says nothing known."""

    browser: str | None
    system: str | None


def changed(
    user: User,
    *,
    name: str | None = None,
    role: str | None = None,
    language: str | None = None,
    active: bool | None = None,
) -> User:
    """The user with what is given; other rights than before begin a new epoch."""
    new = replace(
        user,
        name=user.name if name is None else clean_name(name),
        role=user.role if role is None else role,
        language=user.language if language is None else language,
        active=user.active if active is None else active,
    )
    if (new.role, new.active) != (user.role, user.active):
        new = replace(new, epoch=user.epoch + 1)
    return new


def clean_name(text: str) -> str:
    """A name without the space around it. Raises BadName."""
    name = unicodedata.normalize("NFC", text).strip()
    kinds = {unicodedata.category(c) for c in name}
    if not 1 <= len(name) <= NAME_MOST or kinds & _NEVER or kinds <= _UNSEEN:
        raise BadName(text[:NAME_MOST])
    if _TURNING & set(name):
        raise BadName(text[:NAME_MOST])
    return name


def folded(text: str) -> str:
    """Text as it is searched and sorted: without the difference of case, nor of е and ё."""
    return text.casefold().replace("ё", "е")


def check_password(password: str) -> str:
    """The password itself, if it may be one. Raises BadPassword."""
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        raise BadPassword
    return password


def may_be_id(text: str) -> bool:
    """Whether an id could look like this; other text never reaches the database."""
    return 1 <= len(text) <= ID_MOST and text.isascii() and text.isprintable()


# The more special name comes first: every browser also claims to be several others.
_BROWSERS = (
    ("YaBrowser", "Yandex Browser"),
    ("EdgA?/|Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/|FxiOS/", "Firefox"),
    ("Chrome/|CriOS/|Chromium/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python|Werkzeug", "Python"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux|X11", "Linux"),
)


def device(user_agent: str) -> Device:
    """What a `User-Agent` header tells people."""
    return Device(_first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent))


def _first(known: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for pattern, name in known if re.search(pattern, text)), None)
