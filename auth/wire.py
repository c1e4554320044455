"""What auth takes and gives over REST."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from auth.domain import NAME_MOST, PASSWORD_LEAST, PASSWORD_MOST, User
from auth.email_address import EMAIL_MOST
from chassis.identity import Identity
from chassis.openapi import Input, Listing
from contracts.roles import ADMIN

MOST_FOR_SERVICES = 5_000

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_MOST)]
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=EMAIL_MOST)
]
Role = Literal["worker", "accountant", "manager", "admin"]
Language = Literal["en", "ru"]


class Credentials(Input):
    """What one signs in with."""

    email: str = Field(min_length=1, max_length=EMAIL_MOST)
    password: str = Field(min_length=1, max_length=PASSWORD_MOST)


class NewUser(Input):
    """A user to add."""

    email: Email
    name: Name
    role: Role
    password: str = Field(min_length=PASSWORD_LEAST, max_length=PASSWORD_MOST)
    language: Language = "en"


class UserChange(Input):
    """What to change of a user; what is not given stays."""

    name: Name | None = None
    role: Role | None = None
    active: bool | None = None
    language: Language | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> "UserChange":
        if not self.model_dump(exclude_none=True):
            raise ValueError("give at least one of name, role, active, language")
        return self


class UserQuery(Listing):
    """Which users: `ids` separated by commas, candidates for tasks, or a part of the name."""

    # People get at most 200 at a time, services 5,000.
    limit: int = Field(50, ge=1, le=MOST_FOR_SERVICES)
    ids: str | None = Field(None, max_length=20_000)
    candidates: bool = False
    q: str = Field("", max_length=EMAIL_MOST)


class UserOut(BaseModel):
    """A user; the e-mail and the language are for admins, services and himself."""

    id: str
    name: str
    role: Role
    active: bool
    email: str = ""
    language: Language = "en"


class UserList(BaseModel):
    """Users by name; `next` is the cursor of the following page."""

    items: list[UserOut]
    next: str | None


class SignedIn(BaseModel):
    """Who has signed in."""

    user: UserOut


def whole(user: User) -> dict[str, Any]:
    """A user as admins, services and he himself see him."""
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "language": user.language,
        "active": user.active,
    }


def as_seen_by(who: Identity, user: User) -> dict[str, Any]:
    """A user as `who` may see him: the e-mail address is not everybody's business."""
    seen = whole(user)
    if not (who.is_service or who.role == ADMIN or who.user_id == user.id):
        del seen["email"], seen["language"]
    return seen
