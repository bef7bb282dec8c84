"""What the environment says: which CRM, where config and state are, how much to log.

One secret, the database's URL: each connector reads its own, under its own prefix.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from crm_health.errors import ConfigError
from crm_health.location import SCHEMA, Location, Postgres

PREFIX = "CRM_HEALTH_"
#: The name that platforms give it, so it has no prefix.
DATABASE = "DATABASE_URL"

LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """The variables `CRM_HEALTH_*`, and `DATABASE_URL`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    #: The connector's name.
    crm: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "salesforce"
    #: Folder of `<crm>.yaml`, `model.yaml`, `playbook.yaml`; ours stand in for those it lacks.
    config: Path | None = None
    #: The local database file.
    state: Path | None = None
    #: The PostgreSQL database that holds the state instead of a file, or a file with its URL.
    database_url: Annotated[SecretStr | None, Field(validation_alias=DATABASE)] = None
    database_url_file: Annotated[Path | None, Field(validation_alias=f"{DATABASE}_FILE")] = None
    #: The schema in that database: one for each org.
    database_schema: Annotated[str, Field(validation_alias=f"{PREFIX}SCHEMA")] = SCHEMA
    #: Where leadership hears of escalations outside the CRM as well: apprise's URLs, separated by
    #: spaces, or a file with them.
    notify: SecretStr | None = None
    notify_file: Path | None = None
    #: Most API calls of one run.
    max_calls: Annotated[int, Field(ge=1)] | None = None
    #: JSON log lines on stderr from this level on.
    log_level: LogLevel | None = None

    @property
    def location(self) -> Location:
        """Where the state is.

        Raises:
            ConfigError: a file and a database are named, or the URL can't be used.
        """
        url, named = self.database_url, DATABASE
        if self.database_url_file is not None:
            named = f"{DATABASE}_FILE"
            if url is not None:
                raise ConfigError(
                    f"{DATABASE} and {named} are both set: unset one. Nothing was run.",
                    code="CH-SETTINGS",
                )
            url = _from_file(self.database_url_file, named)
        if url is None:
            return self.state_path
        if self.state is not None:
            # Neither is the obvious one, and the wrong one would be another org's.
            raise ConfigError(
                f"{named} names a database for the state, and {PREFIX}STATE (--state) a file: "
                "unset one. Nothing was run.",
                code="CH-SETTINGS",
            )
        return Postgres(url, self.database_schema)

    @property
    def notified(self) -> SecretStr | None:
        """Where messages go, if anywhere.

        Raises:
            ConfigError: both settings are given, or the file can't be used.
        """
        if self.notify_file is None:
            return self.notify
        if self.notify is not None:
            raise ConfigError(
                f"{PREFIX}NOTIFY and {PREFIX}NOTIFY_FILE are both set: unset one. Nothing was run.",
                code="CH-SETTINGS",
            )
        return _from_file(self.notify_file, f"{PREFIX}NOTIFY_FILE")

    @property
    def state_path(self) -> Path:
        """The database file: as set, else `<crm>.db` in the user's state folder."""
        if self.state is not None:
            return self.state
        given = Path(os.environ.get("XDG_STATE_HOME", ""))
        # The XDG rules say that a relative path there is a mistake to be ignored.
        base = given if given.is_absolute() else Path.home() / ".local" / "state"
        return base / "crm-health" / f"{self.crm}.db"


def load(**given: Any) -> Settings:
    """Read the environment; what the command line gave wins, None means not given.

    Raises:
        ConfigError: naming every setting that is wrong, without its value.
    """
    try:
        found = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = [
            f"{_variable(str(detail['loc'][0]))}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
            for detail in error.errors(include_input=False, include_context=False)
        ]
        raise ConfigError("; ".join(wrong) + ". Nothing was run.", code="CH-SETTINGS") from None
    return found


def _variable(field: str) -> str:
    aliased = field.startswith((DATABASE, PREFIX))
    return field if aliased else f"{PREFIX}{field.upper()}"


def _from_file(path: Path, named: str) -> SecretStr:
    try:
        # One descriptor for check and read, so that nobody swaps the file in between.
        with path.open(encoding="utf-8") as opened:
            if stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
                raise ConfigError(
                    f"{named}: others may read {path}; run chmod 600 on it. Nothing was run.",
                    code="CH-SETTINGS",
                )
            text = opened.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{named}: can't read {path} ({type(error).__name__}). Nothing was run.",
            code="CH-SETTINGS",
        ) from None
    return SecretStr(text)
