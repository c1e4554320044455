"""What has come back from a gateway is kept by itself, no longer in a reason's words."""

from alembic import op
from sqlalchemy import Column, MetaData, String, Table, case, cast, func, literal, select

from chassis.append_only import refuse_changes
from chassis.columns import Code, Id, Position, UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "payout_returns",
        Column("id", Position, primary_key=True, autoincrement=True),
        Column("gateway", Code, nullable=False),
        Column("key", Id, nullable=False),
        Column("reference", Code, nullable=False),
        Column("payout_id", Id, nullable=False),
        Column("at", UtcDateTime, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_payout_returns", "payout_returns", ["gateway", "key", "reference"], unique=True
    )
    op.create_index("ix_payout_returns_payout", "payout_returns", ["payout_id", "id"])
    _take_over()
    refuse_changes("payout_returns", "id")


def _take_over() -> None:
    """A payout that failed last because its money came back still has the reference."""
    tables = MetaData()
    bind = op.get_bind()
    payouts, moves, returns = (
        Table(name, tables, autoload_with=bind)
        for name in ("payouts", "payout_transitions", "payout_returns")
    )
    last_failure = (
        select(func.max(moves.c.id))
        .where(moves.c.payout_id == payouts.c.id, moves.c.to_status == "failed")
        .correlate(payouts)
        .scalar_subquery()
    )
    number = cast(payouts.c.retries, String(10))
    key = case(
        (payouts.c.retries == 0, payouts.c.idempotency_key),
        else_=payouts.c.idempotency_key + literal(".") + number,
    )
    come_back = (
        select(payouts.c.gateway, key, payouts.c.gateway_ref, payouts.c.id, moves.c.at)
        .join(moves, moves.c.id == last_failure)
        .where(
            payouts.c.status.in_(["failed", "cancelled"]),
            payouts.c.gateway_ref.is_not(None),
            moves.c.why.like("returned by the bank: %"),
        )
        .order_by(moves.c.id)
    )
    columns = ["gateway", "key", "reference", "payout_id", "at"]
    op.execute(returns.insert().from_select(columns, come_back))
