"""The popugs who get mails, some of them hostile, and what is to reach each of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from chassis.events import Event
from contracts.accounts import PayoutRequested
from contracts.billing import PayoutFailed
from mailer.domain import FAILED_KIND, PAYOUT_KIND, message_id
from tests.mails.payloads import ADDRESSES, LANGUAGES, TEXTS

HOST = "popug.test"
DAY = date(2026, 3, 9)
AMOUNT = 1_250
WITHOUT_CARD_EVERY = 10


@dataclass(frozen=True)
class Popug:
    """Somebody with one payout. `text` is his name, a title and a note of his statement.

    `reachable`: his address is one.
    """

    id: str
    text: str
    email: str
    language: str
    has_card: bool = True
    reachable: bool = True
    payout_fails: bool = False

    @property
    def payout_id(self) -> str:
        return f"p-{self.id}"


def people(how_many: int) -> list[Popug]:
    """So many popugs, the hostile ones spread among the others."""
    hostile = list(_hostile())
    step = max(1, how_many // len(hostile))
    found = [_plain(number) for number in range(how_many - len(hostile))]
    for number, each in enumerate(hostile):
        found.insert(number * step, each)
    return found


def _plain(number: int) -> Popug:
    return Popug(
        id=f"u{number}",
        text=f"Popug {number}",
        email=f"u{number}@{HOST}",
        language="ru" if number % 2 else "en",
        has_card=number % WITHOUT_CARD_EVERY > 0,
    )


def _hostile() -> Iterator[Popug]:
    for number, text in enumerate(TEXTS):
        name = f"text{number}"
        yield Popug(name, text, f"{name}@{HOST}", "en", payout_fails=True)
    for number, email in enumerate(ADDRESSES):
        yield Popug(f"address{number}", "Ann", email, "en", reachable=False)
    for number, language in enumerate(LANGUAGES):
        yield Popug(f"language{number}", "Ann", f"language{number}@{HOST}", language)


def events(town: list[Popug]) -> list[Event]:
    """What the mailer hears of them: a payout each, and that those of some have failed."""
    facts = {each.id: {"payout_id": each.payout_id, "user_id": each.id, "date": DAY,
                       "amount": AMOUNT} for each in town}  # fmt: skip
    requested = [PayoutRequested.model_validate(f | {"currency": "USD"}) for f in facts.values()]
    failed = [
        PayoutFailed.model_validate(facts[each.id] | {"reason": each.text[:500]})
        for each in town
        if each.payout_fails
    ]
    return [*requested, *failed]


def expected(town: list[Popug]) -> dict[str, str]:
    """The address that each mail is to reach, by Message-ID; without those that can reach none."""
    found = {}
    for each in town:
        for kind in (PAYOUT_KIND, FAILED_KIND) if each.payout_fails else (PAYOUT_KIND,):
            if each.reachable:
                found[message_id(each.payout_id, kind, HOST)] = each.email
    return found
