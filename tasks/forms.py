"""The form in which a person asks for a task."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, TextAreaField

from tasks.drafts import Draft, DraftRefused, draft
from tasks.refusals import problem_of


class NewTaskForm(FlaskForm):  # type: ignore[misc]
    """Title and description; `once` makes one task of a form that is sent twice."""

    title = StringField(
        _l("Title"), description=_l("A Jira id may lead it: [POPUG-42] Paint the cage")
    )
    description = TextAreaField(_l("Description"), render_kw={"rows": 3})
    once = HiddenField()

    def draft(self) -> Draft | None:
        """What is asked for; None where it is refused, with the reason beside the field."""
        try:
            return draft(self.title.data or "", self.description.data or "")
        except DraftRefused as refused:
            self[refused.field].errors = [str(problem_of(refused).detail)]
            return None
