"""A fault planted in a worker, so that the campaign is known to find one."""

from importlib import import_module
from unittest import mock

from chassis.runtime import Runtime
from mailer.commands import record
from mailer.domain import SENT, Mail, Outcome
from mailer.smtp import SmtpServer, message
from tests.mails.workers import run_worker

# By its name: the package has a tuple of its jobs under the same one.
jobs = import_module("mailer.jobs")


def recorded_before_it_is_sent() -> None:
    """A worker that notes a mail as sent and sends it afterwards: a kill between loses it."""
    with mock.patch.object(jobs, "_send", _send_afterwards):
        run_worker()


def _send_afterwards(server: SmtpServer, runtime: Runtime, mail: Mail) -> bool:
    written = jobs._written(runtime, mail)
    if written:
        content, now = written.content, runtime.clock.now()
        runtime.database.run(record, mail, Outcome(SENT, counted=True, content=content))
        sender = runtime.settings.mail_from
        server.send(message(content, written.recipient.name, sender, mail.message_id, now))
    return True
