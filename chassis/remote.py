"""Asking another service over REST: the caller's identity goes along, and it may be away.

Views ask, changes never do: a call inside a write transaction is refused. A service that
did not answer is not asked again for a moment, so that pages stay quick without it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import requests
from flask import g, has_request_context
from werkzeug.test import Client

from chassis import tracing
from chassis.database import in_transaction

TIMEOUT_SECONDS = 2.0
REST_SECONDS = 1.0
LABEL_SECONDS = 2.0
IDS_PER_CALL = 100
LABELS_MOST = 50_000


class RemoteAway(Exception):
    """The service did not answer in time, or answered that it cannot."""


class RemoteRefused(Exception):
    """The service answered, and said no."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status


class Transport(Protocol):
    """How a request reaches another service."""

    def get(
        self, service: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        """The status and the JSON (None if there is none). Raises RemoteAway."""


class InProcessTransport:
    """Services mounted in this process are asked through WSGI, without a socket."""

    def __init__(self, apps: Mapping[str, Any]) -> None:
        self._apps = apps

    def get(
        self, service: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        try:
            client = Client(self._apps[service], use_cookies=False)
            answer = client.get(path, query_string=dict(params), headers=dict(headers))
        except Exception as failed:
            raise RemoteAway(f"{service}: {failed!r}") from failed
        return answer.status_code, answer.get_json(silent=True)


class HttpTransport:
    """Services of their own are asked over HTTP; `base_url` holds `{service}`."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._session = requests.Session()

    def get(
        self, service: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        url = self._base_url.replace("{service}", service) + path
        try:
            answer = self._session.get(
                url, params=params, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.RequestException as failed:
            raise RemoteAway(f"{service}: {failed}") from failed
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, None


class Remote:
    """Asks the other services on behalf of one service. Thread-safe."""

    def __init__(self, transport: Transport, own_token: Callable[[], str]) -> None:
        """`own_token` signs a token for the service itself, used where no person asks."""
        self._transport = transport
        self._own_token = own_token
        self._resting: dict[str, float] = {}
        self._labels: dict[tuple[str, str, str, str], tuple[float, Any]] = {}

    def get(self, service: str, path: str, as_service: bool = False, **params: str) -> Any:
        """The JSON at `path` (`/api/v1/...`) of a service.

        Asked as the person of the request at hand, or as the service itself outside a
        request or with `as_service`. Raises RemoteAway, RemoteRefused.
        """
        if in_transaction():
            raise RuntimeError(f"asked {service} inside a write transaction")
        if self._resting.get(service, 0.0) > time.monotonic():
            raise RemoteAway(f"{service} did not answer a moment ago")
        headers = {
            "Authorization": f"Bearer {self._token(as_service)}",
            "Accept": "application/json",
            "traceparent": tracing.continued(tracing.current_traceparent()),
        }
        try:
            status, content = self._transport.get(service, path, params, headers)
        except RemoteAway:
            self._resting[service] = time.monotonic() + REST_SECONDS
            raise
        if status >= 500 or content is None:
            raise RemoteAway(f"{service} answered {status}")
        if status >= 400:
            raise RemoteRefused(status, str(content.get("detail", "")))
        return content

    def items(self, service: str, path: str, as_service: bool = False, **params: str) -> list[Any]:
        """All pages of a list, followed to its end. Raises RemoteAway, RemoteRefused."""
        found: list[Any] = []
        after: str | None = None
        while True:
            more = {**params, "limit": params.get("limit", "200")} | (
                {"after": after} if after else {}
            )
            page = self.get(service, path, as_service=as_service, **more)
            found += page["items"]
            after = page["next"]
            if not after:
                return found

    def labels(self, service: str, path: str, ids: Iterable[str], field: str) -> dict[str, Any]:
        """`field` of the things with these ids; an id is missing where it cannot be had.

        For names beside ids on a page: never raises, and remembers for two seconds.
        """
        now = time.monotonic()
        wanted = sorted({i for i in ids if i})
        found: dict[str, Any] = {}
        for thing in wanted:
            remembered = self._labels.get((service, path, field, thing))
            if remembered and remembered[0] > now:
                found[thing] = remembered[1]
        missing = [thing for thing in wanted if thing not in found]
        try:
            for start in range(0, len(missing), IDS_PER_CALL):
                chunk = missing[start : start + IDS_PER_CALL]
                page = self.get(service, path, ids=",".join(chunk), limit=str(IDS_PER_CALL))
                for item in page["items"]:
                    found[item["id"]] = item[field]
                    self._labels[service, path, field, item["id"]] = (
                        now + LABEL_SECONDS,
                        item[field],
                    )
        except (RemoteAway, RemoteRefused, KeyError, TypeError):
            # No answer, or one of another shape: the page shows what it has, and says that
            # the rest is unavailable.
            pass
        if len(self._labels) > LABELS_MOST:
            self._labels.clear()
        return found

    def _token(self, as_service: bool) -> str:
        if not as_service and has_request_context() and g.get("token"):
            return str(g.token)
        return self._own_token()
