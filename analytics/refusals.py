"""How analytics says no."""

from flask_babel import lazy_gettext as _l

from analytics.domain import DayToCome
from chassis.refusals import Refusal

refusals: dict[type[Exception], Refusal] = {
    DayToCome: Refusal(422, _l("That day is still to come.")),
}
