"""Where the state is: a SQLite file, or one schema of a PostgreSQL database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import SecretStr

from crm_health.errors import ConfigError

#: The schema where none is named.
SCHEMA = "crm_health"

_SCHEMES = {"postgres", "postgresql", "postgresql+psycopg"}
# What may stand between double quotes without escapes; PostgreSQL keeps `pg_` for itself.
_SCHEMA = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class Postgres:
    """One schema of a database; its text names the place, never the login.

    Raises:
        ConfigError: the URL is not one of PostgreSQL's or names no database, or the schema's
            name is none.
    """

    url: SecretStr
    schema: str = SCHEMA

    def __post_init__(self) -> None:
        if not _SCHEMA.fullmatch(self.schema):
            raise ConfigError(
                "CRM_HEALTH_SCHEMA must be lower-case letters, digits and underscores, begin with "
                "no digit and not with pg_, and be at most 63 long. Nothing was run.",
                code="CH-SETTINGS",
            )
        try:
            parts = urlsplit(self.url.get_secret_value())
            whole = parts.scheme in _SCHEMES and len(parts.path) > 1 and parts.port != 0
            # Or a part of the password is taken for the host's name, and asked for in the DNS.
            whole = whole and parts.netloc.count("@") < 2 and "@" not in parts.path
        except ValueError:
            whole = False
        if not whole:
            # The value holds a password, so not even its beginning is repeated.
            raise ConfigError(
                "DATABASE_URL is not postgresql://<user>:<password>@<host>:<port>/<database> "
                "(characters like @ or / in the password as %40, %2F). Nothing was run.",
                code="CH-SETTINGS",
            )

    @property
    def dsn(self) -> str:
        """The URL as libpq takes it, password included."""
        _, _, rest = self.url.get_secret_value().partition("://")
        return f"postgresql://{rest}"

    @property
    def database(self) -> str:
        """The database's name."""
        return unquote(urlsplit(self.dsn).path[1:])

    def __str__(self) -> str:
        parts = urlsplit(self.dsn)
        host = parts.hostname or next(iter(parse_qs(parts.query).get("host", [])), "localhost")
        port = f":{parts.port}" if parts.port else ""
        return f"{host}{port}/{self.database}/{self.schema}"


#: Its text is a name for people.
Location = Path | Postgres
