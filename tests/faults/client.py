"""A good client: it asks again until it is answered, and never guesses."""

import random
import time
from collections.abc import Mapping
from typing import Any

import requests

from tests.faults.journal import BrokenPromise, Journal
from tests.system.running import Person, new_session

# Shorter than the longest standstill, so that answers do get lost on the way.
CONNECT_SECONDS, ANSWER_SECONDS = 3, 6
PAUSE_SECONDS = 0.2
# The gateway's own words for "the service behind me did not answer", and the service's
# for "my database did not".
NO_ANSWER = frozenset({500, 502, 503, 504})
# How long a client goes on asking; longer than any fault and its healing.
PATIENCE_SECONDS = 180


class Unanswered(Exception):
    """Nobody knows whether it happened."""


class Client:
    """One connection on which requests of many people go, one after the other."""

    def __init__(self, url: str, journal: Journal) -> None:
        self.url = url
        self.journal = journal
        self._session = new_session()
        self._cookies: dict[str, str] = {}

    def ask(
        self,
        what: str,
        who: Person,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> requests.Response:
        """Ask once. Raises Unanswered."""
        try:
            answer = self._session.request(
                method,
                self.url + path,
                headers={"Cookie": self._cookie(who), **(headers or {})},
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                **arguments,
            )
        except requests.RequestException as lost:
            self.journal.answered(what, "no answer")
            raise Unanswered(str(lost)) from lost
        self.journal.answered(what, answer.status_code)
        if answer.status_code in NO_ANSWER:
            raise Unanswered(f"{answer.status_code}: {answer.text[:300]}")
        return answer

    def insist(
        self, what: str, who: Person, method: str, path: str, **arguments: Any
    ) -> tuple[requests.Response, int]:
        """Ask until there is an answer; gives it, and how often there was none before."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        lost = 0
        while True:
            try:
                return self.ask(what, who, method, path, **arguments), lost
            except Unanswered as unanswered:
                if time.monotonic() > deadline:
                    raise BrokenPromise(f"{what}: never answered: {unanswered}") from unanswered
                lost += 1
                self.journal.again()
                time.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))

    def _cookie(self, who: Person) -> str:
        """Set by hand: the session belongs to the connection, not to a person."""
        if who.id not in self._cookies:
            pairs = who.session.cookies.get_dict().items()
            self._cookies[who.id] = "; ".join(f"{name}={value}" for name, value in pairs)
        return self._cookies[who.id]
