"""Pages of tasks: mine, the board, one task."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from chassis.access import allowed, current_user, signed_in
from chassis.database import Reading
from chassis.ids import new_id
from chassis.paging import page_of, read_cursor
from chassis.refusals import Problem
from chassis.runtime import query, runtime
from contracts.rest import person_names
from contracts.roles import ADMIN, MANAGEMENT
from tasks import actions, board, models
from tasks.candidates import Candidate, CandidatesUnknown, candidates_of, stuck_tasks
from tasks.domain import CLOSED, OPEN, NoCandidates, Task
from tasks.forms import NewTaskForm
from tasks.keys import form_key
from tasks.refusals import problem_of

pages = Blueprint("pages", __name__)

ROWS = 25
HISTORY_ROWS = 100
SEARCH_MOST = 200


@pages.get("/")
@signed_in
def mine() -> str:
    """The form for a new task, and the tasks of whoever asks."""
    return _mine(None)


@pages.post("/")
@signed_in
def create() -> Any:
    """Make a task; what was written is shown again if it cannot be made."""
    form = NewTaskForm()
    wording = form.draft()
    if wording is None:
        return _mine(form), 422
    key = form_key(current_user.user_id, form.once.data, *actions.request_of(wording))
    try:
        task = actions.create(wording, key)
    except (NoCandidates, CandidatesUnknown) as error:
        problem = problem_of(error)
        flash(str(problem.detail), "danger")
        return _mine(form), problem.status
    who = person_names(runtime.remote, [task.assignee_id])[task.assignee_id]
    flash(_("Created: %(title)s. It landed on: %(who)s.", title=task.title, who=who), "success")
    return redirect(url_for(".mine"), 303)


@pages.get("/board")
@signed_in
def show_board() -> str:
    """Everybody's tasks, with filters; managers see which ones are stuck."""
    status, text = _status(), _text()
    assignee = request.args.get("assignee") or None
    wanted = board.Wanted(
        assignee_id=assignee, status=None if status == "all" else status, text=text
    )
    before = read_cursor(request.args.get("after"), int)
    found, stuck = query(_seen, wanted, before[0] if before else None, _stuck_look())
    page = page_of(found, ROWS, lambda task: [task.position])
    names = person_names(
        runtime.remote, [assignee, *stuck, *(task.assignee_id for task in page.items)]
    )
    return render_template(
        "tasks/board.html",
        rows=tuple((task, names[task.assignee_id]) for task in page.items),
        next=page.next,
        status=status,
        text=text,
        assignee=assignee,
        stuck=stuck,
        names=names,
    )


@pages.post("/hand-over")
@allowed(*MANAGEMENT)
def hand_over() -> Any:
    """Reassign every stuck task (rule 7)."""
    moved = actions.hand_over()
    flash(
        ngettext("%(num)s task was handed over.", "%(num)s tasks were handed over.", moved),
        "success",
    )
    return redirect(url_for(".show_board"), 303)


@pages.get("/<task_id>")
@signed_in
def show(task_id: str) -> str:
    """One task: prices, who may close it, and on whom it has landed so far."""
    task = query(models.find_task, task_id)
    history = query(models.history, task_id, HISTORY_ROWS)
    people = [task.created_by, task.assignee_id, *(past.assignee_id for past in history)]
    return render_template(
        "tasks/task.html",
        task=task,
        history=history,
        names=person_names(runtime.remote, people),
        may_close=_may_close(task),
        may_see_journey=current_user.role == ADMIN,
        may_reassign=task.status == OPEN and current_user.role in MANAGEMENT,
        candidates=(_candidates() or ()) if current_user.role in MANAGEMENT else (),
    )


@pages.post("/<task_id>/close")
@signed_in
def close(task_id: str) -> Any:
    """Close a task of one's own."""
    task = actions.close(task_id)
    flash(_("Closed: %(title)s", title=task.title), "success")
    return redirect(url_for(".mine"), 303)


@pages.post("/<task_id>/reassign")
@allowed(*MANAGEMENT)
def reassign(task_id: str) -> Any:
    """Give a task to the one chosen, or to somebody by chance."""
    task = actions.reassign(task_id, request.form.get("assignee_id") or None)
    who = person_names(runtime.remote, [task.assignee_id])[task.assignee_id]
    flash(_("The task is now held by: %(who)s.", who=who), "success")
    return redirect(url_for(".show", task_id=task_id), 303)


def _mine(form: NewTaskForm | None) -> str:
    """The page with what was written in the form; None: a blank one, which is made once."""
    after = read_cursor(request.args.get("after"), str, int)
    found = query(board.tasks_of, current_user.user_id, ROWS + 1, after)
    page = page_of(found, ROWS, lambda task: [task.status, task.position])
    once = (form and form.once.data) or new_id()
    return render_template(
        "tasks/mine.html",
        form=form,
        blank=NewTaskForm,
        once=once,
        rows=tuple(page.items),
        next=page.next,
    )


def _status() -> str:
    status = request.args.get("status") or OPEN
    if status not in (OPEN, CLOSED, "all"):
        raise Problem(422, _l("Tasks are shown open, closed or all."))
    return status


def _text() -> str:
    text = request.args.get("q", "").strip()
    if len(text) > SEARCH_MOST:
        raise Problem(
            422, _l("Search for at most %(most)s characters of a title.", most=SEARCH_MOST)
        )
    return text


def _may_close(task: Task) -> bool:
    return task.status == OPEN and task.assignee_id == current_user.user_id


def _candidates() -> tuple[Candidate, ...] | None:
    """Whom a manager may choose from, by name; None while that cannot be known."""
    try:
        return tuple(sorted(candidates_of(runtime).all(), key=lambda person: person.name))
    except CandidatesUnknown:
        return None


def _stuck_look() -> Callable[[Reading], dict[str, int]]:
    """How many stuck tasks each of their holders has, once there is a reading; for managers."""
    if current_user.role not in MANAGEMENT:
        return lambda _reading: {}
    candidates = _candidates()
    ids = None if candidates is None else {each.id for each in candidates}
    return lambda reading: stuck_tasks(reading, ids)


def _seen(
    reading: Reading,
    wanted: board.Wanted,
    before: int | None,
    stuck: Callable[[Reading], dict[str, int]],
) -> tuple[list[Task], dict[str, int]]:
    """Tasks of the board, and which are stuck."""
    return board.newest_tasks(reading, wanted, ROWS + 1, before), stuck(reading)
