"""What each kind of mail says, in both languages."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from flask_babel import force_locale

from chassis.languages import LANGUAGES, speak
from mailer.domain import (
    CANCELLED_KIND,
    FAILED_KIND,
    PAID_KIND,
    PAYOUT_KIND,
    QUEUED,
    RETURNED_KIND,
    Mail,
)
from mailer.wording import Words, words
from popug.system import system

KINDS = [
    (PAYOUT_KIND, False),
    (PAYOUT_KIND, True),
    (PAID_KIND, False),
    (FAILED_KIND, False),
    (RETURNED_KIND, False),
    (CANCELLED_KIND, False),
]
NOW = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.fixture
def app() -> Iterator[Flask]:
    """Speaks both languages, with the catalogs of the system."""
    made = Flask("test", static_folder=None)
    speak(made, system.catalogs, "UTC")
    with made.app_context():
        yield made


def said(kind: str, lacks_card: bool, language: str, reason: str | None = None) -> Words:
    mail = Mail(
        id="m1", payout_id="p1", kind=kind, user_id="u1", date=date(2026, 3, 9), amount=1250,
        currency="USD", reason=reason, status=QUEUED, attempts=0, last_error=None,
        message_id="<m@popug.test>", created_at=NOW, sent_at=None, claimed_until=None,
    )  # fmt: skip
    with force_locale(language):
        return words(mail, lacks_card)


@pytest.mark.parametrize(("kind", "lacks_card"), KINDS)
def test_a_mail_in_russian_holds_no_english(app: Flask, kind: str, lacks_card: bool) -> None:
    made = said(kind, lacks_card, "ru", "card declined")
    for sentence in (made.subject, *made.paragraphs, made.link_text):
        assert not re.search("[A-Za-z]", sentence), sentence
        assert re.search("[а-я]", sentence)
        assert ".." not in sentence  # a day ends with a full stop of its own: 9 марта 2026 г.


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_subject_tells_the_kinds_apart_with_the_amount(app: Flask, language: str) -> None:
    subjects = [said(kind, lacks, language).subject for kind, lacks in KINDS]
    assert len(set(subjects)) == len(KINDS)
    assert all("12.50" in s or "12,50" in s for s in subjects)


@pytest.mark.parametrize(
    "reason", ["100 % %(day)s of the bank", "%s", "the dog ate it", "{{ 7 * 7 }}"]
)
def test_what_people_wrote_stays_as_it_is(app: Flask, reason: str) -> None:
    for language in LANGUAGES:
        made = said(CANCELLED_KIND, False, language, reason)
        assert any(line.endswith(f": {reason}") for line in made.paragraphs)


def test_without_a_reason_nothing_is_said_of_one(app: Flask) -> None:
    assert len(said(FAILED_KIND, False, "en", "no").paragraphs) == 3
    assert len(said(FAILED_KIND, False, "en").paragraphs) == 2
    # A catalog keeps its own head under the empty text.
    assert len(said(FAILED_KIND, False, "en", "").paragraphs) == 2
