"""What must be true of the mails that a server has taken, whatever befell it and the worker."""

from collections import Counter
from collections.abc import Mapping, Sequence
from email import message_from_bytes, policy

from tests.mails.post_office import Taken, message_id

HEADS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
}
FORBIDDEN = ("<script", "<img", "evil</b>")


def wrong_with(
    expected: Mapping[str, str], taken: Sequence[Taken], excused: Counter[str]
) -> list[str]:
    """A sentence for each mail that is lost, doubled, misled or more than text.

    `expected` is the address of each mail by Message-ID. `excused`: how many more copies
    of a mail there may be, because its sender was killed or not answered after it was taken.
    """
    copies: dict[str, list[Taken]] = {}
    for each in taken:
        copies.setdefault(message_id(each.content), []).append(each)
    found = [f"{lost} is lost" for lost in expected.keys() - copies.keys()]
    found += [f"nobody was to write {more}" for more in copies.keys() - expected.keys()]
    for mail_id, several in copies.items():
        if len(several) > 1 + excused[mail_id]:
            found.append(f"{mail_id} came {len(several)} times, excused are {excused[mail_id]}")
        for each in several:
            found += [f"{mail_id}: {why}" for why in _wrong_in(each, expected.get(mail_id, ""))]
    return found


def _wrong_in(taken: Taken, address: str) -> list[str]:
    mail = message_from_bytes(taken.content, policy=policy.default)
    found = []
    if taken.receivers != [address]:
        found.append(f"went to {taken.receivers} instead of {address}")
    if [to.addr_spec for to in mail["To"].addresses] != [address]:
        found.append(f"names {mail['To']} instead of {address}")
    if sorted(mail.keys()) != sorted(HEADS):
        found.append(f"its head is {sorted(mail.keys())}")
    parts = [part.get_content_type() for part in mail.walk()]
    if parts != ["multipart/alternative", "text/plain", "text/html"]:
        found.append(f"its parts are {parts}")
        return found
    html = mail.get_body(("html",))
    shown = html.get_content() if html else ""
    return found + [f"its HTML holds {piece}" for piece in FORBIDDEN if piece in shown]
