"""How to reach one BottleCRM: read from the environment, checked before the first call.

The token is a personal access token: it acts as the person who made it, in that person's org.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.environment import is_plain_loopback, secret
from crm_health.errors import ConfigError

PREFIX = "CRM_HEALTH_BOTTLECRM_"
#: Its API bears no version; this names the release whose answers we know.
VERSION = "1"

_CODE = "CH-BC-SETTINGS"
#: What can stand in a header: a token with a line break would be two headers.
_TOKEN = re.compile(r"[!-~]{8,2000}", re.ASCII)


class Settings(BaseSettings):
    """The variables `CRM_HEALTH_BOTTLECRM_*`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    #: Scheme and host, as in `https://crm.example.com`.
    url: str = ""
    token: SecretStr | None = None
    token_file: Path | None = None
    #: What `setup` uses: only an admin's token may make custom fields.
    setup_token: SecretStr | None = None
    setup_token_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _a_host(cls, value: str) -> str:
        value = value.removesuffix("/")
        if value and not is_plain_loopback(value) and not _is_https(value):
            raise ValueError(
                "must be https://HOST (or http://127.0.0.1:PORT, for a CRM on this machine)"
            )
        return value

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
        """The same CRM with the token meant for `setup`, where there is one."""
        if not self.setup_token and not self.setup_token_file:
            return self
        update = {"token": self.setup_token, "token_file": self.setup_token_file}
        return self.model_copy(update=update)


def load(api_version: str, *, admin: bool = False) -> Settings:
    """Read and check the settings.

    Raises:
        ConfigError: naming every variable that is missing or wrong, never its value.
    """
    if api_version != VERSION:
        raise ConfigError(f'BottleCRM has one API version, "{VERSION}".', code=_CODE)
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
    missing = [] if settings.url else [f"{PREFIX}URL"]
    if settings.token is None and settings.token_file is None:
        missing.append(f"{PREFIX}TOKEN or {PREFIX}TOKEN_FILE")
    if missing:
        raise ConfigError(
            f"BottleCRM needs {' and '.join(missing)}: set it in the environment.", code=_CODE
        )
    # A file that can't be read is found out now, not at the first call.
    _ = settings.bearer
    return settings


def _is_https(value: str) -> bool:
    if re.search(r"[\s\\%#?]", value) or not value.isascii():
        return False
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    plain = parts.scheme == "https" and "@" not in parts.netloc and bool(parts.hostname)
    return plain and parts.path in ("", "/")
