"""What people are told when auth says no."""

from flask_babel import lazy_gettext as _l

from auth.domain import (
    NAME_MOST,
    PASSWORD_LEAST,
    PASSWORD_MOST,
    BadEmail,
    BadName,
    BadPassword,
    EmailTaken,
    LastAdmin,
    SessionNotFound,
    UnknownLanguage,
    UnknownRole,
    UserNotFound,
    WrongCredentials,
)
from chassis.refusals import Refusal

refusals = {
    BadName: Refusal(
        422,
        _l(
            "Write a name of 1 to %(most)d characters, without line breaks or hidden signs.",
            most=NAME_MOST,
        ),
    ),
    BadEmail: Refusal(422, _l("Write a whole e-mail address, like ann@example.com.")),
    BadPassword: Refusal(
        422,
        _l(
            "A password has %(least)d to %(most)d characters.",
            least=PASSWORD_LEAST,
            most=PASSWORD_MOST,
        ),
    ),
    UnknownRole: Refusal(422, _l("The role is one of worker, accountant, manager, admin.")),
    UnknownLanguage: Refusal(422, _l("The language is one of en, ru.")),
    EmailTaken: Refusal(409, _l("Another user has this e-mail address.")),
    LastAdmin: Refusal(
        409,
        _l("This is the last active admin. Make somebody else an admin first."),
    ),
    UserNotFound: Refusal(404, _l("There is no such user.")),
    SessionNotFound: Refusal(404, _l("There is no such session, or it is over already.")),
    WrongCredentials: Refusal(401, _l("The e-mail or the password is wrong.")),
}
