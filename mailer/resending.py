"""Sending a mail again on an admin's word: any but what its reader has turned off."""

from chassis.runtime import Runtime
from mailer import commands, models
from mailer.asking import NotReady
from mailer.domain import DONE, MUST_GO, PAYOUT_KIND, Mail, MailUnwanted
from mailer.letters import lacks_card


def resend(runtime: Runtime, mail_id: str) -> Mail:
    """Queue a mail again that was sent, failed or kept.

    Raises MailNotFound, MailOnItsWay, MailUnwanted. Asks another service, so never call it
    inside a transaction.
    """
    mail = runtime.database.read(models.mail, mail_id)
    if mail.status in DONE and _is_turned_off(runtime, mail):
        raise MailUnwanted
    return runtime.database.run(commands.resend_mail, mail_id)


def _is_turned_off(runtime: Runtime, mail: Mail) -> bool:
    """As it is found when a mail is sent; what cannot be known now is found out then."""
    wishes = runtime.database.read(models.wishes_of, [mail.user_id])[mail.user_id]
    if mail.kind in MUST_GO or wishes.want(mail.kind):
        return False
    try:
        return mail.kind != PAYOUT_KIND or not lacks_card(runtime, mail)
    except NotReady:
        return False
