"""Every page and every API call of all services, each by somebody who may, with real things.

Walks the role matrix, so a new route is walked too; one that needs a form or a thing of
its own is named in `CALLS`, and fails here until it is.
"""

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import requests

from chassis.event_facts import EVENTS_PATH
from tests.architecture.matrix import LINES, Line
from tests.system.company import CARD, PASSWORD, Company
from tests.system.running import Person
from tests.waiting import wait_for

# For the machines inside; nginx lets nobody through to them.
INSIDE = ("/metrics", "/readyz", "/statusz", EVENTS_PATH)
SAFE = "GET"
# What of a rule can be filled in for any route.
THINGS = frozenset({"task_id", "shuffle_id", "user_id", "day", "payout_id", "mail_id"})


@dataclass
class Call:
    """A request: who sends it, its body, and the answers that are right (default: success)."""

    who: Person | None
    things: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] | None = None
    json: dict[str, Any] | None = None
    query: dict[str, str] | None = None
    right: tuple[int, ...] = (200, 201, 202, 204, 302, 303)


class Stage:
    """A company with payouts and mails, made while everything still works."""

    def __init__(self, company: Company, inside_url: str) -> None:
        self.company = company
        self.inside_url = inside_url
        self.today = ""
        self._payouts: list[str] = []
        self._mails: list[str] = []
        self._entries: list[str] = []

    def prepare(self) -> None:
        """Let everybody earn something, close the day, and wait for payouts and mails."""
        for _ in range(60):
            task = self.task()
            self.company.by_id[task["assignee_id"]].post(f"/tasks/api/v1/tasks/{task['id']}/close")
        books = self.company.accountant
        wait_for(lambda: len(self._new_entries()) >= 120, "fees and rewards")
        self._entries = self._new_entries()
        self.today = books.get("/accounts/api/v1/company")["items"][-1]["date"]
        paid = books.post(f"/accounts/api/v1/days/{self.today}/close")["payouts"]
        admin = self.company.admin
        wait_for(lambda: len(admin.items("/mailer/api/v1/mails")) >= paid, "mails")
        wait_for(lambda: len(books.items("/billing/api/v1/payouts")) >= paid, "payouts")
        self._payouts = [payout["id"] for payout in books.items("/billing/api/v1/payouts")]
        self._mails = [mail["id"] for mail in admin.items("/mailer/api/v1/mails")]

    def task(self) -> Any:
        """A new open task."""
        title = f"Cage {secrets.token_hex(4)}"
        return self.company.workers[0].post("/tasks/api/v1/tasks", title=title)

    def holder(self, task: Any) -> Person:
        return self.company.by_id[task["assignee_id"]]

    def shuffle(self) -> str:
        return str(self.company.manager.post("/tasks/api/v1/shuffles")["id"])

    def entry(self) -> str:
        """A fee or reward that nobody has reversed yet."""
        return self._entries.pop()

    def payout(self) -> str:
        return self._payouts[0]

    def mail(self) -> str:
        return self._mails[0]

    def newcomer(self) -> Person:
        """Somebody whom nobody else speaks of: a manager, on whom no task lands."""
        return self.company.hire("manager")

    def session_of(self, person: Person) -> str:
        """The id of another session of his, as his page shows it."""
        other = Person(person.url, self.company.emails[person.id], PASSWORD)
        page = person.ask("GET", "/auth/me").text
        found = re.findall(r"/me/sessions/([^/\"]+)/end\"", page)
        assert found, f"{other.id} has no second session on his page"
        return str(found[0])

    def _new_entries(self) -> list[str]:
        company = self.company
        return [
            entry["id"]
            for person in company.candidates
            for entry in person.items("/accounts/api/v1/accounts/me/transactions")
            if entry["kind"] in ("fee", "reward")
        ]


def _closing(stage: Stage) -> Call:
    task = stage.task()
    return Call(stage.holder(task), {"task_id": task["id"]})


def _reassigning(stage: Stage) -> Call:
    return Call(stage.company.manager, {"task_id": stage.task()["id"]}, json={})


def _ending_own(stage: Stage) -> Call:
    person = stage.newcomer()
    return Call(person, {"session_id": stage.session_of(person)})


def _ending_anothers(stage: Stage) -> Call:
    person = stage.newcomer()
    things = {"user_id": person.id, "session_id": stage.session_of(person)}
    return Call(stage.company.admin, things)


def _on_newcomer(stage: Stage, **form: str) -> Call:
    return Call(stage.company.admin, {"user_id": stage.newcomer().id}, form=form)


def _reversing(stage: Stage) -> dict[str, Any]:
    return {"transaction_id": stage.entry(), "reason": "a mistake"}


def _somebody() -> dict[str, str]:
    email = f"walker-{secrets.token_hex(4)}@popug.test"
    return {"email": email, "name": "A walker", "role": "manager", "password": PASSWORD}


