"""How billing's errors are told to people."""

from flask_babel import lazy_gettext as _l

from billing import domain
from chassis.refusals import Refusal

refusals: dict[type[Exception], Refusal] = {
    domain.PayoutNotFound: Refusal(404, _l("There is no such payout, or none that you may see.")),
    domain.NotACardNumber: Refusal(
        422,
        _l("This is no card number. Write the 12 to 19 digits as they stand on the card."),
    ),
    domain.CannotRetry: Refusal(
        409, _l("Only a failed payout can be sent again; this one is: %(status)s.")
    ),
    domain.CannotCancel: Refusal(
        409,
        _l(
            "This payout cannot be cancelled, because its status is: %(status)s. "
            "Only money that is certainly not paid can be returned."
        ),
    ),
    domain.ReasonRefused: Refusal(422, _l("Say why, in plain text of at most 500 characters.")),
    domain.DayToCome: Refusal(422, _l("That day is still to come; it has no report yet.")),
}
