"""CSV as Bulk API 2.0 reads and writes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

DELIMITERS = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_BOM = "\ufeff"
_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7

# The module's own limit of 128 KiB a cell is lower than a long text's.
csv.field_size_limit(2**27)

Cell = Callable[[Any], str]


class UnreadableError(Exception):
    """An upload that is no CSV of the kind the job was created for: the job's errorMessage."""


@dataclass(frozen=True)
class Table:
    """An upload: its header line as sent, the names in it, and the rows."""

    head: str
    names: tuple[str, ...]
    rows: list[list[str]]


def write(
    rows: Iterable[Sequence[Any]], *, delimiter: str = "COMMA", line_ending: str = "LF"
) -> str:
    """Rows as CSV, every cell quoted as the service quotes it; None is the empty cell."""
    out = io.StringIO(newline="")
    csv.writer(
        out,
        delimiter=DELIMITERS[delimiter],
        lineterminator=LINE_ENDINGS[line_ending],
        quoting=csv.QUOTE_ALL,
    ).writerows(rows)
    return out.getvalue()


def read(raw: bytes, *, delimiter: str, line_ending: str) -> Table:
    """An upload's cells, nothing trimmed.

    Raises:
        UnreadableError: wrong encoding or line ending, or a row of another width than the header.
    """
    try:
        text = raw.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError:
        raise UnreadableError("ClientInputError : The data is not valid UTF-8") from None
    head, newline, _ = text.partition("\n")
    if newline and head.endswith("\r") != (line_ending == "CRLF"):
        raise UnreadableError(
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is "
            f"{line_ending}"
        )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[delimiter], strict=True)
    try:
        names, *rows = [row for row in reader if row] or [[]]
    except csv.Error as error:
        raise UnreadableError(f"InvalidBatch : Failed to parse CSV: {error}") from None
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise UnreadableError(
                f"InvalidBatch : Row {number} has {len(row)} columns, the header has {len(names)}"
            )
    return Table(head.rstrip("\r"), tuple(names), rows)


def cell_of(type_: str) -> Cell | None:
    """What turns stored values of a describe type into cells; None if they can go as they are."""
    return _CELLS.get(type_)


def _instant(value: datetime | None) -> str:
    """`2024-09-09T20:41:31.000Z`, where JSON has `+0000`. Stored instants are UTC."""
    return "" if value is None else value.isoformat(timespec="milliseconds")[:-6] + "Z"


def _boolean(value: bool | None) -> str:
    return "true" if value else "false"


def number(value: float | None) -> str:
    """A number as Java prints a double: `3.0`, and `1.0E7` from ten million on."""
    if value is None:
        return ""
    value = float(value)
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    first, *others = map(str, digits)
    power = int(exponent) + len(others)
    return f"{'-' if sign else ''}{first}.{''.join(others) or '0'}E{power}"


_CELLS: dict[str, Cell] = {
    "datetime": _instant,
    "boolean": _boolean,
    **dict.fromkeys(("double", "currency", "percent"), number),
}
