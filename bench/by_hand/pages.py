"""Bare Flask pages over the same tables: each query at its least, the rows in a plain table.

No sign-in, no languages, no menu, no layout; one connection for each thread. Durability is
the server's own, as for Popug. What it writes waits for nobody: nothing is sent on.
"""

import json
import os
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pymysql
from flask import Flask, jsonify

from chassis.ids import new_id

TABLE = """<!doctype html>
<title>{{ title }}</title><h1>{{ title }}</h1>
{% for rows in tables %}<table>
{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table>{% endfor %}
"""
TASK = (
    "position, id, jira_id, title, description, status, assignee_id, fee, reward, created_at,"
    " closed_at"
)
ENTRY = "position, transaction_id, kind, user_id, task_id, occurred_at, day, sum, balance"
PAYOUT = "id, user_id, date, amount, currency, status, gateway_ref, reason"
_own = threading.local()


def connection() -> Any:
    """This thread's connection; the places are named by services: `{tasks}.tasks`."""
    if not hasattr(_own, "connection"):
        host, _, port = os.environ["BENCH_SERVER"].partition(":")
        _own.connection = pymysql.connect(
            host=host,
            port=int(port or 3306),
            user=os.environ["BENCH_USER"],
            password=os.environ["BENCH_PASSWORD"],
            autocommit=True,
        )
    return _own.connection


SCHEMAS: dict[str, str] = json.loads(os.environ.get("BENCH_SCHEMAS", "{}"))
TODAY = date.fromisoformat(os.environ.get("BENCH_TODAY", "1970-01-01"))


def rows(statement: str, *values: Any) -> Sequence[Any]:
    """What a query finds."""
    with connection().cursor() as cursor:
        cursor.execute(statement.format(**SCHEMAS), values)
        return cursor.fetchall()  # type: ignore[no-any-return]


def _in(ids: Sequence[str]) -> str:
    return ",".join(["%s"] * len(ids)) or "NULL"


def names(ids: Sequence[str]) -> Sequence[Any]:
    """Ids and names of people."""
    wanted = sorted(set(ids))
    return rows(f"SELECT id, name FROM `{{auth}}`.users WHERE id IN ({_in(wanted)})", *wanted)


def titles(ids: Sequence[str]) -> Sequence[Any]:
    """Ids and titles of tasks."""
    wanted = sorted(set(ids))
    return rows(f"SELECT id, title FROM `{{tasks}}`.tasks WHERE id IN ({_in(wanted)})", *wanted)


def tasks_of(user: str, most: int) -> Sequence[Any]:
    """A person's tasks, the open ones first."""
    return rows(
        f"SELECT {TASK} FROM `{{tasks}}`.tasks WHERE assignee_id = %s"
        " ORDER BY status DESC, position DESC LIMIT %s", user, most,
    )  # fmt: skip


def open_tasks(most: int) -> Sequence[Any]:
    """The newest open tasks."""
    return rows(
        f"SELECT {TASK} FROM `{{tasks}}`.tasks WHERE status = 'open'"
        " ORDER BY position DESC LIMIT %s", most,
    )  # fmt: skip


def balance(user: str) -> Sequence[Any]:
    """What an account holds, and what today changed."""
    return [
        *rows("SELECT balance FROM `{accounts}`.accounts WHERE user_id = %s", user),
        *rows(
            "SELECT SUM(sum) FROM `{accounts}`.entries WHERE user_id = %s AND side = 'popug'"
            " AND day = %s", user, TODAY,
        ),
    ]  # fmt: skip


def statement(user: str, most: int, before: date = date.max) -> Sequence[Any]:
    """The newest entries of an account by day, of days before `before`."""
    return rows(
        f"SELECT {ENTRY} FROM `{{accounts}}`.entries WHERE user_id = %s AND side = 'popug'"
        " AND day < %s ORDER BY day DESC, position DESC LIMIT %s", user, before, most,
    )  # fmt: skip


def statement_between(user: str, first: date, last: date) -> Sequence[Any]:
    """All entries of an account in a range of days, newest first."""
    return rows(
        f"SELECT {ENTRY} FROM `{{accounts}}`.entries WHERE user_id = %s AND side = 'popug'"
        " AND day BETWEEN %s AND %s ORDER BY day DESC, position DESC", user, first, last,
    )  # fmt: skip


def company_days(days: int) -> Sequence[Any]:
    """Sums of the company's side by day."""
    return rows(COMPANY_DAYS, TODAY - timedelta(days=days - 1))


def analytics_days(days: int) -> Sequence[Any]:
    """Analytics' figures by day."""
    return rows(ANALYTICS_DAYS, TODAY - timedelta(days=days - 1))


def payouts(most: int) -> Sequence[Any]:
    """The newest payouts."""
    return rows(
        f"SELECT {PAYOUT} FROM `{{billing}}`.payouts ORDER BY date DESC, id DESC LIMIT %s", most
    )


