"""Settings: read from the environment once, typed, refused with a sentence when wrong."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "POPUG_"
DATABASES = frozenset({"sqlite", "mysql+pymysql", "mariadb+pymysql"})
# Their URLs may hold a password, so a refusal does not repeat them.
MAY_HOLD_PASSWORDS = frozenset({"database_url", "broker_url", "smtp_url"})


class SettingsRefused(Exception):
    """The environment holds something that cannot be used; the text says what to do."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except Exception as unknown:  # zoneinfo raises five kinds of error for a bad name
        raise ValueError(
            "is not a time zone of the IANA database; write it like Europe/Moscow"
        ) from unknown
    return name


class Settings(BaseModel):
    """Everything that can be set, and its default.

    `database_url` and `service_url` hold `{service}`, which stands for the service's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Path("var")
    database_url: str = ""
    broker_url: str = ""
    service_url: str = ""
    keys_dir: Path | None = None
    public_url: str = "http://127.0.0.1:8000"
    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    smtp_url: str = ""
    mail_from: str = "popug@localhost"
    gateway: Literal["sandbox"] = "sandbox"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"

    @field_validator("public_url", "service_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _is_known_and_names_the_service(cls, value: str) -> str:
        try:
            known = not value or make_url(value).drivername in DATABASES
        except (ArgumentError, ValueError):
            known = False
        if not known:
            raise ValueError(f"must start with one of {', '.join(sorted(DATABASES))} and ://")
        if value and "{service}" not in value:
            raise ValueError(
                "must hold {service}, because each service has a database of its own: "
                "mysql+pymysql://popug_{service}@host/popug_{service}"
            )
        return value

    @field_validator("broker_url")
    @classmethod
    def _is_known_broker(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("amqp", "amqps"):
            raise ValueError("must start with amqp:// or amqps:// (or be empty: in-process)")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_smtp(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("smtp", "smtps"):
            raise ValueError("must start with smtp:// or smtps://")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone, in which business days run."""
        return ZoneInfo(self.timezone)

    @property
    def secure(self) -> bool:
        """Whether browsers reach the system over https."""
        return self.public_url.startswith("https://")

    @property
    def embedded(self) -> bool:
        """Whether all of it stands on files in `data` and needs no server."""
        return not self.database_url and not self.broker_url

    def database_for(self, service: str) -> str:
        """The SQLAlchemy URL of a service's database."""
        if self.database_url:
            return self.database_url.replace("{service}", service)
        return f"sqlite:///{self.data.resolve()}/{service}.db"

    @property
    def keys(self) -> Path:
        """The folder of the signing and card keys."""
        return self.keys_dir or self.data / "keys"


def load_settings(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings from `environment` (default: the process's own).

    Raises SettingsRefused with one line per wrong value.
    """
    environment = os.environ if environment is None else environment
    known = {f"{PREFIX}{name}".upper(): name for name in Settings.model_fields}
    unknown = [n for n in environment if n.startswith(PREFIX) and n.upper() not in known]
    if unknown:
        raise SettingsRefused(
            f"{', '.join(sorted(unknown))}: no such setting; known are {', '.join(sorted(known))}"
        )
    values = {field: environment[n] for n, field in known.items() if n in environment}
    try:
        return Settings.model_validate(values | overrides)
    except ValidationError as refused:
        lines = [
            f"{_assignment(str(e['loc'][0]), e['input'])}: {e['msg'].removeprefix('Value error, ')}"
            for e in refused.errors()
        ]
        # Not `from refused`: the text of that error repeats every value.
        raise SettingsRefused("\n".join(lines)) from None


def _assignment(field: str, value: object) -> str:
    name = f"{PREFIX}{field.upper()}"
    return name if field in MAY_HOLD_PASSWORDS else f"{name}={value!r}"
