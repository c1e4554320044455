"""How the mailer says no."""

from flask_babel import lazy_gettext as _l

from chassis.refusals import Refusal
from mailer.domain import MailNotFound, MailOnItsWay, MailUnwanted

refusals: dict[type[Exception], Refusal] = {
    MailNotFound: Refusal(404, _l("There is no such mail.")),
    MailOnItsWay: Refusal(409, _l("This mail is on its way already; wait until it is sent.")),
    MailUnwanted: Refusal(
        409, _l("Its reader has turned such mails off, so it is shown to him and not sent again.")
    ),
}
