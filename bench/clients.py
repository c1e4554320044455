"""People who work through the REST API at little cost: the machine is there for Popug.

A `Client` keeps its connections, and does without what `requests` does for each question:
cookies, redirects, hooks, and a look for proxies.
"""

import json
from typing import Any
from urllib.parse import urlencode

from urllib3 import connection_from_url

from tests.system.running import Person

CONNECTIONS, ANSWER_SECONDS = 16, 30


class Client:
    """One who is signed in already; may be used by several threads."""

    def __init__(self, person: Person) -> None:
        self.id = person.id
        self._pool = connection_from_url(
            person.url, maxsize=CONNECTIONS, timeout=ANSWER_SECONDS, retries=False
        )
        cookies = person.session.cookies.get_dict()
        self._headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "Content-Type": "application/json",
        }

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at `path`, which must be there."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path, None)

    def post(self, path: str, **body: Any) -> Any:
        """What a POST answers, which must succeed."""
        return self._ask("POST", path, json.dumps(body).encode() if body else None)

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        answer = self._pool.urlopen(method, path, body=body, headers=self._headers)
        assert answer.status < 400, f"{path}: {answer.status} {answer.data[:500]!r}"
        return json.loads(answer.data) if answer.data else None
