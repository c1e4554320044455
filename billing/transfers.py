"""Whether our payouts and the gateways' own books agree, both ways, to the cent and currency.

Pure: facts in, differences out. A gateway may have paid what is in flight before we have
heard of it, or what waits for a person: no difference. Nor is what a person has settled.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from billing.books import Asked, Books, Difference, Kind, Transfer, about
from billing.domain import PayoutStatus

PAID = "paid"
S = PayoutStatus
NOT_PAID = frozenset({S.WAITING_FOR_CARD, S.READY, S.FAILED, S.CANCELLED})


def transfer_differences(books: Books) -> list[Difference]:
    """Between billing and the gateways' books."""
    return [*_transfers(books), *_references(books)]


def _transfers(books: Books) -> Iterator[Difference]:
    if books.transfers is None:
        return
    made: defaultdict[str, list[Transfer]] = defaultdict(list)
    for transfer in books.transfers:
        made[transfer.key].append(transfer)
    for payout in books.asked:
        lines = [line for key in payout.keys for line in made.pop(key, [])]
        if lines or payout.gateway not in books.bookless:
            yield from _transfers_of_one(payout, lines)
    for line in (*(line for lines in made.values() for line in lines), *books.stray):
        if line.status == PAID:
            yield Difference(Kind.TRANSFER_OF_NOTHING, line.key, "", line.amount)


def _transfers_of_one(payout: Asked, lines: Sequence[Transfer]) -> Iterator[Difference]:
    paid = [line for line in lines if line.status == PAID and not line.settled]
    if len(paid) > 1 or _once_more(payout, lines, paid):
        yield about(Kind.TRANSFER_TWICE, payout, "1", str(sum(o.status == PAID for o in lines)))
    if payout.status is S.SUCCEEDED:
        yield from _own_transfer(payout, lines)
    elif paid and payout.status in NOT_PAID:
        yield about(Kind.TRANSFER_OF_UNPAID, payout, payout.status, paid[0].amount)
    # What waits for a person is known to differ.
    for line in paid if payout.status is not S.NEEDS_PERSON else ():
        if payout.amount != line.amount:
            yield about(Kind.TRANSFER_AMOUNT, payout, payout.amount, line.amount)
        if payout.currency != line.currency:
            yield about(Kind.TRANSFER_CURRENCY, payout, payout.currency, line.currency)


def _once_more(payout: Asked, lines: Sequence[Transfer], paid: Sequence[Transfer]) -> bool:
    """Whether beside its own transfer, which a person has settled, there is another one."""
    own = any(line.reference == payout.reference and line.status == PAID for line in lines)
    others = any(line.reference != payout.reference for line in paid)
    return payout.status is S.SUCCEEDED and own and others


def _own_transfer(payout: Asked, lines: Sequence[Transfer]) -> Iterator[Difference]:
    """A payout that succeeded is in the book under its reference, and was not taken back."""
    own = [line for line in lines if line.reference == payout.reference]
    if lines and not own:
        references = ", ".join(line.reference for line in lines)
        yield about(Kind.REFERENCE, payout, references, payout.reference or "")
    elif not any(line.status == PAID for line in own):
        yield about(Kind.NO_TRANSFER, payout, payout.amount)


def _references(books: Books) -> Iterator[Difference]:
    times = Counter(payout.reference for payout in books.asked if payout.reference)
    for payout in books.asked:
        if payout.reference and times[payout.reference] > 1:
            yield about(Kind.REFERENCE_TWICE, payout, found=payout.reference)
