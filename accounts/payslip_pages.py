"""Pay slips as people read, print and store them; for oneself, and for bookkeepers of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import Blueprint, Response, render_template, request
from flask_babel import force_locale
from flask_babel import gettext as _

from accounts import payslips, words
from accounts.domain import Cents, Entry
from accounts.payslips import NoPayslip, Payslip
from chassis.access import current_user, signed_in
from chassis.days import read_day
from chassis.languages import LANGUAGES, language
from chassis.refusals import Problem
from chassis.runtime import query, runtime
from contracts.rest import person_names, task_titles
from contracts.roles import BOOKKEEPERS

pages = Blueprint("payslips", __name__)

PDF = "application/pdf"


@dataclass(frozen=True)
class Line:
    """One entry as it is shown; `own_day` is set where it came late."""

    what: str
    why: str
    when: datetime
    sum: Cents
    own_day: date | None


@dataclass(frozen=True)
class Sheet:
    """A pay slip with the names and titles of this moment."""

    slip: Payslip
    name: str
    carried: Sequence[Line]
    own: Sequence[Line]


@pages.get("/payslips/me/<day>")
@signed_in
def mine(day: str) -> str:
    """My pay slip of a day."""
    return _page(current_user.user_id, day, "me")


@pages.get("/payslips/me/<day>.pdf")
@signed_in
def my_pdf(day: str) -> Response:
    """My pay slip of a day as PDF."""
    return _pdf(current_user.user_id, day)


@pages.get("/payslips/<user_id>/<day>")
@signed_in
def one(user_id: str, day: str) -> str:
    """A popug's pay slip of a day."""
    return _page(user_id, day, user_id)


@pages.get("/payslips/<user_id>/<day>.pdf")
@signed_in
def one_pdf(user_id: str, day: str) -> Response:
    """A popug's pay slip of a day as PDF."""
    return _pdf(user_id, day)


def _page(user_id: str, day: str, whose: str) -> str:
    return render_template(
        "accounts/payslip.html", sheet=_sheet(_slip(user_id, day)), whose=whose, languages=LANGUAGES
    )


def _pdf(user_id: str, day: str) -> Response:
    # The library takes a second to load, and few ask for it.
    from accounts import payslip_pdf  # noqa: PLC0415

    slip = _slip(user_id, day)
    wanted = request.args.get("language") or language()
    if wanted not in LANGUAGES:
        codes = ", ".join(LANGUAGES)
        raise Problem(422, _("Choose one of these languages: %(codes)s.", codes=codes))
    with force_locale(wanted):
        content = payslip_pdf.write(_sheet(slip), wanted, runtime.clock.now())
    name = f"payslip-{slip.day}-{wanted}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, content_type=PDF, headers=headers)


def _slip(user_id: str, day: str) -> Payslip:
    wanted = read_day(day)
    if not payslips.may_see(user_id, current_user.user_id, current_user.role in BOOKKEEPERS):
        raise NoPayslip(user_id)
    return query(payslips.payslip, user_id, wanted)


def _sheet(slip: Payslip) -> Sheet:
    titles = task_titles(runtime.remote, [entry.task_id for entry in slip.entries])
    people = [slip.user_id, *(entry.made_by for entry in slip.entries)]
    names = person_names(runtime.remote, people)

    def line(entry: Entry) -> Line:
        return Line(
            words.what(entry, titles),
            words.why(entry, names),
            entry.occurred_at,
            entry.sum,
            slip.own_days.get(entry.transaction_id),
        )

    return Sheet(
        slip,
        names[slip.user_id],
        [line(entry) for entry in slip.carried],
        [line(entry) for entry in slip.own],
    )
