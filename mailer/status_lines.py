"""What the mailer tells of itself on the status page: mails that did not go out."""

from datetime import timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from chassis.database import Reading
from chassis.status_lines import StatusLine, Told
from mailer.domain import QUEUED
from mailer.models import mails

# Long enough for a greylisting server, and for one that is started anew.
PATIENCE = timedelta(hours=1)


def failed(reading: Reading) -> Told:
    """How many mails were given up."""
    found = reading.execute(
        select(func.count()).select_from(mails).where(mails.c.status == "failed")
    ).scalar_one()
    return Told(found, found > 0)


def held_up(reading: Reading) -> Told:
    """How many mails have waited for longer than an hour."""
    found = reading.execute(
        select(func.count())
        .select_from(mails)
        .where(mails.c.status == QUEUED, mails.c.created_at < reading.now - PATIENCE)
    ).scalar_one()
    return Told(found, found > 0)


status_lines = (
    StatusLine(
        "mails_failed",
        _l("Mails failed"),
        failed,
        _l("The mail's page tells why; send it again once that is mended."),
        "/?status=failed",
    ),
    StatusLine(
        "mails_held_up",
        _l("Mails that have waited for an hour"),
        held_up,
        _l("The mail's page tells why; they go out by themselves once that is mended."),
        "/?status=queued",
    ),
)
