"""Pages of parked events, the same in every service, for those who run the system."""

import json
from dataclasses import dataclass
from typing import Any

from flask import Flask, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from chassis import deciding, decisions, parking
from chassis.access import allowed, current_user
from chassis.deciding import Who
from chassis.decisions import DROP, RETRY, BadReason, Decision
from chassis.paging import Page, page_of, read_cursor
from chassis.parking import NotParked
from chassis.reasons import shape
from chassis.refusals import Problem
from chassis.runtime import Runtime, query, runtime, transact

PAGE_OF = 50
# More than this of one event is not read on a screen; the rest is said in figures.
BYTES_SHOWN = 16_384
PER_LINE = 16
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Shown:
    """An event's bytes for a screen: JSON set out in lines, or `hex` where they are none."""

    text: str
    is_json: bool
    left_out: int


def add_parked_pages(app: Flask, at: Runtime) -> None:
    """Serve the pages under `/parked` to the roles that run the system."""
    guard = allowed(*at.operators)
    for rule, view, method in (
        ("/parked", overview, "GET"),
        ("/parked/retry", retry_all, "POST"),
        ("/parked/groups/<key>", show_group, "GET"),
        ("/parked/groups/<key>/retry", retry_group, "POST"),
        ("/parked/groups/<key>/drop", drop_group, "POST"),
        ("/parked/events/<number>", show_event, "GET"),
        ("/parked/events/<number>/retry", retry_event, "POST"),
        ("/parked/events/<number>/drop", drop_event, "POST"),
        ("/parked/decisions", record, "GET"),
        ("/parked/decisions/<decision_id>", show_decision, "GET"),
    ):
        app.add_url_rule(rule, f"parked_{view.__name__}", guard(view), methods=[method])


def overview() -> str:
    """What waits, by group."""
    after = read_cursor(request.args.get("after"), int)
    rows = query(parking.groups, PAGE_OF + 1, after[0] if after else 0)
    return render_template(
        "parked/groups.html",
        page=page_of(rows, PAGE_OF, lambda group: [group.first_id]),
        total=query(parking.count),
        running=query(decisions.running),
    )


def show_group(key: str) -> str:
    """The events of one group."""
    after = read_cursor(request.args.get("after"), int)
    events = query(parking.waiting, PAGE_OF + 1, after[0] if after else 0, key)
    if not events:
        raise decisions.NoSuchGroup
    page: Page[Any] = page_of(events, PAGE_OF, lambda event: [event.id])
    return render_template(
        "parked/group.html",
        key=key,
        kind=events[0].type,
        reason=shape(events[0].reason),
        page=page,
        total=query(parking.count, key),
        running=[d for d in query(decisions.running) if d.group_key in (key, None)],
    )


def show_event(number: str) -> str:
    """One event, with its bytes and the error."""
    event = query(parking.find, number_of(number))
    return render_template("parked/event.html", event=event, shown=shown(event.payload))


def retry_event(number: str) -> Any:
    """Try one event again."""
    decision = transact(deciding.retry_one, runtime.consumer, number_of(number), who())
    note(decision)
    if decision.failed:
        flash(_("It still cannot be applied and stays parked: %(why)s", why=decision.outcome),
              "warning")  # fmt: skip
        return redirect(url_for("parked_show_event", number=number), 303)
    flash(_("Event %(number)s is applied.", number=number), "success")
    return redirect(url_for("parked_overview"), 303)


def drop_event(number: str) -> Any:
    """Never apply one event."""
    wanted, why = number_of(number), _reason()
    if why is None:
        return redirect(url_for("parked_show_event", number=number), 303)
    note(transact(deciding.drop_one, wanted, who(), why))
    flash(_("Event %(number)s is dropped; its bytes are kept.", number=number), "success")
    return redirect(url_for("parked_overview"), 303)


def retry_all() -> Any:
    """Begin to try all that waits again."""
    return _begun(RETRY, None, "")


def retry_group(key: str) -> Any:
    """Begin to try a group again."""
    return _begun(RETRY, key, "")


def drop_group(key: str) -> Any:
    """Begin to drop a group."""
    why = _reason()
    if why is None:
        return redirect(url_for("parked_show_group", key=key), 303)
    return _begun(DROP, key, why)


def record() -> str:
    """All decisions, newest first."""
    before = read_cursor(request.args.get("after"), str)
    rows = query(decisions.listed, PAGE_OF + 1, before[0] if before else None)
    return render_template(
        "parked/decisions.html",
        page=page_of(rows, PAGE_OF, lambda decision: [decision.id]),
        actions=ACTIONS,
    )


def show_decision(decision_id: str) -> str:
    """One decision, and how far it has been carried out."""
    decision = query(decisions.find, decision_id)
    return render_template("parked/decision.html", decision=decision, actions=ACTIONS)


ACTIONS = {RETRY: _l("Retried"), DROP: _l("Dropped")}


def number_of(text: str) -> int:
    """The number of an event in an address. Raises Problem (404)."""
    if text.isascii() and text.isdigit() and int(text[:20]) <= LARGEST:
        return int(text)
    raise Problem(404, decisions.refusals[NotParked].sentence % {"number": text[:20]})


def who() -> Who:
    """The person who asks, as the record keeps him."""
    return Who(current_user.user_id, current_user.name or current_user.user_id)


def note(decision: Decision) -> None:
    """Say in the log what a person decided: there it is found by its trace."""
    runtime.log.warning(
        "parked events decided of",
        decision=decision.id,
        action=decision.action,
        number=decision.number,
        group=decision.group_key,
        settled=decision.settled,
        failed=decision.failed,
        user_id=g.identity.user_id,
    )


def shown(payload: bytes) -> Shown:
    """Bytes as they can be looked at without harm."""
    try:
        text = json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        part = payload[:BYTES_SHOWN]
        lines = [_hex_line(part, start) for start in range(0, len(part), PER_LINE)]
        return Shown("\n".join(lines), False, len(payload) - len(part))
    return Shown(visible(text[:BYTES_SHOWN]), True, max(len(text) - BYTES_SHOWN, 0))


def visible(text: str) -> str:
    """Text in which what cannot be seen, or turns the line about, is written as its number."""
    return "".join(
        c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text
    )  # fmt: skip


def _hex_line(data: bytes, start: int) -> str:
    part = data[start : start + PER_LINE]
    readable = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
    return f"{start:06x}  {part.hex(' '):<{PER_LINE * 3}} {readable}"


def _begun(action: str, key: str | None, why: str) -> Any:
    decision_id = transact(deciding.begin, action, key, who(), why)
    note(query(decisions.find, decision_id))
    return redirect(url_for("parked_show_decision", decision_id=decision_id), 303)


def _reason() -> str | None:
    """The reason in the form; None (and a sentence to the reader) if it will not do."""
    try:
        return deciding.clean_reason(request.form.get("reason", ""))
    except BadReason as bad:
        flash(str(decisions.refusals[BadReason].sentence) % vars(bad), "danger")
        return None
