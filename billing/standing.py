"""Which differences are there indeed, while payouts go out between two books' being read.

Pure. Our own book is read before the others and once more after them. A payout that was the
same both times was so while the others were read, and differs; one that has moved meanwhile
is passed over, and the next look tells.
"""

from collections.abc import Iterable, Sequence

from billing.books import Asked, Difference, Kind


def still_different(
    found: Iterable[Difference], before: Sequence[Asked], after: Sequence[Asked]
) -> list[Difference]:
    """Those found in `before` that cannot have come about by what moved until `after`."""
    then = {payout.payout_id: _place(payout) for payout in before}
    now = {payout.payout_id: _place(payout) for payout in after}
    keys = {key for payout in after for key in payout.keys}
    return [
        each
        for each in found
        if then.get(each.subject) == now.get(each.subject)
        and not (each.kind is Kind.TRANSFER_OF_NOTHING and each.subject in keys)
    ]


def _place(payout: Asked) -> object:
    """Where it stands. When it will be asked about next is no part of that."""
    return payout.status, payout.keys, payout.reference, payout.updated_at
