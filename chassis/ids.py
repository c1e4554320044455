"""Identifiers: UUIDv7 (RFC 9562), so that ids made later sort later."""

import uuid_utils


def new_id() -> str:
    """A new unique id, 36 characters."""
    return str(uuid_utils.uuid7())
