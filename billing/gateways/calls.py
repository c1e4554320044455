"""One call to a gateway, over HTTP or in this process: answered, never made, or nobody knows."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import requests
from urllib3.exceptions import NewConnectionError
from werkzeug.test import Client

from billing.gateway import AnswerLost


class NeverReached(Exception):
    """There was no connection at all, so that nothing can have come to the gateway."""


class Said(Protocol):
    """What was answered; `json` raises ValueError if it is none."""

    @property
    def status_code(self) -> int: ...

    def json(self) -> Any: ...


@dataclass(frozen=True)
class Whole:
    """An answer that was read to its end."""

    status_code: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def call(method: str, url: str, patience_seconds: float, **said: Any) -> requests.Response:
    """Ask without following redirects. Raises NeverReached, or AnswerLost.

    Neither error names what was sent: it may hold a card number.
    """
    try:
        return requests.request(
            method, url, timeout=patience_seconds, allow_redirects=False, **said
        )
    except requests.RequestException as failed:
        reason = getattr(failed.args[0] if failed.args else None, "reason", None)
        if isinstance(reason, NewConnectionError):
            raise NeverReached from None
        raise AnswerLost(type(failed).__name__) from None


def call_app(
    app: Any,
    method: str,
    path: str,
    patience_seconds: float,
    *,
    headers: Mapping[str, str],
    json: Any = None,
    params: Mapping[str, str] | None = None,
) -> Whole:
    """Ask a WSGI app of this process, and wait no longer than for one elsewhere.

    Raises AnswerLost; the app may still be at it then.
    """

    def ask() -> Whole:
        client = Client(app, use_cookies=False)
        answer = client.open(path, method=method, json=json, query_string=params, headers=headers)
        return Whole(answer.status_code, answer.get_data())

    return _in_time(ask, patience_seconds)


def _in_time(ask: Callable[[], Whole], patience_seconds: float) -> Whole:
    """What `ask` gives, on a thread that ends with the process, answered or not."""
    answered: SimpleQueue[Whole | Exception] = SimpleQueue()

    def run() -> None:
        try:
            answered.put(ask())
        except Exception as failed:  # noqa: BLE001 - whatever broke, there is no answer
            answered.put(failed)

    thread = threading.Thread(target=run, name="gateway-call", daemon=True)
    thread.start()
    try:
        answer = answered.get(timeout=patience_seconds)
    except Empty:
        raise AnswerLost("no answer in time") from None
    thread.join()
    if isinstance(answer, Exception):
        raise AnswerLost(type(answer).__name__) from None
    return answer
