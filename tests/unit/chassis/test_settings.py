"""Settings: typed, and refused with a sentence."""

import traceback
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chassis.settings import SettingsRefused, load_settings


def test_without_an_environment_everything_has_a_default() -> None:
    settings = load_settings({})
    assert settings.data == Path("var")
    assert settings.zone == ZoneInfo("UTC")
    assert settings.currency == "USD"
    assert settings.embedded
    assert not settings.secure


def test_the_environment_is_read_by_its_prefix() -> None:
    settings = load_settings(
        {
            "POPUG_DATA": "/srv/popug",
            "POPUG_TIMEZONE": "Europe/Moscow",
            "POPUG_PUBLIC_URL": "https://popug.example/",
            "HOME": "/root",
        }
    )
    assert settings.data == Path("/srv/popug")
    assert settings.zone == ZoneInfo("Europe/Moscow")
    assert settings.public_url == "https://popug.example"
    assert settings.secure


def test_what_a_caller_says_outweighs_the_environment() -> None:
    settings = load_settings({"POPUG_CURRENCY": "EUR"}, currency="RUB")
    assert settings.currency == "RUB"


def test_each_service_has_a_database_of_its_own() -> None:
    url = "mysql+pymysql://popug_{service}@db/popug_{service}"
    given = load_settings({"POPUG_DATABASE_URL": url})
    assert given.database_for("tasks") == "mysql+pymysql://popug_tasks@db/popug_tasks"
    default = load_settings({"POPUG_DATA": "/srv/popug"})
    assert default.database_for("auth") == "sqlite:////srv/popug/auth.db"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("POPUG_TIMEZONE", "Moscow", "is not a time zone of the IANA database"),
        ("POPUG_TIMEZONE", "../../etc/passwd", "is not a time zone of the IANA database"),
        ("POPUG_TIMEZONE", "", "is not a time zone of the IANA database"),
        ("POPUG_CURRENCY", "dollars", "POPUG_CURRENCY='dollars'"),
        ("POPUG_PUBLIC_URL", "ftp://popug", "must start with http:// or https://"),
        ("POPUG_PUBLIC_URL", "http://popug:port", "must have a port"),
        ("POPUG_PUBLIC_URL", "http://popug:99999", "must have a port"),
        ("POPUG_DATABASE_URL", "sqlite:///all.db", "must hold {service}"),
        ("POPUG_DATABASE_URL", "{service}", "must start with one of mariadb+pymysql, "),
        ("POPUG_DATABASE_URL", "postgresql://{service}@db/x", "must start with one of"),
        ("POPUG_DATABASE_URL", "mysql+pymysql://{service}@db:x/y", "must start with one of"),
        ("POPUG_BROKER_URL", "kafka://popug", "POPUG_BROKER_URL"),
        ("POPUG_SMTP_URL", "http://mail", "must start with smtp:// or smtps://"),
        ("POPUG_GATEWAY", "piggybank", "POPUG_GATEWAY='piggybank'"),
        ("POPUG_LOG_LEVEL", "LOUD", "POPUG_LOG_LEVEL='LOUD'"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        load_settings({name: value})
    assert sentence in str(refused.value)
    assert name in str(refused.value)


YOOKASSA = {
    "POPUG_GATEWAY": "yookassa",
    "POPUG_CURRENCY": "RUB",
    "POPUG_YOOKASSA_AGENT_ID": "500000",
    "POPUG_YOOKASSA_SECRET": "test_s3cret",
}


def test_yookassa_pays_in_roubles_only() -> None:
    assert load_settings(YOOKASSA).currency == "RUB"
    for currency in ({"POPUG_CURRENCY": "USD"}, {}):
        others = {name: value for name, value in YOOKASSA.items() if name != "POPUG_CURRENCY"}
        with pytest.raises(SettingsRefused, match="POPUG_GATEWAY='yookassa': pays in roubles"):
            load_settings(others | currency)


@pytest.mark.parametrize("url", ["http://api.yookassa.ru/v3", "http://127.0.0.1.example/v3"])
def test_yookassa_is_not_asked_without_tls(url: str) -> None:
    with pytest.raises(SettingsRefused, match=r"POPUG_YOOKASSA_URL.*must start with https"):
        load_settings({"POPUG_YOOKASSA_URL": url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v3", "http://localhost/v3", "http://[::1]"])
def test_a_yookassa_of_ones_own_machine_may_do_without_tls(url: str) -> None:
    assert load_settings({"POPUG_YOOKASSA_URL": url}).yookassa_url == url


def test_yookassa_is_not_chosen_without_its_keys() -> None:
    chosen = {name: value for name, value in YOOKASSA.items() if name != "POPUG_YOOKASSA_SECRET"}
    with pytest.raises(SettingsRefused) as refused:
        load_settings(chosen)
    sentence = "POPUG_YOOKASSA_SECRET: must be given with POPUG_GATEWAY=yookassa"
    assert str(refused.value) == sentence
    settings = load_settings(chosen | {"POPUG_YOOKASSA_SECRET": "test_s3cret"})
    assert settings.yookassa_url == "https://api.yookassa.ru/v3"
    assert "s3cret" not in repr(settings)


def test_a_misspelt_name_is_refused_and_the_known_ones_are_told() -> None:
    with pytest.raises(SettingsRefused) as refused:
        load_settings({"POPUG_TIMEZON": "UTC"})
    assert "POPUG_TIMEZON: no such setting" in str(refused.value)
    assert "POPUG_TIMEZONE" in str(refused.value)


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(SettingsRefused) as refused:
        load_settings({"POPUG_CURRENCY": "x", "POPUG_TIMEZONE": "y"})
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("name", ["POPUG_DATABASE_URL", "POPUG_SMTP_URL", "POPUG_BROKER_URL"])
def test_a_refused_url_is_not_repeated_because_it_may_hold_a_password(name: str) -> None:
    environment = {name: "http://popug:s3cret@server/popug"}
    with pytest.raises(SettingsRefused) as refused:
        load_settings(environment)
    assert str(refused.value).startswith(f"{name}: must ")
    assert "s3cret" not in "".join(traceback.format_exception(refused.value))


def test_a_bank_elsewhere_needs_the_key_that_it_knows() -> None:
    bank = {"POPUG_BANK_URL": "http://bank:8090"}
    with pytest.raises(SettingsRefused, match="POPUG_BANK_KEY: must be given with POPUG_BANK_URL"):
        load_settings(bank)
    assert load_settings(bank | {"POPUG_BANK_KEY": "k"}).bank_url == "http://bank:8090"
    assert load_settings({}).bank_key == ""
