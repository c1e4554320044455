"""E-mail addresses: checked by the book, kept in one spelling."""

from email_validator import EmailNotValidError, validate_email

from auth.domain import BadEmail

EMAIL_MOST = 191


def clean_email(text: str) -> str:
    """The address in lower case and ASCII (IDNA). Raises BadEmail.

    Nothing is asked of the network; domains under `.test` are fine for a trial company.
    """
    try:
        found = validate_email(
            text.strip(),
            check_deliverability=False,
            test_environment=True,
            allow_smtputf8=False,
            strict=True,
        )
    except EmailNotValidError as refused:
        raise BadEmail(text[:EMAIL_MOST]) from refused
    email = (found.ascii_email or "").lower()
    if not 3 <= len(email) <= EMAIL_MOST:
        raise BadEmail(text[:EMAIL_MOST])
    return email
