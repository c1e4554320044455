"""What auth has decided of people's rights, for checking against what the services have heard."""

from collections.abc import Iterator

from sqlalchemy import select

from auth.models import users
from chassis.access import Known
from chassis.database import Reading


def rights(reading: Reading) -> Iterator[tuple[str, Known]]:
    """Everybody's id with his rights of now; each was told to all services."""
    rows = reading.execute(select(users.c.id, users.c.role, users.c.active, users.c.epoch))
    return ((row.id, Known(row.role, row.active, row.epoch)) for row in rows)
