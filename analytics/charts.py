"""Charts as SVG images; each stands beside a table with the same numbers."""

import math
from collections.abc import Sequence

import pygal
from babel.dates import format_skeleton
from flask_babel import get_locale
from flask_babel import gettext as _
from pygal.style import Style

from analytics.domain import Day
from chassis.languages import money

WIDTH, HEIGHT = 480, 280  # about as shown, so that the words keep their size
LABELS_MOST = 6
STEPS_MOST = 5
NOTHING_YET = (0, 50_00, 100_00)  # the axis of amounts where all are zero
GAIN, LOSS, LOSERS = "#12805c", "#b02a37", "#b26a00"
LOOK = Style(
    background="white",
    plot_background="white",
    foreground="#55605b",
    foreground_strong="#1d2a26",
    foreground_subtle="#dfe5e0",
    font_family="sans-serif",
    label_font_size=13,
    major_label_font_size=13,
    title_font_size=15,
    colors=(GAIN, LOSERS),
)


def profit_chart(rows: Sequence[Day]) -> bytes:
    """What management earned, a bar per day; losses are red."""
    chart = _bars(rows, _("Earned by day"))
    chart.value_formatter = money
    if not any(row.profit for row in rows):
        chart.y_labels = NOTHING_YET
    bars = [{"value": row.profit, "color": LOSS if row.profit < 0 else GAIN} for row in rows]
    chart.add(_("Earned"), bars)
    return bytes(chart.render())


def losers_chart(rows: Sequence[Day]) -> bytes:
    """How many popugs ended each day in the negative."""
    chart = _bars(rows, _("Popugs in the negative by day"))
    step = max(1, math.ceil(max(row.losers for row in rows) / STEPS_MOST))
    chart.y_labels = [step * n for n in range(STEPS_MOST + 1)]
    chart.value_formatter = lambda number: f"{number:.0f}"
    chart.add(_("In the negative"), [{"value": row.losers, "color": LOSERS} for row in rows])
    return bytes(chart.render())


def _bars(rows: Sequence[Day], title: str) -> pygal.Bar:
    every = math.ceil(len(rows) / LABELS_MOST)
    return pygal.Bar(
        js=[],  # its script would come from another site
        style=LOOK,
        title=title,
        width=WIDTH,
        height=HEIGHT,
        show_legend=False,
        truncate_label=-1,
        x_labels=[_short(row, long_range=len(rows) > 300) for row in rows],
        x_labels_major_every=every,
        show_minor_x_labels=every == 1,
    )


def _short(row: Day, long_range: bool) -> str:
    skeleton = "yMMM" if long_range else "MMMd"
    return str(format_skeleton(skeleton, row.date, locale=get_locale()))
