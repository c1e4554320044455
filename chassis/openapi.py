"""The REST side of a service: checked JSON in and out, described as OpenAPI 3.1.

    api = Api("tasks", "Tasks of UberPopug Inc.")

    @api.post("/tasks")
    @signed_in
    @api.describe(answer=TaskOut, status=201)
    def create(json: NewTask):
        ...

The parameter named `json` or `query` is the checked body or query string. A value that
breaks its model is answered with 422 and a sentence that names the field.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Flask, Response, g, jsonify, request
from flask_babel import lazy_gettext as _l
from pydantic import BaseModel, ConfigDict, Field
from spectree import Response as Answers
from spectree import SpecTree
from spectree.models import SecureType, SecurityScheme, SecuritySchemeData, Server

from chassis.access import public
from chassis.paging import DEFAULT_LIMIT, MOST
from chassis.refusals import Problem

API_PREFIX = "/api/v1"
PLACE_MOST = 100


class ProblemOut(BaseModel):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    trace_id: str


class Input(BaseModel):
    """A request body: an unknown field or a wrong type is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Listing(BaseModel):
    """Query of a list: how many at most, and after which."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MOST)
    after: str | None = Field(None, max_length=1_000)


class Api(Blueprint):
    """The blueprint of `/api/v1`, with the description of what it takes and gives."""

    def __init__(self, service: str, title: str) -> None:
        super().__init__("api", f"{service}.api", url_prefix=API_PREFIX)
        self._spec = SpecTree(
            "flask",
            title=title,
            version="1",
            mode="strict",
            path="openapi",  # spectree leaves routes below its own path out
            page_templates={},
            before=_refuse_invalid,
            validation_error_model=ProblemOut,
            naming_strategy=lambda model: model.__name__,
            nested_naming_strategy=lambda _parent, child: child,
            servers=[Server(url=f"/{service}")],
            security_schemes=[
                SecurityScheme(
                    name="bearer", data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer")
                )
            ],
            security=[{"bearer": []}],
        )

    def describe(
        self,
        answer: type[BaseModel] | None = None,
        status: int = 200,
        refuses: tuple[int, ...] = (),
        file: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Check what comes in by the view's annotations; `answer` is what goes out.

        `refuses` are the statuses beside 422 that the view may answer. `file`: it answers
        with a file, which is sent as it is read, whatever its size.
        """
        answers = Answers(
            **{f"HTTP_{status}": answer},
            **{f"HTTP_{code}": ProblemOut for code in {401, 403, *refuses}},
        )
        checked: Callable[[Callable[..., Any]], Callable[..., Any]]
        checked = self._spec.validate(resp=answers)
        return (lambda view: _past(checked, view)) if file else checked

    def document(self, app: Flask) -> None:
        """Serve the description at `/api/openapi.json` and check bodies before views."""
        self._spec.app = app
        app.before_request(_refuse_broken_json)

        @public
        def openapi() -> Response:
            return jsonify(self._spec.spec)

        app.add_url_rule("/api/openapi.json", "openapi", openapi)


def _past(
    checked: Callable[[Callable[..., Any]], Callable[..., Any]], view: Callable[..., Any]
) -> Callable[..., Any]:
    """Check what comes in, and lead the answer past spectree, which would read all of it."""

    @wraps(view)
    def hold(*args: Any, **kwargs: Any) -> str:
        g.file_answer = view(*args, **kwargs)
        return ""

    checking = checked(hold)

    @wraps(checking)
    def answer(*args: Any, **kwargs: Any) -> Any:
        checking(*args, **kwargs)
        return g.pop("file_answer")

    return answer


def _refuse_broken_json() -> None:
    """A body must be a JSON object: anything else is refused, never taken for empty."""
    if not request.path.startswith(API_PREFIX):
        return
    if not request.get_data(cache=True):
        # `curl -d ""` calls nothing a form, and the check would then see no body at all.
        request.environ["CONTENT_TYPE"] = ""
        return
    if not request.is_json:
        raise Problem(415, _l("Send the body as JSON, with Content-Type: application/json."))
    try:
        content = request.get_json(silent=True)
    except RecursionError:  # brackets nested by the thousand
        content = None
    if not isinstance(content, dict):
        raise Problem(400, _l("The body is not a JSON object."))


def _refuse_invalid(
    _request: Any, _response: Any, error: Any, _instance: Any, _adapter: Any
) -> None:
    if error is None:
        return
    first = error.errors(include_url=False, include_input=False)[0]
    # A field's name comes from outside, and may be as long as the whole body.
    place = ".".join(str(part) for part in first["loc"])[:PLACE_MOST]
    message = first["msg"].removeprefix("Value error, ")
    raise Problem(422, f"{place}: {message}" if place else message)
