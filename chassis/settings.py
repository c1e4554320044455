"""Settings: read from the environment once, typed, refused with a sentence when wrong."""

import os
import re
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from chassis.setting_files import FileRefused, with_files

PREFIX = "POPUG_"
DATABASES = frozenset({"sqlite", "mysql+pymysql", "mariadb+pymysql"})
# A user of MySQL or MariaDB, with the hosts that he may come from; nothing to be quoted.
ACCOUNT = re.compile(r"[A-Za-z0-9_.-]*\{service\}[A-Za-z0-9_.-]*(@[A-Za-z0-9_.:%-]+)?")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Their URLs may hold a password, so a refusal does not repeat them.
MAY_HOLD_PASSWORDS = frozenset(
    {"database_url", "broker_url", "smtp_url", "bank_key", "yookassa_secret"}
)


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

    `database_url`, `database_user` and `service_url` hold `{service}`, which stands for the
    service's name. `database_user`: whom a migration grants the service's rights to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Path("var")
    database_url: str = ""
    database_user: str = ""
    broker_url: str = ""
    service_url: str = ""
    keys_dir: Path | None = None
    public_url: str = "http://127.0.0.1:8000"
    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    smtp_url: str = ""
    mail_from: str = "popug@localhost"
    keep_sent_days: int = Field(14, ge=1, le=3_650)
    gateway: Literal["sandbox", "yookassa"] = "sandbox"
    gateway_patience_seconds: float = Field(10.0, gt=0, le=60)
    gateway_key_seconds: int = Field(86_400, ge=60)
    bank_url: str = ""
    bank_key: str = Field("", repr=False, validate_default=True)
    bank_webhook_url: str = ""
    yookassa_agent_id: str = Field("", pattern=r"^[A-Za-z0-9_-]*$", validate_default=True)
    yookassa_secret: str = Field("", repr=False, validate_default=True)
    yookassa_url: str = "https://api.yookassa.ru/v3"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"

    @field_validator("public_url", "service_url", "bank_url", "bank_webhook_url", "yookassa_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("must start with http:// or https://")
        try:
            _ = urlsplit(value).port
        except ValueError as no_number:
            raise ValueError("must have a port from 0 to 65535, or none") from no_number
        return value.rstrip("/")

    @field_validator("gateway")
    @classmethod
    def _pays_in_the_currency(cls, value: str, others: ValidationInfo) -> str:
        if value == "yookassa" and others.data.get("currency") not in (None, "RUB"):
            raise ValueError("pays in roubles only: set POPUG_CURRENCY=RUB")
        return value

    @field_validator("yookassa_url")
    @classmethod
    def _keeps_secrets_on_the_way(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme == "http" and url.hostname not in LOOPBACK:
            raise ValueError("must start with https://: card numbers and the secret go there")
        return value

    @field_validator("bank_key")
    @classmethod
    def _is_there_for_a_bank_elsewhere(cls, value: str, others: ValidationInfo) -> str:
        if not value and others.data.get("bank_url"):
            raise ValueError("must be given with POPUG_BANK_URL, the same as that bank's")
        return value

    @field_validator("yookassa_agent_id", "yookassa_secret")
    @classmethod
    def _is_there_for_its_gateway(cls, value: str, others: ValidationInfo) -> str:
        if not value and others.data.get("gateway") == "yookassa":
            raise ValueError("must be given with POPUG_GATEWAY=yookassa")
        return value

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

    @field_validator("database_user")
    @classmethod
    def _is_one_user_for_each_service(cls, value: str, others: ValidationInfo) -> str:
        if not value:
            return value
        if not ACCOUNT.fullmatch(value):
            raise ValueError(
                "must hold {service}, because each service has a user of its own: popug_{service} "
                "(from anywhere) or popug_{service}@10.0.0.%"
            )
        if not others.data.get("database_url"):
            raise ValueError("needs POPUG_DATABASE_URL: SQLite has no users")
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
    def port_suffix(self) -> str:
        """`_8000` where browsers reach the system at a port, else nothing; for names of cookies."""
        port = urlsplit(self.public_url).port
        return f"_{port}" if port else ""

    @property
    def embedded(self) -> bool:
        """Whether all of it stands on files in `data` and needs no server."""
        return not self.database_url and not self.broker_url

    def database_for(self, service: str) -> str:
        """The SQLAlchemy URL of a service's database."""
        if self.database_url:
            return self.database_url.replace("{service}", service)
        return f"sqlite:///{self.data.resolve()}/{service}.db"

    def database_user_for(self, service: str) -> str:
        """Whom a migration of this service's database gives rights to; empty: nobody."""
        return self.database_user.replace("{service}", service)

    @property
    def keys(self) -> Path:
        """The folder of the signing and card keys."""
        return self.keys_dir or self.data / "keys"


def load_settings(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings from `environment` (default: the process's own).

    `<NAME>_FILE` names a file that holds the value of `<NAME>`. Raises SettingsRefused
    with one line per wrong value.
    """
    known = {f"{PREFIX}{name}".upper(): name for name in Settings.model_fields}
    given = os.environ if environment is None else environment
    try:
        environment = with_files(given, known)
    except FileRefused as refused:
        raise SettingsRefused(str(refused)) from None
    unknown = [n for n in environment if n.startswith(PREFIX) and n.upper() not in known]
    if unknown:
        raise SettingsRefused(
            f"{', '.join(sorted(unknown))}: no such setting; known are {', '.join(sorted(known))}"
        )
    values = {field: environment[n] for n, field in known.items() if n in environment}
    try:
        return Settings.model_validate(values | overrides)
    except ValidationError as refused:
        from_files = {field for name, field in known.items() if name not in given}
        silent = MAY_HOLD_PASSWORDS | (from_files - overrides.keys())
        lines = [
            f"{_assignment(str(e['loc'][0]), e['input'], silent)}: "
            f"{e['msg'].removeprefix('Value error, ')}"
            for e in refused.errors()
        ]
        # Not `from refused`: the text of that error repeats every value.
        raise SettingsRefused("\n".join(lines)) from None


def _assignment(field: str, value: object, silent: Set[str]) -> str:
    name = f"{PREFIX}{field.upper()}"
    return name if field in silent else f"{name}={value!r}"
