"""What closed tasks of ours said when they were last asked.

BottleCRM shows custom fields one task at a time, and closed tasks only become more. So what one
said is noted, and it is not asked again while its row in the list stays the same, we write nothing
to it, and a week or two have not passed: somebody may have edited what the list hides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any
from zlib import crc32

import orjson

from crm_health.connector import Notes

_NOTE, _VERSION = "bottlecrm.closed", 1
#: Days; each task has a number of its own, so that they do not all come due at once.
_LEAST, _SPREAD = 7, 7

Values = Mapping[str, str | None]


class Closed:
    """The notes, during one read.

    Args:
        notes: where they are kept. Where they are lost all is asked again.
        asked: the fields that are noted, which the list does not show.
        day: today, as a number.
    """

    def __init__(self, notes: Notes, asked: tuple[str, ...], day: int) -> None:
        self._notes, self._asked, self._day = notes, list(asked), day
        held = _held(notes)
        self._known = held["tasks"] if held["asked"] == self._asked else {}
        self._met: dict[str, list[Any]] = {}

    def recall(self, row: Values) -> Values | None:
        """What a closed task of the list said; None where it must be asked."""
        row_id = str(row["id"])
        noted = self._known.get(row_id)
        if noted is None or noted[0] != _digest(row):
            return None
        if not 0 <= self._day - noted[1] < _LEAST + crc32(row_id.encode()) % _SPREAD:
            return None
        self._met[row_id] = noted
        return dict(zip(self._asked, noted[2], strict=True))

    def learn(self, row: Values, told: Values) -> None:
        """Note what a closed task of the list said just now."""
        values = [told[path] for path in self._asked]
        self._met[str(row["id"])] = [_digest(row), self._day, values]

    def keep(self) -> None:
        """At the end of the list: what was not met is forgotten."""
        if self._met != self._known:
            _keep(self._notes, self._asked, self._met)


def forget(notes: Notes, ids: Iterable[str]) -> None:
    """Have these asked again: they are about to be written."""
    held, gone = _held(notes), set(ids)
    if not gone.isdisjoint(held["tasks"]):
        left = {row_id: one for row_id, one in held["tasks"].items() if row_id not in gone}
        _keep(notes, held["asked"], left)


def _digest(row: Values) -> str:
    return sha256(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _keep(notes: Notes, asked: list[str], tasks: Mapping[str, object]) -> None:
    notes.set(_NOTE, orjson.dumps({"v": _VERSION, "asked": asked, "tasks": tasks}).decode())


def _held(notes: Notes) -> dict[str, Any]:
    told = notes.get(_NOTE)
    held = orjson.loads(told) if told else {}
    # Of another version nothing is known.
    return held if held.get("v") == _VERSION else {"asked": [], "tasks": {}}
