"""What an operator can mend, in one sentence instead of a traceback."""

from sqlalchemy.exc import DatabaseError, OperationalError

from chassis.database import DatabaseAway
from chassis.keys import KeyMissing
from chassis.migrations import DatabaseUnfit
from chassis.server import AlreadyRunning, PortTaken
from chassis.settings import SettingsRefused

_PLAIN = (SettingsRefused, KeyMissing, DatabaseUnfit, AlreadyRunning, PortTaken)


def sentence_for(error: Exception) -> str | None:
    """What to tell the operator, or None for an error that is ours to mend."""
    if isinstance(error, _PLAIN):
        return str(error)
    if isinstance(error, DatabaseAway):
        return f"the database does not answer: {error}"
    # Not their subclasses: a broken constraint or a wrong statement is a bug.
    if type(error) in (DatabaseError, OperationalError):
        return f"a database cannot be used: {getattr(error, 'orig', error)}"
    if isinstance(error, OSError) and error.filename:
        return f"cannot use {error.filename}: {error.strerror}"
    return None
