"""How the ledger says no."""

from flask_babel import lazy_gettext as _l

from accounts import calendar_rules, domain, payslips
from chassis.refusals import Refusal

refusals: dict[type[Exception], Refusal] = {
    domain.UnknownTransaction: Refusal(404, _l("There is no such transaction.")),
    domain.AlreadyReversed: Refusal(409, _l("This transaction was reversed before.")),
    domain.PayoutNotReversible: Refusal(
        422, _l("A payout cannot be reversed here: cancel it in billing, and the money comes back.")
    ),
    domain.BalanceTooLarge: Refusal(
        422, _l("The balance would become larger than anybody can be paid.")
    ),
    domain.ReversalNotReversible: Refusal(
        422, _l("A reversal cannot be reversed: only fees and rewards can.")
    ),
    payslips.NoPayslip: Refusal(
        404, _l("There is no such pay slip. There is one once the day is closed.")
    ),
    calendar_rules.DayInTheFuture: Refusal(
        422, _l("%(day)s has not begun yet: close today or an earlier day.")
    ),
}