COMPANY_DAYS = (
    "SELECT date, SUM(fees), SUM(rewards), SUM(payouts) FROM `{accounts}`.company_sums"
    " WHERE date >= %s GROUP BY date"
)
ANALYTICS_DAYS = (
    "SELECT date, fees, rewards, top_task_id, top_reward FROM `{analytics}`.days WHERE date >= %s"
)


def create(user: str) -> str:
    """A task, its assignment and its event, in one commit; the task's id."""
    task, assignment, now = new_id(), new_id(), datetime.now(UTC).replace(tzinfo=None)
    with connection().cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            f"INSERT INTO `{SCHEMAS['tasks']}`.tasks (id, title, title_folded, description, status,"
            " assignee_id, assignment_id, fee, reward, created_by, created_at)"
            " VALUES (%s, 'Paint', 'paint', '', 'open', %s, %s, 1500, 2500, %s, %s)",
            (task, user, assignment, user, now),
        )
        cursor.execute(
            f"INSERT INTO `{SCHEMAS['tasks']}`.assignments (id, task_id, assignee_id, reason,"
            " assigned_at) VALUES (%s, %s, %s, 'created', %s)", (assignment, task, user, now),
        )  # fmt: skip
        _event(cursor, "assigned", task, now)
        cursor.execute("COMMIT")
    return task


def close(task: str) -> Sequence[Any]:
    """Close an open task, with its event, in one commit."""
    now = datetime.now(UTC).replace(tzinfo=None)
    with connection().cursor() as cursor:
        cursor.execute("BEGIN")
        changed = cursor.execute(
            f"UPDATE `{SCHEMAS['tasks']}`.tasks SET status = 'closed', closed_at = %s"
            " WHERE id = %s AND status = 'open'", (now, task),
        )  # fmt: skip
        assert changed == 1
        cursor.execute(f"SELECT {TASK} FROM `{SCHEMAS['tasks']}`.tasks WHERE id = %s", (task,))
        found = cursor.fetchall()
        _event(cursor, "closed", task, now)
        cursor.execute("COMMIT")
    return found  # type: ignore[no-any-return]


def _event(cursor: Any, kind: str, task: str, now: datetime) -> None:
    """It counts as sent: nobody is to take it for one of Popug's."""
    body = json.dumps({"id": new_id(), "type": kind, "subject": task, "data": {"task": task}})
    cursor.execute(
        f"INSERT INTO `{SCHEMAS['tasks']}`.outbox (event_id, type, payload, created_at, subject,"
        " sent_at) VALUES (%s, %s, %s, %s, %s, %s)",
        (new_id(), kind, body, now, task, now),
    )


def app() -> Flask:
    """Each page below the path of what it shows; whose it is stands in the path."""
    made = Flask(__name__)
    template = made.jinja_env.from_string(TABLE)

    def page(title: str, *tables: Any) -> str:
        return template.render(title=title, tables=tables)

    @made.get("/mine/<user>")
    def _mine(user: str) -> str:
        return page("My tasks", tasks_of(user, 26))

    @made.get("/board")
    def _board() -> str:
        found = open_tasks(26)
        return page("Board", found, names([row[6] for row in found]))

    @made.get("/account/<user>")
    def _account(user: str) -> str:
        found = statement(user, 51)
        days = {row[6] for row in found}
        totals = rows(
            "SELECT day, SUM(sum) FROM `{accounts}`.entries WHERE user_id = %s"
            f" AND side = 'popug' AND day IN ({_in(list(days))}) GROUP BY day", user, *days,
        )  # fmt: skip
        ids = [row[4] for row in found if row[4]]
        return page("My account", balance(user), found, totals, titles(ids))

    @made.get("/company")
    def _company() -> str:
        return page("Company", company_days(30))

    @made.get("/analytics")
    def _analytics() -> str:
        found = analytics_days(30)
        ids = [row[3] for row in found if row[3]]
        losers = rows(LOSERS)
        return page("Analytics", found, analytics_days(1), losers[-30:], titles(ids))

    @made.get("/payouts")
    def _payouts() -> str:
        found = payouts(51)
        people = [row[0] for row in rows(PEOPLE)]
        return page("Payouts", found, names([*people, *(row[1] for row in found)]))

    @made.get("/list")
    def _list() -> Any:
        found = rows(f"SELECT {TASK} FROM `{{tasks}}`.tasks ORDER BY position DESC LIMIT 51")
        return jsonify(found)

    @made.get("/balance/<user>")
    def _balance(user: str) -> Any:
        return jsonify([str(value) for (value,) in balance(user)])

    made.add_url_rule("/create/<user>", "create", create, methods=["POST"])
    made.add_url_rule("/close/<task>", "close", lambda task: jsonify(close(task)), methods=["POST"])
    return made


LOSERS = "SELECT date, SUM(losers) OVER (ORDER BY date) FROM `{analytics}`.loser_changes"
PEOPLE = "SELECT DISTINCT user_id FROM `{billing}`.payouts ORDER BY user_id LIMIT 500"
