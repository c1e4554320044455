"""Sending: takes due mails, writes each one, and hands it to the SMTP server if there is one.

Other services and the SMTP server are asked outside of transactions; a lease keeps a
mail from being taken twice meanwhile.
"""

import random
from collections.abc import Callable
from datetime import timedelta
from email.utils import parseaddr
from functools import partial

from chassis.database import DatabaseAway
from chassis.jobs import Job
from chassis.runtime import Runtime
from mailer import models
from mailer.asking import NoRecipient, NotReady
from mailer.commands import JOB, claim_mails, record
from mailer.domain import (
    FAILED,
    KEPT,
    MOST_TRIES,
    QUEUED,
    SENT,
    UNWANTED,
    Mail,
    Outcome,
    next_try,
    soon,
)
from mailer.letters import Written, write_mail
from mailer.mail_server import MailServer
from mailer.smtp import NoServer, RefusedForGood, RefusedForNow, SmtpServer, message

EVERY_SECONDS = 5.0
MOST_AT_ONCE = 20
# A mail is begun only with this much of the lease left: more than its timeouts add up to.
MARGIN = timedelta(minutes=2)


def send_mails(runtime: Runtime) -> bool:
    """Send one batch of due mails; says whether to look for more at once."""
    if not runtime.database.read(models.anything_due):
        return False
    mails = runtime.database.run(claim_mails, MOST_AT_ONCE)
    url = runtime.settings.smtp_url
    if not url:
        for mail in mails:
            _each_for_itself(runtime, mail, _keep)
        return bool(mails)
    host = parseaddr(runtime.settings.mail_from)[1].rpartition("@")[2] or "localhost"
    with SmtpServer(MailServer.of(url), host) as server:
        reachable = True
        for mail in mails:
            reachable = reachable and _in_time(runtime, mail)
            if reachable:
                reachable = _each_for_itself(runtime, mail, partial(_send, server))
            else:
                _put_off(runtime, mail, mail.last_error)
    return bool(mails)


def _in_time(runtime: Runtime, mail: Mail) -> bool:
    return mail.claimed_until is None or runtime.clock.now() < mail.claimed_until - MARGIN


def _each_for_itself(runtime: Runtime, mail: Mail, work: Callable[[Runtime, Mail], bool]) -> bool:
    """Do the work; a mail at which it breaks waits, and does not stop the others."""
    try:
        return work(runtime, mail)
    except DatabaseAway:
        raise
    except Exception as error:
        runtime.log.exception("mail broke the sending", mail_id=mail.id)
        now = runtime.clock.now()
        due = next_try(now, mail.attempts + 1, random.random())  # noqa: S311 (only spreads load)
        runtime.database.run(record, mail, Outcome(QUEUED, repr(error), due, counted=True))
        return True


def _keep(runtime: Runtime, mail: Mail) -> bool:
    """Without an SMTP server a mail is written and shown on the page."""
    written = _written(runtime, mail)
    if written:
        runtime.database.run(record, mail, Outcome(KEPT, content=written.content))
    return True


def _send(server: SmtpServer, runtime: Runtime, mail: Mail) -> bool:
    """Send one mail and record it; says whether the server was there."""
    written = _written(runtime, mail)
    if not written:
        return True
    now, content = runtime.clock.now(), written.content
    made = message(
        content, written.recipient.name, runtime.settings.mail_from, mail.message_id, now
    )
    outcome, reachable = Outcome(SENT, counted=True, content=content), True
    try:
        server.send(made)
    except RefusedForGood as refused:
        outcome = Outcome(FAILED, str(refused), counted=True, content=content)
    except (RefusedForNow, NoServer) as refused:
        reachable = not isinstance(refused, NoServer)
        tries = mail.attempts + 1
        status = FAILED if reachable and tries >= MOST_TRIES else QUEUED
        due = next_try(now, tries, random.random())  # noqa: S311 (only spreads load)
        outcome = Outcome(status, str(refused), due, counted=True, content=content)
    runtime.database.run(record, mail, outcome)
    runtime.log.info("mail tried", mail_id=mail.id, status=outcome.status, error=outcome.error)
    return reachable


def _written(runtime: Runtime, mail: Mail) -> Written | None:
    """The mail in words, or None after recording why it is not to be sent now."""
    try:
        written = write_mail(runtime, mail)
    except NotReady as away:
        _put_off(runtime, mail, str(away))
        return None
    except NoRecipient as unknown:
        runtime.database.run(record, mail, Outcome(FAILED, str(unknown)))
        return None
    wishes = runtime.database.read(models.wishes_of, [mail.user_id])[mail.user_id]
    if written.must_go or wishes.want(mail.kind):
        return written
    runtime.database.run(record, mail, Outcome(KEPT, UNWANTED, content=written.content))
    return None


def _put_off(runtime: Runtime, mail: Mail, why: str | None) -> None:
    """Back to the queue for a moment, for no fault of the mail's."""
    due = soon(runtime.clock.now(), random.random())  # noqa: S311 (only spreads load)
    runtime.database.run(record, mail, Outcome(QUEUED, why, due))


jobs = (Job(JOB, send_mails, EVERY_SECONDS),)
