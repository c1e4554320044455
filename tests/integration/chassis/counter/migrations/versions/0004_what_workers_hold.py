"""A worker's sign of life tells what it holds and has not applied."""

from chassis.migrations import tell_what_workers_hold

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    tell_what_workers_hold()
