"""Every error as an answer: a page for people, RFC 9457 problem+json for programs."""

from http import HTTPStatus
from typing import Any

from flask import Flask, jsonify, render_template, request
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import HTTPException

from chassis import decisions, tracing
from chassis.database import DatabaseAway, OutcomeUnknown
from chassis.refusals import Problem, as_problem
from chassis.runtime import Runtime
from chassis.security import safe_next


def wants_json() -> bool:
    """Whether the answer goes to a program rather than to a person."""
    path = request.path
    return path.startswith(("/api/", "/webhooks/", "/.well-known/")) or path in (
        "/healthz",
        "/readyz",
        "/statusz",
        "/eventsz",
        "/metrics",
    )


def answer_errors(app: Flask, runtime: Runtime) -> None:
    """Let every exception become a page or a problem, and log those that are our fault."""

    def answer(error: Exception) -> tuple[Any, int, dict[str, str]]:
        problem = _problem_of(error, runtime)
        if problem.status >= 500:
            path = request.script_root + request.path
            runtime.log.error("request failed", path=path, exc_info=error)
        headers = {**problem.headers, "Cache-Control": "no-store"}
        detail = str(problem.detail)
        if wants_json():
            body = jsonify(
                type="about:blank",
                title=problem.title,
                status=problem.status,
                detail=detail,
                trace_id=tracing.trace_id(),
                **problem.extra,
            )
            body.mimetype = "application/problem+json"
            return body, problem.status, headers
        page = render_template(
            "error.html", problem=problem, detail=detail, back=_came_from(request.referrer)
        )
        return page, problem.status, headers

    app.register_error_handler(Exception, answer)


def _came_from(referrer: str | None) -> str | None:
    """The page of ours that led here, unless it is this one."""
    if not referrer or not referrer.startswith(request.host_url):
        return None
    back = safe_next(f"/{referrer.removeprefix(request.host_url).lstrip('/')}", "")
    return None if back == request.script_root + request.full_path.rstrip("?") else back or None


def _problem_of(error: Exception, runtime: Runtime) -> Problem:
    if isinstance(error, Problem):
        return error
    known = as_problem(error, {**decisions.refusals, **runtime.service.refusals})
    if known:
        return known
    if isinstance(error, HTTPException):
        code = error.code or 500
        headers = {"Allow": ", ".join(error.valid_methods or ())} if code == 405 else {}  # type: ignore[attr-defined]
        return Problem(code, _SENTENCES.get(code) or HTTPStatus(code).phrase, headers)
    if isinstance(error, OutcomeUnknown):
        return Problem(503, _UNKNOWN, {"Retry-After": "5"}, outcome="unknown")
    if isinstance(error, DatabaseAway):
        return Problem(503, _SENTENCES[503], {"Retry-After": "5"})
    return Problem(500, _SENTENCES[500])


_UNKNOWN = _l(
    "The database stopped answering while your change was being saved. It is not known whether "
    "it was saved: look before you do it again."
)
_SENTENCES: dict[int, Any] = {
    400: _l("The request could not be read."),
    404: _l("There is nothing here, or nothing that you may see."),
    405: _l("This address does not take that method."),
    413: _l("That is too much at once."),
    415: _l("Send JSON."),
    500: _l("Something broke on our side. Nothing was half-done; try again in a moment."),
    503: _l("The database does not answer at the moment. Nothing was changed; try again."),
}
