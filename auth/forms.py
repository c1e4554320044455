"""The forms of auth's pages; each checks by the same rules as the commands."""

from collections.abc import Callable

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, SelectField, StringField
from wtforms.fields import Field, SelectChoice
from wtforms.validators import InputRequired, ValidationError

from auth.domain import BadEmail, BadName, BadPassword, check_password, clean_name
from auth.email_address import clean_email
from auth.refusals import refusals
from chassis.languages import LANGUAGES
from chassis.refusals import as_problem

ROLE_NAMES = [
    SelectChoice("worker", _l("worker")),
    SelectChoice("accountant", _l("accountant")),
    SelectChoice("manager", _l("manager")),
    SelectChoice("admin", _l("admin")),
]
LANGUAGE_NAMES = [SelectChoice(code, name) for code, name in LANGUAGES.items()]


def _passes(check: Callable[[str], str]) -> Callable[[FlaskForm, Field], None]:
    """A validator that refuses what the domain refuses, in the same words."""

    def validate(_form: FlaskForm, field: Field) -> None:
        try:
            field.data = check(field.data or "")
        except (BadName, BadEmail, BadPassword) as refused:
            problem = as_problem(refused, refusals)
            raise ValidationError(str(problem.detail if problem else refused)) from refused

    return validate


class _Form(FlaskForm):  # type: ignore[misc]  # the library ships no types
    """What all forms share."""


class SignInForm(_Form):
    """E-mail and password."""

    email = StringField(_l("E-mail"), [InputRequired(_l("Write your e-mail."))])
    password = PasswordField(_l("Password"), [InputRequired(_l("Write your password."))])


class LanguageForm(_Form):
    """The language of the pages."""

    language = SelectField(_l("Language"), choices=LANGUAGE_NAMES)


class OwnPasswordForm(_Form):
    """The old password and the new one."""

    old = PasswordField(_l("Old password"), [InputRequired(_l("Write your old password."))])
    new = PasswordField(
        _l("New password"),
        [_passes(check_password)],
        description=_l("At least 10 characters. Your other sessions will end."),
    )


class PersonForm(_Form):
    """What an admin says of a person who is there."""

    name = StringField(_l("Name"), [_passes(clean_name)])
    role = SelectField(_l("Role"), choices=ROLE_NAMES)
    language = SelectField(_l("Language"), choices=LANGUAGE_NAMES)
    active = BooleanField(
        _l("Active"),
        description=_l("Who is not active cannot sign in; his sessions end at once."),
    )


class SetPasswordForm(_Form):
    """A new password for somebody else."""

    password = PasswordField(
        _l("New password"),
        description=_l("At least 10 characters. Leave it empty to have one made up."),
    )

    def validate_password(self, field: Field) -> None:
        """An empty password is made up later."""
        if field.data:
            _passes(check_password)(self, field)


class NewPersonForm(SetPasswordForm):
    """What an admin says of a new person."""

    email = EmailField(_l("E-mail"), [_passes(clean_email)])
    name = StringField(_l("Name"), [_passes(clean_name)])
    role = SelectField(_l("Role"), choices=ROLE_NAMES, default="worker")
    language = SelectField(_l("Language"), choices=LANGUAGE_NAMES)
