"""PostgreSQL's errors in our words, by their codes; the server's own words may hold values."""

from __future__ import annotations

from crm_health.errors import (
    AuthError,
    BrokenInvariant,
    Busy,
    ConfigError,
    CrmHealthError,
    LocalIOError,
    StateError,
    Unavailable,
)

#: How long a transaction waits for others' locks.
BUSY_SECONDS = 30.0

_AWAY = "the database of the state {name} is away ({why}): run again later"

# SQLSTATE, or its first two characters: the longer one counts.
_BY_CODE: dict[str, tuple[type[CrmHealthError], str, str]] = {
    "08": (Unavailable, "CH-DBAWAY", _AWAY),
    "53": (Unavailable, "CH-DBAWAY", _AWAY),
    "53100": (LocalIOError, "CH-FULL", "can't write the state {name}: the server's disk is full"),
    "57": (Unavailable, "CH-DBAWAY", _AWAY),
    "25P03": (Unavailable, "CH-DBAWAY", _AWAY),
    "25006": (
        LocalIOError,
        "CH-IO",
        "can't write the state {name}: the database is read-only (a standby, or made so)",
    ),
    "58": (LocalIOError, "CH-IO", "the server can't read or write the state {name} ({why})"),
    "XX": (
        StateError,
        "CH-STATE",
        "the state {name} is damaged ({why}): restore it, or name another schema: a sync fills it",
    ),
    "42P01": (
        Unavailable,
        "CH-DBAWAY",
        (
            "the state {name} lacks a table: a temporary one goes with its connection, so run "
            "again; if it still does, name another schema: a sync fills it"
        ),
    ),
    "3F": (
        StateError,
        "CH-STATE",
        "the schema of the state {name} is gone: run again, and it is made anew from the CRM",
    ),
    **dict.fromkeys(
        ("40001", "40P01", "55P03"),
        (
            Busy,
            "CH-LOCKED",
            "another process has been writing to the state {name} for half a minute: try later",
        ),
    ),
    "28": (
        AuthError,
        "CH-DBLOGIN",
        "the database of the state {name} refuses the login of DATABASE_URL",
    ),
    "3D": (
        ConfigError,
        "CH-DBNAME",
        "the server has no such database: {name}; create it, or mend DATABASE_URL",
    ),
    # Ours, for what the driver has no code for.
    "TLS": (
        ConfigError,
        "CH-DBTLS",
        "no connection to {name} as secure as DATABASE_URL asks for ({why}): docs/postgresql.md",
    ),
    "42501": (
        AuthError,
        "CH-DBRIGHTS",
        "the user of DATABASE_URL lacks a right in the state {name}: see docs/postgresql.md",
    ),
}
# The server gives no code for a session that never began, only words.
_BY_WORDS = {
    "authentication failed": "28",
    "no password supplied": "28",
    "no pg_hba.conf entry": "28",
    "permission denied for database": "42501",
    "is not permitted to log in": "28",
    "root certificate file": "TLS",
    "certificate verify failed": "TLS",
    "does not match host name": "TLS",
    "does not support SSL": "TLS",
    "starting up": "57",
    "shutting down": "57",
    "too many": "53",
    "remaining connection slots": "53",
}
_WHY = {
    "refused": "it refuses connections",
    "No such file or directory": "nothing listens there",
    "timeout expired": "no answer",
    "timed out": "no answer",
    "resolve host": "no such host is known",
    "starting up": "it is starting",
    "shutting down": "it is shutting down",
    "too many": "it has no connection left",
    "remaining connection slots": "it has no connection left",
    "root certificate file": "its file with root certificates is not there",
    "certificate verify failed": "no root certificate vouches for the server",
    "does not match host name": "the certificate is another host's",
    "does not support SSL": "the server offers none",
    "closed unexpectedly": "it broke off the connection",
    "closed the connection": "it broke off the connection",
    "SYSCALL": "the connection broke",
    "SSL": "no secure connection",
}


def translate(error: BaseException, name: str) -> CrmHealthError:
    """Our error for what the driver raised, without a word of the data.

    Args:
        error: Of psycopg, or of SQLAlchemy around one.
        name: Of the state, for people.
    """
    if isinstance(error, CrmHealthError):
        return error
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlstate", None)
    words = str(cause) if code is None else ""
    if code is None:
        code = next((c for word, c in _BY_WORDS.items() if word in words), None)
        if code is None and "does not exist" in words:
            code = "28" if "role " in words else "3D"
    if code is None and type(cause).__name__ in {"OperationalError", "InterfaceError"}:
        code = "08"
    kind, short, text = _BY_CODE.get(code or "", _BY_CODE.get((code or "")[:2], _REFUSED))
    why = next((why for word, why in _WHY.items() if word in words), type(cause).__name__)
    return kind(text.format(name=name, why=why), code=short)


_REFUSED: tuple[type[CrmHealthError], str, str] = (
    BrokenInvariant,
    "CH-SQL",
    "the state {name} refused a statement: {why}",
)
