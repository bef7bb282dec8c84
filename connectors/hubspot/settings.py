"""How to reach one HubSpot account: read from the environment, checked before the first call.

The token is that of a service key or of a private app; it comes from the environment or from a
file that only its owner can read.
"""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.environment import is_plain_loopback, secret
from connectors.hubspot.limiter import SEARCHES
from connectors.hubspot.paths import Paths
from crm_health.errors import ConfigError

PREFIX = "CRM_HEALTH_HUBSPOT_"
HOST = "https://api.hubapi.com"

_CODE = "CH-HS-SETTINGS"
#: What can stand in a header: a token with a line break would be two headers.
_TOKEN = re.compile(r"[!-~]{8,2000}", re.ASCII)


class Settings(BaseSettings):
    """The variables `CRM_HEALTH_HUBSPOT_*`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    token: SecretStr | None = None
    token_file: Path | None = None
    #: What `setup` uses, where the token of every day lacks the scopes for it.
    setup_token: SecretStr | None = None
    setup_token_file: Path | None = None
    #: Plain http to a CRM on this machine: nothing else.
    base_url: str = ""
    #: Share of an object's rows that must have changed for the whole list to be cheaper than a
    #: read of those rows.
    list_from: float = Field(default=0.5, gt=0, le=1)
    #: Days between whole lists of an object: associations may change without moving its date.
    list_days: float = Field(default=7, ge=0)
    #: Days between lists of archived records, which no search finds.
    archived_days: float = Field(default=7, ge=0)
    #: Searches a second: the account has five, which it shares with all of its other apps.
    searches: int = Field(default=SEARCHES, ge=1)
    #: Where tasks take no unique property. Seconds between writing a claim and reading it back:
    #: longer than any sync of this account takes to read the claims and write its own.
    claim_wait: float = Field(default=10, gt=0, le=60)
    #: Seconds after which a task that was claimed and can't be seen was never made. A creation is
    #: given up after half of it; no call takes the other half.
    claim_horizon: float = Field(default=900, ge=600, le=86_400)

    @field_validator("base_url")
    @classmethod
    def _loopback_only(cls, value: str) -> str:
        if value and not is_plain_loopback(value):
            raise ValueError("may only be http://127.0.0.1:PORT, for a CRM on this machine")
        return value.removesuffix("/")

    @property
    def host(self) -> str:
        """Scheme and host that every call goes to."""
        return self.base_url or HOST

    @property
    def bearer(self) -> str:
        """The token.

        Raises:
            ConfigError: there is none, its file can't be read, or it is no token.
        """
        value = secret(self.token, self.token_file, f"{PREFIX}TOKEN_FILE", _CODE)
        if not _TOKEN.fullmatch(value):
            raise ConfigError(f"{PREFIX}TOKEN holds no token.", code=_CODE)
        return value

    def as_admin(self) -> Settings:
        """The same account with the token meant for `setup`, where there is one."""
        if not self.setup_token and not self.setup_token_file:
            return self
        update = {"token": self.setup_token, "token_file": self.setup_token_file}
        return self.model_copy(update=update)


def load(api_version: str, *, admin: bool = False) -> Settings:
    """Read and check the settings.

    Raises:
        ConfigError: naming every variable that is missing or wrong, never its value.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = [
            f"{PREFIX}{str(e['loc'][0]).upper()} {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors(include_input=False, include_context=False)
        ]
        raise ConfigError("; ".join(wrong), code=_CODE) from None
    if admin:
        settings = settings.as_admin()
    if settings.token is None and settings.token_file is None:
        raise ConfigError(
            f"HubSpot needs {PREFIX}TOKEN or {PREFIX}TOKEN_FILE: set it in the environment.",
            code=_CODE,
        )
    Paths(api_version)
    # A file that can't be read is found out now, not at the first call.
    _ = settings.bearer
    return settings
