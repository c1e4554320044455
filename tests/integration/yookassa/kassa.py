"""A YooKassa of our own: the shapes of its payouts API over real HTTP, and its faults."""

import base64
import json
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.wrappers import Request, Response

from chassis.clock import MovingClock

AGENT, SECRET = "500000", "test_secret"
DECLINED = "4000000000000002"
LIFETIME = timedelta(hours=24)
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class Kassa:
    """Replays by key for 24 hours. `fault` names what it does to the next POSTs.

    `finds`: whether its search has caught up. `calls`: method and path of all that came.
    """

    clock: MovingClock
    status: str = "succeeded"
    fault: str = ""
    finds: bool = True
    searches: bool = True
    payouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, tuple[datetime, Any, str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=lambda: {AGENT})

    def app(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        self.calls.append(f"{request.method} {request.path}")
        answer = self._answer(request)
        if self.fault == "drop" and request.method == "POST":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return answer(environ, start)

    def settle(self, status: str = "succeeded") -> None:
        """What was pending has an outcome."""
        for payout in self.payouts.values():
            _settle(payout, status)

    def _answer(self, request: Request) -> Response:
        wanted = {
            "Basic " + base64.b64encode(f"{agent}:{SECRET}".encode()).decode()
            for agent in self.agents
        }
        if request.headers.get("Authorization") not in wanted:
            return _error(401, "invalid_credentials", "Authorization")
        if request.method == "POST" and request.path == "/v3/payouts":
            return self._post(request)
        if request.path == "/v3/payouts/search" and self.searches:
            key = request.args["metadata[payout_key]"]
            found = [p for p in self.payouts.values() if p["metadata"]["payout_key"] == key]
            return _json({"type": "list", "items": found if self.finds else []})
        payout = self.payouts.get(request.path.rpartition("/")[2])
        return _json(payout) if payout else _error(404, "not_found", "payout_id")

    def _post(self, request: Request) -> Response:
        if self.fault == "busy":
            return _error(429, "too_many_requests", "")
        if self.fault == "error_before":
            return _error(500, "internal_server_error", "")
        if self.fault == "proxy":
            return _json({"message": "Bad Request"}, 400)
        if self.fault == "proxy_page":
            return Response("<h1>Bad Request</h1>", 400, mimetype="text/html")
        key, body = request.headers["Idempotence-Key"], json.loads(request.get_data())
        at, first, payout_id = self.keys.get(key, (NEVER, None, ""))
        if payout_id and self.clock.now() < at + LIFETIME:
            if first != body:
                return _error(400, "invalid_request", "Idempotence-Key", str(body))
        else:
            payout_id = self._make(body)
            self.keys[key] = (self.clock.now(), body, payout_id)
        if self.fault == "error_after":
            return _error(500, "internal_server_error", "")
        return _json(self.payouts[payout_id])

    def _make(self, body: Any) -> str:
        number = body["payout_destination_data"]["card"]["number"]
        payout_id = f"po-{len(self.payouts) + 1}"
        self.payouts[payout_id] = {
            "id": payout_id,
            "amount": body["amount"],
            "status": "pending",
            "payout_destination": {
                "type": "bank_card",
                "card": {"first6": number[:6], "last4": number[-4:], "card_type": "Visa"},
            },
            "description": body["description"],
            "created_at": self.clock.now().isoformat(),
            "metadata": body["metadata"],
            "test": True,
        }
        _settle(self.payouts[payout_id], "canceled" if number == DECLINED else self.status)
        return payout_id


def _settle(payout: dict[str, Any], status: str) -> None:
    payout["status"] = status
    if status == "canceled":
        payout["cancellation_details"] = {"party": "payout_network", "reason": "general_decline"}


def _json(said: Any, status: int = 200) -> Response:
    return Response(json.dumps(said), status, mimetype="application/json")


def _error(status: int, code: str, parameter: str, description: str = "No.") -> Response:
    said = {"type": "error", "id": "e-1", "code": code, "description": description}
    return _json(said | ({"parameter": parameter} if parameter else {}), status)
