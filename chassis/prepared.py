"""Statements that are put together once.

Building a statement out of SQLAlchemy's expressions takes as long as the way to the server and
back, and what each click asks is always the same but for its values.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import cache, wraps
from typing import Any, NamedTuple, ParamSpec, get_args, get_origin

from sqlalchemy import BindParameter, Executable, bindparam

P = ParamSpec("P")


class Prepared(NamedTuple):
    """A statement with places, and what is to be filled in there."""

    statement: Executable
    values: dict[str, Any]


def prepared(build: Callable[P, Executable]) -> Callable[P, Prepared]:
    """A function whose statement is built at its first call, and then only filled in.

    `build` may compare its parameters with columns, set columns to them, or limit rows by
    them, and nothing else: it is given places of the statement. One that is a Sequence goes
    into `in_`. One that is None is given as None: where it is, the statement is another one.
    """
    parameters = inspect.signature(build).parameters
    order = tuple(parameters)

    @cache
    def built(absent: tuple[str, ...]) -> Executable:
        places = {each.name: _place(each) for each in parameters.values()}
        return build(**(places | dict.fromkeys(absent)))  # type: ignore[call-arg, arg-type]

    @wraps(build)
    def fill(*args: P.args, **kwargs: P.kwargs) -> Prepared:
        given = dict(zip(order, args, strict=False), **kwargs)
        if given.keys() != parameters.keys():
            raise TypeError(f"{build.__name__}({', '.join(order)}) is given {', '.join(given)}")
        absent = tuple(name for name in order if given[name] is None)
        values = {_name(name): value for name, value in given.items() if value is not None}
        return Prepared(built(absent), values)

    return fill


def _place(parameter: inspect.Parameter) -> BindParameter[Any]:
    return bindparam(_name(parameter.name), expanding=_is_sequence(parameter.annotation))


def _is_sequence(annotation: Any) -> bool:
    either = (annotation, *get_args(annotation))  # of `Sequence[str] | None` too
    return any(get_origin(each) is Sequence for each in either)


@cache
def _name(parameter: str) -> str:
    # In an UPDATE the plain names of columns stand for their new values.
    return f"given_{parameter}"
