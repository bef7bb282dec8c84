"""CSV files as they are: every cell as text, so that nothing is lost before it is looked at."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Texts:
    """A file's cells as text, null where missing, and what its header is like."""

    frame: pl.DataFrame
    #: The header begins with a byte order mark, which would else be part of the first name.
    marked: bool
    #: Names that stand in the header more than once.
    twice: tuple[str, ...]


def read(path: Path, columns: Sequence[str], missing: Collection[str] = ()) -> Texts:
    """Read the columns named, and no others, of a plain or gzipped CSV file.

    Args:
        path: The file.
        columns: Of a name that stands twice, the first is meant.
        missing: Cells that mean "not known", beside the empty one.

    Raises:
        polars.exceptions.PolarsError: it is no such CSV.
        OSError: it cannot be read.
    """
    raw = path.read_bytes()
    if raw.startswith(_GZIP):
        raw = gzip.decompress(raw)
    header = raw[:65536].removeprefix(_BOM).split(b"\n", 1)[0].decode(errors="replace")
    names = [name.strip().strip('"') for name in header.split(",")]
    frame = pl.read_csv(
        raw, columns=list(columns), infer_schema=False, null_values=["", *sorted(missing)]
    )
    twice = tuple(dict.fromkeys(name for name in names if names.count(name) > 1))
    return Texts(frame.select(columns), raw.startswith(_BOM), twice)


def unread(texts: pl.DataFrame, typed: pl.DataFrame, columns: Sequence[str]) -> int:
    """Cells that hold something which `typed`, the same rows, could not read as its type."""
    return sum(int((texts[name].is_not_null() & typed[name].is_null()).sum()) for name in columns)


def held(frame: pl.DataFrame, columns: Sequence[str]) -> int:
    """Cells of these columns that hold something."""
    return sum(frame.height - frame[name].null_count() for name in columns)


def count(frame: pl.DataFrame, condition: pl.Expr) -> int:
    """Rows for which the condition holds."""
    return int(frame.select(condition.fill_null(False).sum()).item())
