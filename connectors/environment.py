"""What the settings of every connector need: secrets from files, and the one exception to https."""

from __future__ import annotations

import re
import stat
from os import fstat
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from crm_health.errors import ConfigError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def is_plain_loopback(value: str) -> bool:
    """Whether it is `http://127.0.0.1:PORT` or the like, and nothing more."""
    if re.search(r"[\s\\%#?]", value) or not value.isascii():
        return False
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "http"
        and parts.hostname in _LOOPBACK
        and "@" not in parts.netloc
        and port is not None
        and parts.path in ("", "/")
    )


def secret(value: SecretStr | None, file: Path | None, variable: str, code: str) -> str:
    """A secret, from the environment or from a file; empty where neither is given.

    Args:
        value: what the environment holds.
        file: where it stands otherwise.
        variable: the full name of the variable that names the file, for messages.
        code: of the errors.

    Raises:
        ConfigError: the file can't be read, or others may read it.
    """
    if value is not None:
        return value.get_secret_value()
    if file is None:
        return ""
    try:
        # One descriptor for check and read, so that nobody swaps the file in between.
        with file.open(encoding="utf-8") as opened:
            if stat.S_IMODE(fstat(opened.fileno()).st_mode) & 0o077:
                raise ConfigError(
                    f"{variable}: others may read this file; run chmod 600 on it.", code=code
                )
            return opened.read().strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{variable}: the file can't be read.", code=code) from None
