"""Whether a statement is of the dialect that MySQL 8.4 and MariaDB 10.11 have in common.

`conftest` has every statement that any test executes looked at here.
"""

import re
from typing import Any

from sqlalchemy import ClauseElement, Select, Table
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect
from sqlalchemy.exc import CompileError
from sqlalchemy.sql import visitors

from chassis.rights import is_append_only

# What only one of them knows, as far as it can be seen in the text.
FOREIGN = re.compile(
    r"\bRETURNING\b|\bON CONFLICT\b|\bINSERT OR\b|\bLATERAL\b|\bFULL (OUTER )?JOIN\b"
    r"|\bNULLS (FIRST|LAST)\b|\bFOR SHARE\b|\bFOR UPDATE OF\b|\bVALUES ROW\b|\bQUALIFY\b"
    r"|->|\bJSON_(TABLE|VALUE|OVERLAPS)\b|\bMEMBER OF\b|\bGROUPING\b|\bREGEXP_LIKE\b"
    r"|\bANY_VALUE\b|\bUUID_TO_BIN\b|\bBIN_TO_UUID\b|\bNEXTVAL\b|\bILIKE\b"
    r"|^WITH\b.*\)\s*(UPDATE|DELETE)\b|\bIN \(SELECT[^()]*\bLIMIT\b",
    re.IGNORECASE | re.DOTALL,
)
# MySQL deprecates VALUES() for a row alias, which MariaDB does not know: each gets its own.
UPSERT = re.compile(r"( AS new)? ON DUPLICATE KEY UPDATE .*", re.DOTALL)


MYSQL = mysql.dialect()
MYSQL.server_version_info = (8, 4, 0)
# What the dialect finds out about such a server when it first connects.
MYSQL.supports_for_update_of = True
MYSQL.use_mysql_for_share = True
MYSQL._requires_alias_for_on_duplicate_key = True
MARIADB = MariaDBDialect()
MARIADB.server_version_info = (10, 11, 0)
# It asks for new keys by RETURNING where the server can; on MySQL it asks afterwards.
MARIADB.insert_returning = False


def complaint(statement: ClauseElement) -> str | None:
    """What is wrong with a statement, or None."""
    if isinstance(statement, sqlite.Insert):
        return None  # `Transaction.upsert` writes another one for servers
    try:
        texts = [str(statement.compile(dialect=dialect)) for dialect in (MYSQL, MARIADB)]
    except CompileError as unknown:
        return f"cannot be written for both: {unknown}"
    one, other = (UPSERT.sub("", text).replace("`", "") for text in texts)
    if other.endswith("LOCK IN SHARE MODE"):  # the older way to say it, which both know
        one = one.replace("FOR SHARE", "LOCK IN SHARE MODE")
    if one != other:
        return f"differs: {texts[0]!r} and {texts[1]!r}"
    foreign = FOREIGN.search(other)
    if foreign:
        return f"{foreign.group(0)!r} is not known to both: {other}"
    return _locks_what_cannot_be_changed(statement)


def _locks_what_cannot_be_changed(statement: ClauseElement) -> str | None:
    """MySQL wants the right to UPDATE of who says FOR UPDATE, and of a ledger nobody has it."""
    if not isinstance(statement, Select) or statement._for_update_arg is None:
        return None
    tables = [part for part in visitors.iterate(statement) if isinstance(part, Table)]
    locked = [table.name for table in tables if is_append_only(table)]
    return f"locks rows of {locked}, which are append-only: {statement}" if locked else None


class Listener:
    """Remembers what is wrong with the statements that were executed; each is read once."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.seen: set[Any] = set()

    def __call__(
        self, _connection: Any, statement: Any, _many: Any, _one: Any, _options: Any
    ) -> None:
        if not isinstance(statement, ClauseElement):
            return
        key = statement._generate_cache_key()
        known = key.key if key else str(statement)
        if known in self.seen:
            return
        self.seen.add(known)
        wrong = complaint(statement)
        if wrong:
            self.complaints.append(wrong)
