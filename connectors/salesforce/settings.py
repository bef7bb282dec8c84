"""How to reach one Salesforce org: read from the environment, checked before the first call.

Secrets come from the environment or from a file that only its owner can read; never from a
command line or a configuration file.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.environment import is_plain_loopback, secret
from crm_health.errors import ConfigError

PREFIX = "CRM_HEALTH_SALESFORCE_"
#: The last API version whose SOAP login still works.
LEGACY_LIMIT = 64

_LABEL = r"(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"login|test|(?:{_LABEL}\.){{1,3}}my", re.ASCII)
_AUDIENCE = re.compile(r"(?:https://)?(login|test)(?:\.salesforce\.com)?", re.ASCII)


class Login(StrEnum):
    """The ways to log in; the first that the settings allow is taken."""

    JWT = "jwt"
    CLIENT_CREDENTIALS = "client_credentials"
    LEGACY = "legacy"


class Settings(BaseSettings):
    """The variables `CRM_HEALTH_SALESFORCE_*`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    #: My Domain without `.salesforce.com`, e.g. `acme.my`.
    domain: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    username: str = ""
    private_key: SecretStr | None = None
    private_key_file: Path | None = None
    #: Who a JWT is meant for: `login` for production, `test` for a Salesforce sandbox.
    audience: str = "login"
    #: `legacy` allows the SOAP login with a password, which Salesforce is switching off.
    login: str = ""
    password: SecretStr | None = None
    security_token: SecretStr | None = None
    #: Plain http to a CRM on this machine: nothing else.
    base_url: str = ""
    #: `setup` runs as an administrator, and gives the rights to this user (default: itself).
    setup_client_id: str = ""
    setup_client_secret: SecretStr | None = None
    setup_client_secret_file: Path | None = None
    sync_user: str = ""
    #: From so many rows on an object is read by a Bulk job; 0 for never. REST takes a call for
    #: 2,000 rows, a job one to make it, one a page and one for each look at it: with half a dozen
    #: looks it saves calls, and makes up for the time it waits, from here on.
    bulk_from: int = Field(default=20_000, ge=0)
    #: Rows of a page of a job's results. Fewer take less memory and more calls.
    bulk_page: int = Field(default=50_000, ge=100, le=1_000_000)
    #: From so many rows alike on updates and upserts go by a Bulk job; 0 for never. It is where
    #: Salesforce itself draws the line: ten calls of Collections, or the half dozen of a job.
    bulk_write_from: int = Field(default=2_000, ge=0)

    @field_validator("domain")
    @classmethod
    def _my_domain(cls, value: str) -> str:
        if not value:
            return value
        bare = value.removeprefix("https://").removesuffix(".salesforce.com")
        if not _DOMAIN.fullmatch(bare):
            raise ValueError("must be your My Domain, such as acme.my")
        return bare

    @field_validator("audience")
    @classmethod
    def _known_audience(cls, value: str) -> str:
        match = _AUDIENCE.fullmatch(value)
        if not match:
            raise ValueError("must be login or test")
        return match.group(1)

    @field_validator("login")
    @classmethod
    def _known_login(cls, value: str) -> str:
        if value not in ("", Login.LEGACY):
            raise ValueError("must be empty or legacy")
        return value

    @field_validator("base_url")
    @classmethod
    def _loopback_only(cls, value: str) -> str:
        if value and not is_plain_loopback(value):
            raise ValueError("may only be http://127.0.0.1:PORT, for a CRM on this machine")
        return value.removesuffix("/")

    @property
    def way(self) -> Login:
        """The login that these settings allow."""
        if self.login == Login.LEGACY:
            return Login.LEGACY
        if self.private_key or self.private_key_file:
            return Login.JWT
        return Login.CLIENT_CREDENTIALS

    @property
    def secret(self) -> str:
        """The client secret, from the environment or its file."""
        return _secret(self.client_secret, self.client_secret_file, "CLIENT_SECRET_FILE")

    @property
    def key(self) -> str:
        """The private key of the JWT login: RSA, PEM, without a password of its own."""
        key = _secret(self.private_key, self.private_key_file, "PRIVATE_KEY_FILE")
        try:
            usable = isinstance(load_pem_private_key(key.encode(), None), RSAPrivateKey)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            usable = False
        if not usable:
            raise ConfigError(
                f"{PREFIX}PRIVATE_KEY or {PREFIX}PRIVATE_KEY_FILE must hold an RSA private key "
                "in PEM form, without a password.",
                code="CH-SF-SETTINGS",
            )
        return key

    def as_admin(self) -> Settings:
        """The same org with the credentials meant for `setup`, where there are any."""
        if not self.setup_client_id:
            return self
        return self.model_copy(
            update={
                "client_id": self.setup_client_id,
                "client_secret": self.setup_client_secret,
                "client_secret_file": self.setup_client_secret_file,
                "private_key": None,
                "private_key_file": None,
                "login": "",
            }
        )

    def missing(self) -> list[str]:
        """Names of the variables that the chosen login needs and that are not set."""
        wanted: dict[str, object] = {"DOMAIN": self.domain or self.base_url}
        if self.way is Login.LEGACY:
            wanted["USERNAME"] = self.username
            wanted["PASSWORD"] = self.password
        else:
            wanted["CLIENT_ID"] = self.client_id
        if self.way is Login.JWT:
            wanted["USERNAME"] = self.username
        elif self.way is Login.CLIENT_CREDENTIALS:
            wanted["CLIENT_SECRET"] = self.client_secret or self.client_secret_file
        return [PREFIX + name for name, value in wanted.items() if not value]


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
        raise ConfigError("; ".join(wrong), code="CH-SF-SETTINGS") from None
    if admin:
        settings = settings.as_admin()
    missing = settings.missing()
    if missing:
        raise ConfigError(
            f"Salesforce needs {', '.join(missing)}: set them in the environment.",
            code="CH-SF-SETTINGS",
        )
    if settings.way is Login.CLIENT_CREDENTIALS and settings.domain in ("login", "test"):
        raise ConfigError(
            f"{PREFIX}DOMAIN must be your My Domain (such as acme.my) for this login.",
            code="CH-SF-SETTINGS",
        )
    if not re.fullmatch(r"\d{2,3}\.0", api_version):
        raise ConfigError("api_version must look like 62.0", code="CH-SF-VERSION")
    if settings.way is Login.LEGACY and float(api_version) > LEGACY_LIMIT:
        raise ConfigError(
            f"{PREFIX}LOGIN=legacy works up to api_version {LEGACY_LIMIT}.0 only: lower it, or "
            "use an external client app (client credentials or JWT).",
            code="CH-SF-LEGACY",
        )
    # A file that can't be read is found out now, not at the first call.
    if settings.way is Login.JWT:
        _ = settings.key
    elif settings.way is Login.CLIENT_CREDENTIALS:
        _ = settings.secret
    return settings


def _secret(value: SecretStr | None, file: Path | None, variable: str) -> str:
    return secret(value, file, f"{PREFIX}{variable}", "CH-SF-SETTINGS")
