"""How billing's errors are told to people."""

from flask_babel import lazy_gettext as _l

from billing import domain, domain_cards
from chassis.refusals import Refusal

refusals: dict[type[Exception], Refusal] = {
    domain.PayoutNotFound: Refusal(404, _l("There is no such payout, or none that you may see.")),
    domain_cards.NotACardNumber: Refusal(
        422,
        _l(
            "This is no card number. Write the 13 to 19 digits as they stand on the card; the "
            "first of them is 2 to 6."
        ),
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
    domain.NothingToDecide: Refusal(
        409, _l("Nothing is to be decided about this payout; its status is: %(status)s.")
    ),
    domain.CannotAsk: Refusal(
        409,
        _l(
            "The bank can be asked about a payout that has succeeded or waits for a person; this "
            "one is: %(status)s."
        ),
    ),
    domain.NothingToSettle: Refusal(
        409, _l("The bank says nothing of this payout that is not settled yet.")
    ),
    domain.ReferenceRefused: Refusal(
        422, _l("Write the bank's reference as it stands there: at most 100 signs, no spaces.")
    ),
    domain.MoneyCameBack: Refusal(
        409, _l("The bank has told us that the money under this reference has come back.")
    ),
    domain.MoneyIsOut: Refusal(
        409,
        _l(
            "The bank says that it has paid this, under the reference %(reference)s. Say that it "
            "was paid; or have the bank take the money back, then ask the bank again."
        ),
    ),
    domain.Unsettled: Refusal(
        409,
        _l(
            "The bank says that it has paid this, under the reference %(reference)s. Settle that "
            "first, and write down how; else it could be paid twice."
        ),
    ),
    domain.ReasonRefused: Refusal(422, _l("Say why, in plain text of at most 500 characters.")),
    domain_cards.CardKeyRetired: Refusal(
        503, _l("The card cannot be stored at the moment. Try again in a few minutes.")
    ),
    domain.DayToCome: Refusal(422, _l("That day is still to come; it has no report yet.")),
}
