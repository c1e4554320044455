"""Parked events are grouped, decisions about them recorded, and workers give signs of life."""

from chassis.migrations import group_what_is_parked

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    group_what_is_parked()
