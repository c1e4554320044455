"""Many rows in one statement, at little cost for each.

What a batch of a thousand events costs this side of the database is putting their rows into
words: through SQLAlchemy and PyMySQL 20 to 30 µs a row, most of it for values that every row
of the batch has. Here it is done by columns: a value that comes again is put into words once.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any

from pymysql.cursors import Cursor
from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.exc import StatementError

# A server refuses statements beyond its max_allowed_packet, 16 MB where nobody has said more.
# Counted in characters, of which each takes four bytes at most.
MOST_CHARACTERS = 1_000_000
# PyMySQL never leaves this one in a literal.
BETWEEN_LITERALS = "\0"

_PLAIN_INSERT = re.compile(
    r"(?P<head>\s*INSERT\s.+?\sVALUES\s*)"
    r"\((?P<marks>(?:%s|%\(\w+\)s)(?:,\s*(?:%s|%\(\w+\)s))*)\)"
    r"(?P<tail>(?:\s+AS\s+\w+)?(?:\s+ON DUPLICATE\s.*)?)",
    re.IGNORECASE | re.DOTALL,
)


def insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have the columns of the first one. Raises KeyError where one lacks any."""
    names = tuple(rows[0])
    statement, processors = _insert_of(table, names, connection.dialect)
    try:
        columns = [
            _processed([row[name] for row in rows], processor)
            for name, processor in zip(names, processors, strict=True)
        ]
    except ValueError as refused:
        # As SQLAlchemy says it, and without what the row holds.
        raise StatementError(str(refused), statement, None, refused) from refused
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


def _processed(values: list[Any], processor: Callable[[Any], Any] | None) -> list[Any]:
    if processor is None:
        return values
    made = {value: processor(value) for value in dict.fromkeys(values)}
    return [made[value] for value in values]


@lru_cache(maxsize=512)
def _insert_of(
    table: Table, names: tuple[str, ...], dialect: Dialect
) -> tuple[str, list[Callable[[Any], Any] | None]]:
    """The statement with a mark per column, and what makes each value one of the driver's."""
    columns = [table.c[name] for name in names]
    quoted = dialect.identifier_preparer
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    # Only names of our own tables are put into the text.
    statement = (
        f"INSERT INTO {quoted.format_table(table)}"  # noqa: S608
        f" ({', '.join(quoted.format_column(column) for column in columns)})"
        f" VALUES ({', '.join(mark for _ in columns)})"
    )
    return statement, [c.type.dialect_impl(dialect).bind_processor(dialect) for c in columns]


class ManyRows(Cursor):
    """A cursor of PyMySQL that puts rows of an INSERT into words by columns."""

    def executemany(self, query: str, args: Any) -> int | None:
        """Like PyMySQL's own: as few statements as rows need, or one per row."""
        parts = _parts_of(query) if args else None
        literals = parts and _literals(self, parts[1], args)
        if not parts or not literals:
            return super().executemany(query, args)
        head, _, tail = parts
        self.rowcount = sum(
            self.execute(f"{head}{','.join(some)}{tail}") for some in _portions(literals)
        )
        return self.rowcount


@lru_cache(maxsize=512)
def _parts_of(query: str) -> tuple[str, list[str], str] | None:
    """What stands before the marks, their names ("" of one without), and what follows."""
    match = _PLAIN_INSERT.fullmatch(query)
    if not match or re.search(r"%[s(]", match["tail"]):
        return None
    names = [mark.strip()[2:-2].strip("()") for mark in match["marks"].split(",")]
    # What PyMySQL is given beside values, it takes for a pattern: %% is a single %.
    return match["head"] % (), names, match["tail"] % ()


def _literals(cursor: Cursor, names: list[str], rows: Sequence[Any]) -> list[str] | None:
    """Each row as `(1,'a',NULL)`; None if these rows cannot be done so."""
    if isinstance(rows[0], dict):
        columns = [[row[name] for row in rows] for name in names]
    else:
        columns = [list(column) for column in zip(*rows, strict=True)]
    made = [literals for column in columns if (literals := _column(cursor, column))]
    if len(made) != len(names):
        return None
    return [f"({','.join(row)})" for row in zip(*made, strict=True)]


def _column(cursor: Cursor, values: Sequence[Any]) -> Sequence[str] | None:
    """The literals of a column; PyMySQL alone knows how a value is put into words."""
    different = dict.fromkeys(values)
    marks = BETWEEN_LITERALS.join(repeat("%s", len(different)))
    literals = cursor.mogrify(marks, tuple(different)).split(BETWEEN_LITERALS)
    if len(literals) != len(different):
        return None
    by_value = dict(zip(different, literals, strict=True))
    return [by_value[value] for value in values]


def _portions(rows: Sequence[str]) -> Iterator[Sequence[str]]:
    """The rows in order, as many at once as a server takes."""
    start = length = 0
    for end, row in enumerate(rows):
        if length + len(row) > MOST_CHARACTERS and end > start:
            yield rows[start:end]
            start, length = end, 0
        length += len(row) + 1
    yield rows[start:]
