"""Tasks: who is to do what, for which price.

Owns tasks, the assignments of each, and shuffles. Emits `task_assigned` whenever a task
lands on somebody and `task_closed` when he has done it. Hears `access_changed`, so that
nothing lands on people who have left. Shows one's own tasks, the board, and how far a
shuffle has come; asks auth for names and for those on whom tasks may land.

Where to read on: `drafts` and `domain` hold the rules, `commands` the changes, `models`,
`board` and `shuffles` the tables, `pages` and `api` the two ways in.
"""

from flask_babel import lazy_gettext as _l

from chassis.service import Link, Service
from contracts.roles import MANAGEMENT
from tasks.api import api
from tasks.handlers import handlers
from tasks.jobs import deal_shuffles
from tasks.journey_pages import journey_pages
from tasks.models import metadata
from tasks.pages import pages
from tasks.refusals import refusals
from tasks.shuffle_pages import shuffle_pages

service = Service(
    name="tasks",
    package="tasks",
    metadata=metadata,
    pages=(pages, shuffle_pages, journey_pages),
    api=api,
    handlers=handlers,
    jobs=(deal_shuffles,),
    links=(
        Link(_l("My tasks"), "/", "list-task"),
        Link(_l("Board"), "/board", "kanban"),
        Link(_l("Shuffle"), "/shuffles/new", "shuffle", MANAGEMENT, also=("/shuffles",)),
    ),
    refusals=refusals,
)
