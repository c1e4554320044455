"""The declaration of a service: everything that the chassis needs to run it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Blueprint
from sqlalchemy import MetaData

from chassis.database import Reading
from chassis.figures import Figure
from chassis.inbox import Handlers
from chassis.jobs import Job
from chassis.openapi import Api
from chassis.refusals import Refusal
from chassis.settings import Settings
from chassis.status_lines import StatusLine

if TYPE_CHECKING:
    from chassis.runtime import Runtime


@dataclass(frozen=True)
class Link:
    """One entry of the navigation; shown to these roles (None: to everyone signed in).

    `also`: where pages begin that belong to it, beside those below its own path.
    """

    title: Any
    path: str
    icon: str
    roles: frozenset[str] | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """A service by name: its tables, pages, REST side, what it hears, and its jobs."""

    name: str
    package: str
    metadata: MetaData
    pages: tuple[Blueprint, ...]
    api: Api
    handlers: Handlers
    jobs: tuple[Job, ...] = ()
    links: tuple[Link, ...] = ()
    status_lines: tuple[StatusLine, ...] = ()
    refusals: Mapping[type[Exception], Refusal] = field(default_factory=dict)
    # What the service counts in its own tables for Prometheus; asked every minute, so
    # each count goes through an index.
    figures: Callable[[Reading], list[Figure]] = lambda _reading: []
    # The guests of the system that work beside this service wherever it works.
    guests: Callable[[Settings], tuple[str, ...]] = lambda _settings: ()
    # Called once when the service starts to work, before its first request.
    prepare: Callable[["Runtime"], None] = lambda _runtime: None
