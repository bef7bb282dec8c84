"""The one error the sandbox raises on purpose: an answer on the wire, not a bug."""

from __future__ import annotations

from collections.abc import Sequence


class WireError(Exception):
    """A refusal the emulated service would give.

    Args:
        status: HTTP status of a whole-request refusal (per-record errors ignore it).
        code: the service's error code, such as ``INVALID_FIELD``.
        message: the text a client sees.
        fields: names of the fields at fault, empty when the service names none.
    """

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] = ()) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = list(fields)
