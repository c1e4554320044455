"""Auth: who works here, in which role, and who is signed in.

Owns: users, their passwords and sessions; the key that signs session tokens.
Emits: AccessChanged, when a user is made, when his rights change, when sessions end.
Hears: AccessChanged (its own; it takes effect here with the commit that emits it).
Shows: sign-in and sign-out, one's own profile and sessions, and to admins all people.
"""

from flask_babel import lazy_gettext as _l

from auth import passwords
from auth.api import api
from auth.handlers import handlers
from auth.jobs import jobs
from auth.models import metadata
from auth.pages import pages
from auth.people import people
from auth.profile import profile
from auth.refusals import refusals
from chassis.access import AccessBook
from chassis.runtime import Runtime
from chassis.service import Link, Service
from contracts.roles import ADMIN

__all__ = ["service"]


def _prepare(runtime: Runtime) -> None:
    # What auth itself has decided holds at its next request, not a second later.
    runtime.access = AccessBook(runtime.database, remembered_seconds=0)
    passwords.warm_up()


service = Service(
    name="auth",
    package="auth",
    metadata=metadata,
    pages=(pages, profile, people),
    api=api,
    handlers=handlers,
    jobs=jobs,
    links=(
        Link(_l("Profile"), "/me", "person-circle"),
        Link(_l("People"), "/users", "people", frozenset({ADMIN})),
    ),
    refusals=refusals,
    prepare=_prepare,
)
