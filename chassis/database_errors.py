"""What an error of a database means: lost, full, to be tried again, or about the data.

The numbers are those of the servers' error references, MySQL 8.4 and MariaDB 10.11; those
from 2000 to 2999 are the driver's own.
"""

import sqlite3

from sqlalchemy.exc import DBAPIError

# The same transaction may go through when it is tried again, now.
TRY_AGAIN = frozenset({
    1020,  # a row has changed since it was read (MariaDB with innodb_snapshot_isolation)
    1205,  # waited too long for a lock
    1206,  # too many locks
    1213,  # deadlock
    1305,  # a savepoint is gone: a deadlock has undone the whole transaction
    1412,  # a table was altered meanwhile
    1615,  # a prepared statement must be prepared again
    3101,  # refused by the other servers of a group
})  # fmt: skip

# The connection is of no use any more, nor are the others of the pool.
GONE = frozenset({
    1047,  # a node of a cluster that has lost the others (MariaDB Galera)
    1053,  # the server shuts down
    1077, 1079,
    1152, 1158, 1159, 1160, 1161, 1184,  # the server could not read from or write to us
    1290, 1836,  # the server only reads: another one took over
    1792,
    1927, 3169,  # somebody has ended the connection
    4031,  # idle for too long
})  # fmt: skip

# The server is there, but has no room or no time at the moment.
FULL = frozenset({
    1021, 1030, 1114,  # no room on the disk
    1037, 1038, 1041, 1135,  # no memory
    1040, 1203, 1226,  # too many connections
    1317, 1969, 3024,  # stopped because it took too long, or by hand
})  # fmt: skip

# The row itself cannot be stored: the same row will not be stored later either.
ABOUT_THE_DATA = frozenset({
    1048, 1062, 1264, 1364, 1366, 1406, 1451, 1452,
    1153, 1301,  # larger than max_allowed_packet
    1644,  # refused by a trigger
    3819, 4025,  # refused by a CHECK, on MySQL and on MariaDB
})  # fmt: skip

SQLITE_AWAY = ("locked", "unable to open", "disk I/O", "is full")


class DatabaseAway(Exception):
    """The database cannot be reached, is full or locked; the same work may succeed later.

    Nothing was changed.
    """


class OutcomeUnknown(DatabaseAway):
    """The connection was lost during COMMIT: the change was made whole or not at all."""


def error_code(error: DBAPIError) -> int:
    """The server's or the driver's number of an error; 0 where there is none (SQLite)."""
    return _number(error.orig) if error.orig else 0


def is_deadlock(error: DBAPIError) -> bool:
    """Whether the same transaction may go through when it is tried again at once."""
    return error_code(error) in TRY_AGAIN


def is_away(error: DBAPIError) -> bool:
    """Whether the database cannot be reached, is full or locked, whatever was asked of it."""
    if isinstance(error.orig, sqlite3.Error):
        is_operational = isinstance(error.orig, sqlite3.OperationalError)
        return is_operational and any(words in str(error.orig) for words in SQLITE_AWAY)
    code = error_code(error)
    return error.connection_invalidated or 2000 <= code < 3000 or code in GONE | FULL


def is_about_the_data(error: DBAPIError) -> bool:
    """Whether the values are refused, so that the same ones will be refused again."""
    return error_code(error) in ABOUT_THE_DATA


def is_gone(error: BaseException) -> bool:
    """Whether a driver's error means that connections must be opened anew."""
    return _number(error) in GONE


def _number(error: BaseException) -> int:
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0
