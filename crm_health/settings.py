"""What the environment says: which CRM, where config and state are, how much to log.

No secrets: each connector reads its own, under its own prefix.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from crm_health.errors import ConfigError

PREFIX = "CRM_HEALTH_"

LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """The variables `CRM_HEALTH_*`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True
    )

    #: The connector's name.
    crm: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "salesforce"
    #: Folder of `<crm>.yaml`, `model.yaml`, `playbook.yaml`; ours stand in for those it lacks.
    config: Path | None = None
    #: The local database file.
    state: Path | None = None
    #: Most API calls of one run.
    max_calls: Annotated[int, Field(ge=1)] | None = None
    #: JSON log lines on stderr from this level on.
    log_level: LogLevel | None = None

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
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = [
            f"{PREFIX}{str(detail['loc'][0]).upper()}: {detail['msg'][:1].lower()}"
            f"{detail['msg'][1:]}"
            for detail in error.errors(include_input=False, include_context=False)
        ]
        raise ConfigError("; ".join(wrong) + ". Nothing was run.", code="CH-SETTINGS") from None
