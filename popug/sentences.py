"""What an operator can mend, in one sentence instead of a traceback."""

from sqlalchemy.exc import DatabaseError, OperationalError

from chassis.database import DatabaseAway, OutcomeUnknown
from chassis.keys import KeyMissing
from chassis.migrations import DatabaseUnfit
from chassis.rotation import RotationRefused
from chassis.server import AlreadyRunning, PortTaken
from chassis.settings import SettingsRefused

_PLAIN = (
    SettingsRefused,
    KeyMissing,
    RotationRefused,
    DatabaseUnfit,
    AlreadyRunning,
    PortTaken,
)


def sentence_for(error: Exception) -> str | None:
    """What to tell the operator, or None for an error that is ours to mend."""
    if isinstance(error, _PLAIN):
        return str(error)
    if isinstance(error, OutcomeUnknown):
        return (
            f"the database was lost while the change was being saved ({error}); it is not known "
            "whether it was saved: look before you do it again"
        )
    if isinstance(error, DatabaseAway):
        return f"the database does not answer: {error}"
    # Not their subclasses: a broken constraint or a wrong statement is a bug.
    if type(error) in (DatabaseError, OperationalError):
        return f"a database cannot be used: {getattr(error, 'orig', error)}"
    if isinstance(error, OSError) and error.filename:
        return f"cannot use {error.filename}: {error.strerror}"
    return None
