"""What a check of something that must always be true has found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Whether one invariant holds; `detail` counts what was compared or names what differs."""

    name: str
    ok: bool
    detail: str
