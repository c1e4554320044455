"""How analytics says no."""

from flask_babel import lazy_gettext as _l

from analytics.domain import NotADay, WrongRange
from chassis.refusals import Refusal

refusals: dict[type[Exception], Refusal] = {
    NotADay: Refusal(422, _l("Write days like 2026-03-10.")),
    WrongRange: Refusal(
        422,
        _l(
            "Ask for days up to today, the first before the last, "
            "and for at most %(most_days)s of them."
        ),
    ),
}
