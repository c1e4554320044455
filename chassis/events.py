"""Events: one declaration each, carried as CloudEvents 1.0 in structured JSON.

A declaration is a pydantic model that names its type:

    class TaskClosed(Event, type="popug.tasks.task_closed.v1", subject="task_id"):
        task_id: EventId

Declared events are found by `declared()`; the documents of the contract are made from
them. Data is checked strictly when it is produced and when it is consumed; a field
that this version does not know is passed over, so that optional ones can be added.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json

from chassis.columns import ID_LENGTH
from chassis.tracing import valid_traceparent

EventId = Annotated[str, Field(min_length=1, max_length=ID_LENGTH, pattern=r"^[!-~]+$")]
# Below 2**53, so that every JSON reader agrees on the number.
Amount = Annotated[int, Field(ge=0, le=9_000_000_000_000)]
SignedAmount = Annotated[int, Field(ge=-9_000_000_000_000, le=9_000_000_000_000)]
MAX_BYTES = 262_144
CONTENT_TYPE = "application/cloudevents+json"


class NotUnderstood(Exception):
    """These bytes are no event that can be applied; the text says why."""


class Event(BaseModel):
    """The data of one kind of event. Subclasses are the declarations."""

    # An instance is checked like anything else: who has constructed one may have checked nothing.
    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", revalidate_instances="always"
    )

    type: ClassVar[str]
    subject_field: ClassVar[str]

    def __init_subclass__(cls, *, type: str, subject: str, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = type
        cls.subject_field = subject

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        if not cls.type:  # a base of several declarations
            return
        if cls.type in _declared:
            raise ValueError(f"{cls.type} is declared twice")
        _declared[cls.type] = cls
        _wires[cls.type] = _Wire[cls]  # type: ignore[valid-type]

    @property
    def subject(self) -> str:
        """The id of the thing that this is about."""
        return str(getattr(self, self.subject_field))


E = TypeVar("E", bound=Event)
_declared: dict[str, type[Event]] = {}
_wires: dict[str, Any] = {}


class _Wire(BaseModel, Generic[E]):
    """A CloudEvent as it travels."""

    model_config = ConfigDict(strict=True, extra="ignore")

    specversion: Literal["1.0"]
    id: EventId
    source: Annotated[str, Field(min_length=1, max_length=191)]
    type: str
    subject: Annotated[str, Field(max_length=ID_LENGTH)] | None = None
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    traceparent: str | None = None
    data: E


@dataclass(frozen=True, slots=True)
class Envelope(Generic[E]):
    """An event and what is known of it: who said it, when, in which trace."""

    id: str
    source: str
    time: datetime
    data: E
    traceparent: str | None = None

    @property
    def type(self) -> str:
        return self.data.type


def declared() -> Mapping[str, type[Event]]:
    """Every declared event by its type."""
    return MappingProxyType(_declared)


def encode(envelope: Envelope[Any]) -> bytes:
    """The envelope as the JSON bytes that travel: a `_Wire` in words.

    Its data was checked before (the outbox does), the rest are values of our own.
    """
    wire = {
        "specversion": "1.0",
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "subject": envelope.data.subject,
        "time": envelope.time,
        "datacontenttype": "application/json",
    }
    if envelope.traceparent is not None:
        wire["traceparent"] = envelope.traceparent
    return to_json(wire | {"data": envelope.data}, exclude_none=True)


def decode(body: bytes, known: Iterable[str] | None = None) -> Envelope[Any]:
    """Bytes back into an envelope, checked.

    `known` are the types that the reader hears. Raises NotUnderstood when the bytes
    are no CloudEvent, of a type or version that is not known, or break the declaration.
    """
    kind = type_of(body)
    if kind not in _declared or (known is not None and kind not in known):
        raise NotUnderstood(_unknown(kind))
    try:
        wire = _wires[kind].model_validate_json(body)
    except ValidationError as broken:
        first = broken.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise NotUnderstood(f"{kind}: {place}: {first['msg']}") from broken
    trace = wire.traceparent if valid_traceparent(wire.traceparent) else None
    return Envelope(wire.id, wire.source, wire.time, wire.data, trace)


def type_of(body: bytes) -> str:
    """The `type` that the bytes claim to be. Raises NotUnderstood."""
    if len(body) > MAX_BYTES:
        raise NotUnderstood(f"{len(body)} bytes; an event has at most {MAX_BYTES}")
    try:
        content = from_json(body)
    except ValueError as broken:
        raise NotUnderstood(f"not JSON: {broken}") from broken
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        raise NotUnderstood("not a CloudEvent: no `type`")
    return str(content["type"])


def _unknown(kind: str) -> str:
    name, _, version = kind.rpartition(".v")
    versions = [t for t in _declared if t.rpartition(".v")[0] == name]
    if version.isdigit() and versions:
        return f"version {version[:20]} of {name} is not known here, only {', '.join(versions)}"
    return f"unknown type {kind[:191]!r}"
