"""Stands for auth, accounts, tasks and billing over HTTP, as a worker of the mailer asks them."""

import json
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.mails.town import AMOUNT, DAY, Popug


class Neighbours:
    """Answers for these popugs on a free port while it is entered."""

    def __init__(self, town: Iterable[Popug]) -> None:
        self._people = {each.id: each for each in town}

    def __enter__(self) -> "Neighbours":
        neighbours = self

        class Answering(_Answering):
            asked = neighbours

        self._server = _Quiet(("127.0.0.1", 0), Answering)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def service_url(self) -> str:
        """As POPUG_SERVICE_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{{service}}"

    def answer(self, path: str, query: dict[str, list[str]]) -> Any:
        """The JSON at a path, or None where there is nothing."""
        _, service, *rest = path.split("/")
        match (service, rest):
            case ("auth", ["api", "v1", "users", user_id]) if user_id in self._people:
                return self._person(self._people[user_id])
            case ("accounts", ["api", "v1", "accounts", user_id, "transactions"]):
                return {"items": self._statement(self._people[user_id]), "next": None}
            case ("tasks", ["api", "v1", "tasks"]):
                ids = query["ids"][0].split(",")
                titles = [{"id": i, "title": self._people[i[2:]].text} for i in ids]
                return {"items": titles, "next": None}
            case ("billing", ["api", "v1", "cards", user_id]):
                return {"stored": self._people[user_id].has_card}
        return None

    def _person(self, popug: Popug) -> dict[str, Any]:
        return {
            "id": popug.id,
            "name": popug.text,
            "email": popug.email,
            "language": popug.language,
        }

    def _statement(self, popug: Popug) -> list[dict[str, Any]]:
        kinds = [("reward", AMOUNT + 1_000), ("reversal", 100), ("fee", -1_100)]
        return [
            {
                "kind": kind,
                "task_id": f"t-{popug.id}",
                "sum": cents,
                "note": popug.text if kind == "reversal" else "",
                "datetime": f"{DAY}T10:15:00Z",
            }
            for kind, cents in kinds
        ]


class _Quiet(ThreadingHTTPServer):
    """Who asks may be killed at any moment, which is no news."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Says nothing."""


class _Answering(BaseHTTPRequestHandler):
    """One connection, kept open; each answer is one write, so that nobody waits for the rest."""

    asked: Neighbours
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        found = self.asked.answer(parts.path, parse_qs(parts.query))
        body = json.dumps(found if found is not None else {"detail": "nothing here"}).encode()
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing: there are thousands."""
