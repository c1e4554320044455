"""Pages of shuffles: what one would do, the button, and how far it has come."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from chassis.access import allowed, current_user
from chassis.ids import new_id
from chassis.runtime import query, runtime
from contracts.rest import person_names
from contracts.roles import MANAGEMENT
from tasks import actions, board, shuffles
from tasks.candidates import CandidatesUnknown, candidates_of, still_candidates
from tasks.keys import form_key

shuffle_pages = Blueprint("shuffles", __name__, url_prefix="/shuffles")


@shuffle_pages.get("/new")
@allowed(*MANAGEMENT)
def preview() -> str:
    """How many tasks would be dealt, over how many people, and what they would be charged."""
    return render_template(
        "tasks/shuffle_new.html",
        open_now=query(board.count_open),
        popugs=_count_candidates(),
        running=query(shuffles.running_shuffle),
        once=new_id(),
    )


@shuffle_pages.post("")
@allowed(*MANAGEMENT)
def start() -> Any:
    """Start a shuffle; the button pressed twice starts one."""
    key = form_key(current_user.user_id, request.form.get("once"), "shuffle")
    return redirect(url_for(".show", shuffle_id=actions.shuffle(key)), 303)


@shuffle_pages.get("/<shuffle_id>")
@allowed(*MANAGEMENT)
def show(shuffle_id: str) -> str:
    """How far a shuffle has come."""
    shuffle = query(shuffles.find_shuffle, shuffle_id)
    names = person_names(runtime.remote, [shuffle.started_by])
    return render_template("tasks/shuffle.html", shuffle=shuffle, names=names)


def _count_candidates() -> int | None:
    """Over how many people a shuffle deals; None while that cannot be known."""
    try:
        candidates = candidates_of(runtime).ids()
    except CandidatesUnknown:
        return None
    return len(query(still_candidates, candidates))
