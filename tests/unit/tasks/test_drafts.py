"""How a title and a description are read (rule 1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.drafts import (
    ControlCharacterInDescription,
    ControlCharacterInTitle,
    DescriptionTooLong,
    Draft,
    DraftRefused,
    NoTitle,
    StrayBrackets,
    TitleTooLong,
    draft,
)


@pytest.mark.parametrize(
    ("written", "jira_id", "title"),
    [
        ("Paint the cage", None, "Paint the cage"),
        ("  Paint the cage \n", None, "Paint the cage"),
        ("[POPUG-42] Paint the cage", "POPUG-42", "Paint the cage"),
        ("[POPUG-42]Paint the cage", "POPUG-42", "Paint the cage"),
        ("  [P2-7]   Paint", "P2-7", "Paint"),
        ("POPUG-42 Paint", None, "POPUG-42 Paint"),
        ("Покрасить клетку 🦜", None, "Покрасить клетку 🦜"),
    ],
)
def test_a_leading_jira_id_is_taken_from_the_title(
    written: str, jira_id: str | None, title: str
) -> None:
    assert draft(written) == Draft(title, jira_id, "")


@pytest.mark.parametrize(
    "written",
    [
        "Paint [the cage]",
        "[popug-42] Paint",
        "[POPUG-] Paint",
        "[42-POPUG] Paint",
        "[POPUG-42 Paint",
        "POPUG-42] Paint",
        "[POPUG-42] [POPUG-43] Paint",
        "[POPUG-٤٢] Paint",
        "Paint [POPUG-42]",
        f"[{'P' * 31}-1] Paint",  # 33 characters are no Jira id
    ],
)
def test_any_other_bracket_is_refused(written: str) -> None:
    with pytest.raises(StrayBrackets):
        draft(written)


def test_a_jira_id_has_at_most_32_characters() -> None:
    assert draft(f"[{'P' * 30}-1] Paint").jira_id == "P" * 30 + "-1"


@pytest.mark.parametrize(
    "written", ["", "   ", "\n\t", "[POPUG-42]", "[POPUG-42]  ", "\u200b\u200b"]
)
def test_a_title_in_which_nothing_can_be_seen_is_refused(written: str) -> None:
    with pytest.raises(NoTitle):
        draft(written)


def test_a_title_may_have_200_characters_beside_its_jira_id_but_not_201() -> None:
    assert len(draft("[POPUG-42] " + "x" * 200).title) == 200
    with pytest.raises(TitleTooLong):
        draft("x" * 201)
    with pytest.raises(TitleTooLong):
        draft("x" * 10_000)


def test_a_description_may_have_5000_characters_but_not_5001() -> None:
    assert len(draft("Paint", "x" * 5_000).description) == 5_000
    with pytest.raises(DescriptionTooLong):
        draft("Paint", "x" * 5_001)


@pytest.mark.parametrize("character", ["\x00", "\n", "\x1b", "\x7f", "\x85", "\ud800"])
def test_a_title_is_text_on_one_line(character: str) -> None:
    with pytest.raises(ControlCharacterInTitle):
        draft(f"Paint{character}the cage")


def test_a_description_may_have_lines_and_they_end_in_one_way() -> None:
    assert draft("Paint", "first\r\nsecond\n\tthird").description == "first\nsecond\n\tthird"
    for character in "\x00\x1b\ud800":
        with pytest.raises(ControlCharacterInDescription):
            draft("Paint", f"a{character}b")


def test_a_refusal_names_the_field_to_change() -> None:
    for wrong, field in [(("",), "title"), (("x", "\x00"), "description")]:
        with pytest.raises(DraftRefused) as refused:
            draft(*wrong)
        assert refused.value.field == field


@given(st.text(max_size=300), st.text(max_size=50))
def test_whatever_is_written_is_refused_or_can_be_kept(title: str, description: str) -> None:
    try:
        made = draft(title, description)
    except DraftRefused:
        return
    assert 1 <= len(made.title) <= 200
    assert "[" not in made.title
    assert "]" not in made.title
    made.title.encode()
    made.description.encode()
