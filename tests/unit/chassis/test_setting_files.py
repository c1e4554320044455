"""Settings given as files: `<NAME>_FILE`."""

import traceback
from pathlib import Path

import pytest

from chassis.setting_files import BYTES_MOST
from chassis.settings import Settings, SettingsRefused, load_settings

URL = "amqp://popug:s3cret@rabbitmq/popug"


def _refusal(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsRefused) as refused:
        load_settings(environment)
    assert "s3cret" not in "".join(traceback.format_exception(refused.value))
    return str(refused.value)


@pytest.mark.parametrize("content", [URL, f"{URL}\n", f"  {URL}\r\n"])
def test_a_setting_may_be_read_from_a_file(tmp_path: Path, content: str) -> None:
    file = tmp_path / "broker_url"
    file.write_text(content)
    assert load_settings({"POPUG_BROKER_URL_FILE": str(file)}).broker_url == URL


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_may_be(field: str, tmp_path: Path) -> None:
    name = f"POPUG_{field.upper()}_FILE"
    assert "cannot be read (No such file or directory)" in _refusal({name: str(tmp_path / "no")})


def test_an_empty_file_is_an_empty_value(tmp_path: Path) -> None:
    (tmp_path / "smtp_url").touch()
    assert load_settings({"POPUG_SMTP_URL_FILE": str(tmp_path / "smtp_url")}).smtp_url == ""


def test_both_ways_at_once_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "broker_url"
    file.write_text(URL)
    both = {"POPUG_BROKER_URL": URL, "POPUG_BROKER_URL_FILE": str(file)}
    assert _refusal(both) == (
        "POPUG_BROKER_URL and POPUG_BROKER_URL_FILE are both given; leave one out"
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"s3cret\xff", "is not text in UTF-8"),
        (b"s3cret\ns3cret too", "must hold one line"),
        (b"s3cret\0", "must hold one line"),
        (b"s3cret" * BYTES_MOST, "is longer than"),
    ],
)
def test_what_is_no_value_is_refused_and_not_repeated(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    refusal = _refusal({"POPUG_SMTP_URL_FILE": str(file)})
    assert refusal.startswith(f"POPUG_SMTP_URL_FILE={str(file)!r}: {sentence}")


def test_a_folder_or_an_impossible_path_is_refused_with_a_sentence(tmp_path: Path) -> None:
    assert "cannot be read (Is a directory)" in _refusal({"POPUG_SMTP_URL_FILE": str(tmp_path)})
    assert "cannot be read (is no path)" in _refusal({"POPUG_SMTP_URL_FILE": "\0"})


def test_a_wrong_value_in_a_file_is_refused_without_being_repeated(tmp_path: Path) -> None:
    for name in ("POPUG_BROKER_URL", "POPUG_DATABASE_URL", "POPUG_SMTP_URL", "POPUG_CURRENCY"):
        file = tmp_path / name
        file.write_text("http://popug:s3cret@server")
        assert _refusal({f"{name}_FILE": str(file)}).startswith(name)


def test_a_file_for_no_setting_is_refused_as_any_unknown_name() -> None:
    assert "POPUG_COLOUR_FILE: no such setting" in _refusal({"POPUG_COLOUR_FILE": "/x"})
