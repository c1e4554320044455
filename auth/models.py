"""Users: their table and its queries."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    and_,
    or_,
    select,
)
from sqlalchemy.exc import IntegrityError

from auth.domain import (
    EmailTaken,
    User,
    UserNotFound,
    folded,
    may_be_id,
)
from chassis.columns import Code, Id, UtcDateTime, short_text
from chassis.database import Reading, Transaction
from chassis.paging import Page, page_of
from contracts.roles import ADMIN, CANDIDATES

metadata = MetaData()

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    # Lower case and ASCII, so that the database compares byte by byte.
    Column("email", Code, nullable=False, unique=True),
    Column("name", short_text(100), nullable=False),
    # SQLite folds the case of ASCII alone; folding may make three letters of one.
    Column("folded_name", short_text(300), nullable=False),
    Column("role", Code, nullable=False),
    Column("language", Code, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("password_hash", Code, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_users_name", "folded_name", "id"),
)

_USER = (
    users.c.id,
    users.c.email,
    users.c.name,
    users.c.role,
    users.c.language,
    users.c.active,
    users.c.epoch,
    users.c.created_at,
)


def user(reading: Reading, user_id: str) -> User:
    """One user. Raises UserNotFound."""
    return _one_user(reading, user_id, select(*_USER))


def user_for_update(tx: Transaction, user_id: str) -> User:
    """One user, locked until the transaction ends. Raises UserNotFound."""
    return _one_user(tx, user_id, select(*_USER).with_for_update())


def _one_user(reading: Reading, user_id: str, statement: Select[Any]) -> User:
    row = (
        reading.execute(statement.where(users.c.id == user_id)).one_or_none()
        if may_be_id(user_id)
        else None
    )
    if row is None:
        raise UserNotFound(user_id[:64])
    return User(*row)


def users_page(
    reading: Reading,
    limit: int,
    after: Sequence[Any] | None = None,
    *,
    ids: Sequence[str] | None = None,
    candidates: bool = False,
    text: str = "",
    by_email: bool = False,
) -> Page[User]:
    """Users by name, `limit` of them, after the cursor `(folded name, id)`.

    `candidates`: only those on whom tasks may land (rule 2). `text` is searched in
    names, and with `by_email` in addresses too.
    """
    statement = select(*_USER).order_by(users.c.folded_name, users.c.id).limit(limit + 1)
    if after is not None:
        name, last = after
        statement = statement.where(
            or_(
                users.c.folded_name > name,
                and_(users.c.folded_name == name, users.c.id > last),
            )
        )
    if ids is not None:
        statement = statement.where(users.c.id.in_([i for i in ids if may_be_id(i)]))
    if candidates:
        statement = statement.where(users.c.active, users.c.role.in_(sorted(CANDIDATES)))
    if text:
        statement = statement.where(_holds(folded(text), by_email))
    found = [User(*row) for row in reading.execute(statement)]
    return page_of(found, limit, lambda u: (folded(u.name), u.id))


def _holds(text: str, by_email: bool) -> Any:
    in_name = users.c.folded_name.contains(text, autoescape=True)
    if not by_email or not text.isascii():
        return in_name
    return or_(in_name, users.c.email.contains(text, autoescape=True))


def credentials(reading: Reading, email: str) -> tuple[User, str] | None:
    """The user with this (clean) address and his password's hash."""
    row = reading.execute(
        select(*_USER, users.c.password_hash).where(users.c.email == email)
    ).one_or_none()
    return (User(*row[:-1]), row[-1]) if row else None


def password_hash(reading: Reading, user_id: str) -> str:
    """The hash of a user's password, as it is now."""
    return str(
        reading.execute(select(users.c.password_hash).where(users.c.id == user_id)).scalar_one()
    )


def active_admins(tx: Transaction) -> set[str]:
    """The ids of all active admins, locked so that none goes meanwhile."""
    rows = tx.execute(
        select(users.c.id)
        .where(users.c.role == ADMIN, users.c.active)
        .order_by(users.c.id)
        .with_for_update()
    )
    return set(rows.scalars())


def add_user(tx: Transaction, new: User, password_hash: str) -> None:
    """Keep a new user. Raises EmailTaken."""
    row = {**vars(new), "folded_name": folded(new.name), "password_hash": password_hash}
    try:
        tx.insert(users, [row])
    except IntegrityError as twice:
        raise EmailTaken from twice


def save_user(tx: Transaction, changed: User) -> None:
    """Keep what may change of a user."""
    tx.execute(
        users.update()
        .where(users.c.id == changed.id)
        .values(
            name=changed.name,
            folded_name=folded(changed.name),
            role=changed.role,
            language=changed.language,
            active=changed.active,
            epoch=changed.epoch,
        )
    )


def save_password(tx: Transaction, user_id: str, password_hash: str) -> None:
    """Keep the hash of a new password."""
    tx.execute(users.update().where(users.c.id == user_id).values(password_hash=password_hash))


def anybody(reading: Reading) -> bool:
    """Whether there is anyone who could sign in."""
    return reading.execute(select(users.c.id).limit(1)).first() is not None