# To retry a payout that did not fail, to cancel one twice, and to send again a mail that is
# on its way is refused, and rightly.
REFUSED = (200, 303, 409)

CALLS: dict[str, Callable[[Stage], Call]] = {
    "GET /accounts/api/v1/payouts": lambda s: Call(s.company.accountant, query={"date": s.today}),
    "GET /mailer/api/v1/payout-mails": lambda s: Call(s.company.admin, query={"date": s.today}),
    "POST /auth/login": lambda s: Call(
        None, form={"email": s.company.emails[s.company.manager.id], "password": PASSWORD}
    ),
    "POST /auth/api/v1/login": lambda s: Call(
        None, json={"email": s.company.emails[s.company.manager.id], "password": PASSWORD}
    ),
    "GET /auth/logout": lambda s: Call(s.newcomer()),
    "POST /auth/logout": lambda s: Call(s.newcomer()),
    "POST /auth/api/v1/logout": lambda s: Call(s.newcomer()),
    "POST /auth/me/language": lambda s: Call(s.company.manager, form={"language": "en"}),
    "POST /auth/me/password": lambda s: Call(
        s.newcomer(), form={"old": PASSWORD, "new": "another long password"}
    ),
    "POST /auth/me/sessions/<session_id>/end": _ending_own,
    "POST /auth/me/sessions/end-others": lambda s: Call(s.newcomer()),
    "POST /auth/users/new": lambda s: Call(s.company.admin, form=_somebody() | {"language": "en"}),
    "POST /auth/users/<user_id>": lambda s: _on_newcomer(
        s, name="Renamed", role="manager", language="ru", active="y"
    ),
    "POST /auth/users/<user_id>/password": lambda s: _on_newcomer(s, password="yet another one"),
    "POST /auth/users/<user_id>/sessions/<session_id>/end": _ending_anothers,
    "POST /auth/users/<user_id>/sessions/end": lambda s: _on_newcomer(s),
    "POST /auth/api/v1/users": lambda s: Call(s.company.admin, json=_somebody()),
    "PATCH /auth/api/v1/users/<user_id>": lambda s: Call(
        s.company.admin, {"user_id": s.newcomer().id}, json={"name": "Renamed"}
    ),
    "POST /tasks/": lambda s: Call(s.company.workers[0], form={"title": "Paint", "once": ""}),
    "POST /tasks/<task_id>/close": _closing,
    "POST /tasks/<task_id>/reassign": _reassigning,
    "POST /tasks/hand-over": lambda s: Call(s.company.manager),
    "POST /tasks/shuffles": lambda s: Call(s.company.manager),
    "POST /tasks/api/v1/tasks": lambda s: Call(s.company.workers[0], json={"title": "Paint"}),
    "POST /tasks/api/v1/tasks/<task_id>/close": _closing,
    "POST /tasks/api/v1/tasks/<task_id>/reassign": _reassigning,
    "POST /tasks/api/v1/shuffles": lambda s: Call(s.company.manager),
    "POST /accounts/days/<day>/close": lambda s: Call(s.company.accountant),
    "POST /accounts/api/v1/days/<day>/close": lambda s: Call(s.company.accountant),
    "POST /accounts/transactions/<transaction_id>/reverse": lambda s: Call(
        s.company.accountant, {"transaction_id": s.entry()}, form={"reason": "a mistake"}
    ),
    "GET /accounts/transactions/<transaction_id>/reverse": lambda s: Call(
        s.company.accountant, {"transaction_id": s.entry()}
    ),
    "POST /accounts/api/v1/reversals": lambda s: Call(s.company.accountant, json=_reversing(s)),
    "GET /accounts/payslips/me/<day>": lambda s: Call(s.company.workers[0]),
    "GET /accounts/payslips/me/<day>.pdf": lambda s: Call(s.company.workers[0]),
    "POST /billing/card": lambda s: Call(s.newcomer(), form={"card_number": CARD}),
    "POST /billing/card/remove": lambda s: Call(s.newcomer()),
    "PUT /billing/api/v1/cards/me": lambda s: Call(s.newcomer(), json={"card_number": CARD}),
    "DELETE /billing/api/v1/cards/me": lambda s: Call(s.newcomer()),
    "POST /billing/payouts/<payout_id>/retry": lambda s: Call(s.company.accountant, right=REFUSED),
    "POST /billing/api/v1/payouts/<payout_id>/retry": lambda s: Call(
        s.company.accountant, right=REFUSED
    ),
    "POST /billing/payouts/<payout_id>/cancel": lambda s: Call(
        s.company.accountant, form={"reason": "a test"}, right=REFUSED
    ),
    "POST /billing/api/v1/payouts/<payout_id>/cancel": lambda s: Call(
        s.company.accountant, json={"reason": "a test"}, right=REFUSED
    ),
    # Signed by nobody: it is refused, whoever asks.
    "POST /billing/webhooks/<gateway>": lambda _: Call(None, {"gateway": "sandbox"}, right=(401,)),
    "POST /billing/payouts/<payout_id>/decide": lambda s: Call(
        s.company.accountant, form={"outcome": "not_paid", "reason": "a test"}, right=REFUSED
    ),
    "POST /billing/payouts/<payout_id>/settle": lambda s: Call(
        s.company.accountant, form={"reason": "a test"}, right=REFUSED
    ),
    "POST /billing/api/v1/payouts/<payout_id>/decide": lambda s: Call(
        s.company.accountant, json={"outcome": "not_paid", "reason": "a test"}, right=REFUSED
    ),
    "POST /billing/api/v1/payouts/<payout_id>/settle": lambda s: Call(
        s.company.accountant, json={"reason": "a test"}, right=REFUSED
    ),
    "POST /billing/payouts/<payout_id>/ask": lambda s: Call(s.company.accountant, right=REFUSED),
    "POST /billing/api/v1/payouts/<payout_id>/ask": lambda s: Call(
        s.company.accountant, right=(202, 409)
    ),
    "POST /mailer/preferences": lambda s: Call(s.company.workers[0], form={"on_its_way": "y"}),
    "PUT /mailer/api/v1/preferences/me": lambda s: Call(
        s.company.workers[0], json={"on_its_way": True, "paid": False, "cancelled": True}
    ),
    "POST /mailer/mails/<mail_id>/resend": lambda s: Call(s.company.admin, right=REFUSED),
    "POST /mailer/api/v1/mails/<mail_id>/resend": lambda s: Call(s.company.admin, right=REFUSED),
    # There is no such file, which is all that can be known without its name.
    "GET static": lambda _s: Call(None, {"filename": "nothing.css"}, right=(404,)),
}


