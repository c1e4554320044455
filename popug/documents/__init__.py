"""The documents of the events, made from their declarations: `make docs`.

`docs/events.md` is for people, `docs/asyncapi.json` (AsyncAPI 3.0) for programs. A test
fails when they are not what this package would write.
"""

from collections.abc import Mapping

from popug.documents.asyncapi import asyncapi
from popug.documents.declarations import as_json
from popug.documents.page import events_page


def documents() -> Mapping[str, str]:
    """File names in `docs/` and what must stand in them."""
    return {"events.md": events_page(), "asyncapi.json": as_json(asyncapi())}
