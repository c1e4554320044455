"""Mailer: tells each popug by e-mail what becomes of his payout (rule 17).

Owns: mails, and what is known of each payout's outcome. Emits: nothing. Hears:
payout_requested (accounts); payout_succeeded, payout_failed, payout_cancelled (billing);
access_changed (auth). Shows: `/mailer/`, one's own mails; to admins all of them.

Address, name and language are asked of auth when a mail is sent, the day's statement of
accounts. Without an SMTP server in the settings mails are only kept and shown.
"""

from flask_babel import lazy_gettext as _l

from chassis.service import Link, Service
from mailer.api import api
from mailer.figures import figures
from mailer.handlers import handlers
from mailer.jobs import jobs
from mailer.mail_server import check_settings
from mailer.models import metadata
from mailer.pages import pages
from mailer.refusals import refusals
from mailer.status_lines import status_lines

service = Service(
    name="mailer",
    package="mailer",
    metadata=metadata,
    pages=(pages,),
    api=api,
    handlers=handlers,
    jobs=jobs,
    links=(Link(_l("Mails"), "/", "envelope", also=("/mails",)),),
    refusals=refusals,
    figures=figures,
    status_lines=status_lines,
    prepare=check_settings,
)
