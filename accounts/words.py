"""Entries of the ledger in plain words."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from accounts import domain
from accounts.domain import Entry

KINDS = {
    domain.FEE: _l("Fee"),
    domain.REWARD: _l("Reward"),
    domain.PAYOUT: _l("Payout"),
    domain.REVERSAL: _l("Reversal"),
}


def what(entry: Entry, titles: Mapping[str, str]) -> str:
    """What an entry is for, with the title of its task."""
    kind = str(KINDS[entry.kind])
    if entry.reversed_kind:
        kind = f"{kind} ({str(KINDS[entry.reversed_kind]).lower()})"
    return f"{kind}: {titles[entry.task_id]}" if entry.task_id else kind


def why(entry: Entry, authors: Mapping[str, str]) -> str:
    """The reason of a correction and who made it, or nothing."""
    if not entry.note:
        return ""
    if not entry.made_by:
        return entry.note
    return f"{entry.note} — {authors[entry.made_by]}"
