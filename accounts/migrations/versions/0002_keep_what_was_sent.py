"""Sent events stay in the outbox for a while, and events are found by their subject."""

from chassis.migrations import keep_what_was_sent

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    keep_what_was_sent()
