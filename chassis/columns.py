"""Column types in the common dialect of SQLite, MySQL 8.4 and MariaDB 10.11."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine

ID_LENGTH = 64


def _mysql_or(generic: TypeEngine[Any], special: TypeEngine[Any]) -> TypeEngine[Any]:
    return generic.with_variant(special, "mysql", "mariadb")


# Ids are compared byte by byte; the server's default collation would fold case.
Id = _mysql_or(String(ID_LENGTH), mysql.VARCHAR(ID_LENGTH, charset="ascii", collation="ascii_bin"))
Code = _mysql_or(String(191), mysql.VARCHAR(191, charset="ascii", collation="ascii_bin"))
LongText = _mysql_or(Text(), mysql.MEDIUMTEXT(collation="utf8mb4_unicode_ci"))
Bytes = _mysql_or(LargeBinary(), mysql.LONGBLOB())
# SQLite counts only INTEGER primary keys up by itself.
Position = BigInteger().with_variant(Integer, "sqlite")
Cents = BigInteger()


def short_text(length: int) -> TypeEngine[Any]:
    """Text for people, at most `length` characters."""
    return _mysql_or(
        String(length), mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_unicode_ci")
    )


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, stored as naive UTC with microseconds; a naive one is refused."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's interface
    ) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment without a time zone cannot be stored: {value!r}")
        if value.tzinfo is not UTC:
            value = value.astimezone(UTC)
        return value.replace(tzinfo=None)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's interface
    ) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)
