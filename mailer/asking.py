"""What is asked of other services to write a mail: to whom it goes, and of what it tells."""

from dataclasses import dataclass
from typing import Any

from chassis.languages import DEFAULT, LANGUAGES
from chassis.remote import RemoteAway, RemoteRefused
from chassis.runtime import Runtime
from mailer.domain import NAME_LENGTH, AddressRefused, Mail, checked_address, one_line

# A transaction as accounts gives it over REST.
Entry = dict[str, Any]


class NotReady(Exception):
    """Another service is away; the mail can be written later."""


class NoRecipient(Exception):
    """The mail can never be written; the text says why."""


@dataclass(frozen=True)
class Recipient:
    """Whom a mail goes to, as auth knows him at this moment."""

    name: str
    email: str
    language: str


def recipient(runtime: Runtime, user_id: str) -> Recipient:
    """Whom to write to, as auth knows him now. Raises NotReady, NoRecipient."""
    try:
        user = runtime.remote.get("auth", f"/api/v1/users/{user_id}", as_service=True)
        language = user.get("language")
        return Recipient(
            name=one_line(str(user["name"]), NAME_LENGTH),
            email=checked_address(user.get("email")),
            language=language if language in LANGUAGES else DEFAULT,
        )
    except RemoteAway as away:
        raise NotReady(str(away)) from away
    except RemoteRefused as refused:
        if refused.status == 404:
            raise NoRecipient("auth does not know this user") from refused
        raise NotReady(f"auth: {refused}") from refused
    except AddressRefused as wrong:
        raise NoRecipient(str(wrong)) from wrong


def entries(runtime: Runtime, mail: Mail) -> list[Entry] | None:
    """What was posted on the day, oldest first, without the payout itself. Raises NotReady."""
    path = f"/api/v1/accounts/{mail.user_id}/transactions"
    try:
        found = runtime.remote.items("accounts", path, as_service=True, day=mail.date.isoformat())
    except RemoteAway as away:
        raise NotReady(str(away)) from away
    except RemoteRefused as refused:
        if refused.status == 404:  # he is paid all the same, and the link shows the rest
            return None
        raise NotReady(f"accounts: {refused}") from refused
    return [entry for entry in reversed(found) if entry["kind"] != "payout"]


def lacks_card(runtime: Runtime, user_id: str) -> bool:
    """Whether billing has no card to pay this popug to. Raises NotReady."""
    try:
        card = runtime.remote.get("billing", f"/api/v1/cards/{user_id}", as_service=True)
    except (RemoteAway, RemoteRefused) as away:
        raise NotReady(f"billing: {away}") from away
    return not card["stored"]
