"""Events on the wire: strict where it matters, open to fields that come later."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from chassis.events import MAX_BYTES, Envelope, Event, NotUnderstood, declared, decode, encode
from contracts.accounts import PayoutRequested
from contracts.auth import AccessChanged
from contracts.tasks import TaskClosed

MOMENT = datetime(2026, 3, 10, 12, 0, 0, 123456, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CLOSED = TaskClosed(task_id="t1", assignee_id="u1", fee=1500, reward=3200, closed_at=MOMENT)


def _bytes(**changes: Any) -> bytes:
    """A good event with top-level fields changed (None: taken away)."""
    content = json.loads(encode(Envelope("e1", "/popug/tasks", MOMENT, CLOSED, TRACE)))
    content.update(changes)
    return json.dumps({k: v for k, v in content.items() if v is not None}).encode()


def _data(**changes: Any) -> bytes:
    data = json.loads(_bytes())["data"] | changes
    return _bytes(data={k: v for k, v in data.items() if v is not None})


def test_an_event_travels_as_a_cloudevent() -> None:
    assert json.loads(_bytes()) == {
        "specversion": "1.0",
        "id": "e1",
        "source": "/popug/tasks",
        "type": "popug.tasks.task_closed.v1",
        "subject": "t1",
        "time": "2026-03-10T12:00:00.123456Z",
        "datacontenttype": "application/json",
        "traceparent": TRACE,
        "data": {
            "task_id": "t1",
            "assignee_id": "u1",
            "fee": 1500,
            "reward": 3200,
            "closed_at": "2026-03-10T12:00:00.123456Z",
        },
    }


def test_what_was_encoded_is_decoded() -> None:
    envelope = decode(_bytes())
    assert envelope == Envelope("e1", "/popug/tasks", MOMENT, CLOSED, TRACE)
    assert envelope.type == "popug.tasks.task_closed.v1"


def test_dates_travel_as_dates() -> None:
    data = PayoutRequested(
        payout_id="p", user_id="u", date=date(2026, 3, 9), amount=1, currency="USD"
    )
    body = encode(Envelope("e", "/popug/accounts", MOMENT, data))
    assert json.loads(body)["data"]["date"] == "2026-03-09"
    assert decode(body).data == data


def test_an_optional_field_that_comes_later_is_passed_over() -> None:
    assert decode(_data(colour="green")).data == CLOSED
    assert decode(_bytes(newextension="x")).data == CLOSED


def test_an_optional_field_that_is_missing_has_its_default() -> None:
    data = AccessChanged(user_id="u", role="worker", active=True, epoch=1)
    content = json.loads(encode(Envelope("e", "/popug/auth", MOMENT, data)))
    del content["data"]["ended_sessions"]
    assert decode(json.dumps(content).encode()).data.ended_sessions == []


def test_a_broken_traceparent_does_not_cost_the_event() -> None:
    assert decode(_bytes(traceparent="broken")).traceparent is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 5_000, "not JSON"),
        (b"null", "not a CloudEvent"),
        (b"[]", "not a CloudEvent"),
        (b'{"type": 7}', "not a CloudEvent"),
        (b" " * (MAX_BYTES + 1), f"an event has at most {MAX_BYTES}"),
        (_bytes(type="popug.tasks.task_eaten.v1"), "unknown type 'popug.tasks.task_eaten.v1'"),
        (
            _bytes(type="popug.tasks.task_closed.v2"),
            "version 2 of popug.tasks.task_closed is not known here, "
            "only popug.tasks.task_closed.v1",
        ),
        (_bytes(type="x" * 10_000), "unknown type"),
        (_bytes(specversion="0.3"), "specversion"),
        (_bytes(id=""), "id"),
        (_bytes(id="x" * 65), "id"),
        (_bytes(id="two words"), "id"),
        (_bytes(id=None), "id"),
        (_bytes(time="yesterday"), "time"),
        (_bytes(time="2026-03-10T12:00:00"), "time"),
        (_bytes(data=None), "data"),
        (_bytes(data=[]), "data"),
        (_bytes(datacontenttype="text/plain"), "datacontenttype"),
        (_data(fee="1500"), "data.fee"),
        (_data(fee=15.5), "data.fee"),
        (_data(fee=True), "data.fee"),
        (_data(fee=-1), "data.fee"),
        (_data(fee=9_000_000_000_001), "data.fee"),
        (_data(fee=10**400), "data.fee"),
        (_data(task_id=7), "data.task_id"),
        (_data(task_id="t\x00"), "data.task_id"),
        (_data(task_id="t\n"), "data.task_id"),
        (_data(closed_at=1_700_000_000), "data.closed_at"),
        (_data(closed_at="2026-03-10T12:00:00"), "data.closed_at"),
        (_data(reward=None), "data.reward"),
    ],
)
def test_bytes_that_break_the_declaration_are_not_understood(body: bytes, reason: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        decode(body)
    assert reason in str(refused.value)


def test_a_declared_type_that_the_reader_does_not_hear_is_not_understood() -> None:
    with pytest.raises(NotUnderstood):
        decode(_bytes(), known=["popug.auth.access_changed.v1"])


def test_a_declaration_is_checked_when_an_event_is_made() -> None:
    with pytest.raises(ValidationError):
        TaskClosed(task_id="t", assignee_id="u", fee=-1, reward=1, closed_at=MOMENT)
    with pytest.raises(ValidationError):
        TaskClosed(
            task_id="t", assignee_id="u", fee=1, reward=1, closed_at=MOMENT.replace(tzinfo=None)
        )


def test_one_type_has_one_declaration() -> None:
    with pytest.raises(ValueError, match="declared twice"):

        class Again(Event, type="popug.tasks.task_closed.v1", subject="task_id"):
            task_id: str

    assert declared()["popug.tasks.task_closed.v1"] is TaskClosed
