"""What accounts tells of itself on the status page: how far days are closed."""

from datetime import datetime, time, timedelta

from flask_babel import lazy_gettext as _l

from accounts import days
from chassis.database import Reading
from chassis.status_lines import StatusLine, Told

# Yesterday is closed soon after midnight; what is open an hour later does not close by itself.
MAY_STAY_OPEN = timedelta(hours=1)


def last_closed(reading: Reading) -> Told:
    """The last business day that is closed."""
    day = days.state(reading).closed_through
    return Told(day.isoformat() if day else "–")


def still_open(reading: Reading) -> Told:
    """How many days before today are not closed yet."""
    state = days.state(reading)
    if state.closed_through:
        waiting = max((reading.today - state.closed_through).days - 1, 0) + state.closing
    else:
        # Before its first night the ledger stays open, and no day waits to be closed.
        waiting = sum(day < reading.today for day in days.open_days(reading)) if state.used else 0
    midnight = datetime.combine(reading.today, time(), reading.settings.zone)
    overdue = waiting > 1 or reading.now - midnight > MAY_STAY_OPEN
    return Told(waiting, waiting > 0 and overdue)


status_lines = (
    StatusLine("last_closed_day", _l("Last closed day"), last_closed, path="/days"),
    StatusLine(
        "open_days",
        _l("Days before today that are open"),
        still_open,
        _l("Nobody is paid for them yet: close them."),
        "/days",
    ),
)