def walk(stage: Stage) -> list[str]:
    """Make every call once; gives those that were not answered as they must be."""
    wrong = []
    for line in lines():
        call = call_of(line, stage)
        answer = _ask(stage, line, call)
        if answer.status_code not in call.right:
            who = call.who.id if call.who else "nobody"
            wrong.append(f"{line} as {who}: {answer.status_code} {answer.text[:300]}")
    return wrong


def lines() -> Iterable[Line]:
    """The routes to walk: all but those that are still to come."""
    return list(LINES)


def is_known(line: Line) -> bool:
    """Whether the walk knows what to send there."""
    if str(line) in CALLS or "/parked" in line.rule or line.rule.endswith("<path:filename>"):
        return True
    return line.method == SAFE and set(re.findall(r"<(?:\w+:)?(\w+)>", line.rule)) <= THINGS


def call_of(line: Line, stage: Stage) -> Call:
    """How to call this route."""
    if line.rule.endswith("<path:filename>"):
        return CALLS["GET static"](stage)
    if str(line) in CALLS:
        return CALLS[str(line)](stage)
    if "/parked" in line.rule:
        return _parked(line, stage)
    if line.rule == EVENTS_PATH:
        return Call(stage.company.admin, query={"subject": stage.task()["id"]})
    assert is_known(line), line
    return Call(_reader(line, stage))


def _parked(line: Line, stage: Stage) -> Call:
    """What nobody has parked cannot be shown or decided, but must be looked up to know it."""
    nothing = {"key": "0" * 16, "number": "999999999", "decision_id": "nothing"}
    why = {"reason": "a test"} if line.rule.endswith(("/retry", "/drop")) else None
    api = line.rule.startswith("/api/")
    answers = (200, 202, 303, 404)
    return Call(
        stage.company.admin,
        nothing,
        form=None if api else why,
        json=why if api and line.rule.endswith("/drop") else None,
        right=answers,
    )


def _reader(line: Line, stage: Stage) -> Person | None:
    company = stage.company
    by_role = {
        "nobody": None,
        "admin": company.admin,
        "accountant": company.accountant,
        "manager": company.manager,
    }
    return next(by_role[role] for role in by_role if role in line.may)


def _ask(stage: Stage, line: Line, call: Call) -> requests.Response:
    inside = line.rule.endswith(INSIDE)
    path = f"/{line.service}" * bool(line.service) + _filled(line, stage, call)
    return requests.request(
        line.method,
        (stage.inside_url if inside else stage.company.url) + path,
        params=call.query,
        data=call.form,
        json=call.json,
        cookies=call.who.session.cookies.get_dict() if call.who else None,
        allow_redirects=False,
        timeout=30,
    )


def _filled(line: Line, stage: Stage, call: Call) -> str:
    """The rule with things that there are in it."""
    make: dict[str, Callable[[], str]] = {
        "task_id": lambda: str(stage.task()["id"]),
        "shuffle_id": stage.shuffle,
        "user_id": lambda: stage.company.workers[0].id,
        "day": lambda: stage.today,
        "payout_id": stage.payout,
        "mail_id": stage.mail,
    }
    return re.sub(
        r"<(?:\w+:)?(\w+)>", lambda part: call.things.get(part[1]) or make[part[1]](), line.rule
    )
