"""Tables that are only ever appended to: the database itself refuses everything else.

A table says so by `chassis.rights.APPEND_ONLY`, by which services' users may only read and
append; its migration calls `refuse_changes`, which holds for the owner and on SQLite too.
"""

from alembic import op


def refuse_changes(table: str, *keys: str) -> None:
    """Let the database refuse UPDATE, DELETE and REPLACE of a table's rows.

    `keys` are all columns that are unique by themselves, the primary key first.
    """
    message = f"{table} is append-only"
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    refusal = (
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        if on_sqlite
        else f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{message}'"
    )
    for verb in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
            f"FOR EACH ROW {refusal}"
        )
    if on_sqlite:
        # REPLACE deletes without asking the delete trigger, unless the connection says
        # PRAGMA recursive_triggers=ON; a stranger's does not.
        there = " OR ".join(f"{key} = NEW.{key}" for key in keys)
        same_key = f"EXISTS (SELECT 1 FROM {table} WHERE {there})"  # noqa: S608 (our own names)
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"FOR EACH ROW WHEN {same_key} {refusal}"
        )
