"""How the mailer says no."""

from flask_babel import lazy_gettext as _l

from chassis.refusals import Refusal
from mailer.domain import MailNotFound, MailOnItsWay

refusals: dict[type[Exception], Refusal] = {
    MailNotFound: Refusal(404, _l("There is no such mail.")),
    MailOnItsWay: Refusal(409, _l("This mail is on its way already; wait until it is sent.")),
}
