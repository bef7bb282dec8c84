"""How far a read has come: rows seen of each part of a list, and the last of each.

BottleCRM pages by offset, and tells of no change: a list is read whole each time, so that the
cursor at its end is empty. Between two pages it says where to go on, and by which rows to tell that
nothing has moved meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

#: After a whole read: the next one begins from the beginning.
WHOLE = ""
_VERSION = 1


@dataclass(frozen=True)
class Place:
    """Where a list goes on. Parts share their offset: one that is shorter has ended."""

    seen: tuple[int, ...] = ()
    last: tuple[str, ...] = ()
    #: Of an object that is listed by account: the account before this place.
    account: str = ""

    @property
    def offset(self) -> int:
        """How many rows the longest part has behind it."""
        return max(self.seen, default=0)

    def dump(self) -> str:
        """As text."""
        told = {"v": _VERSION, "seen": self.seen, "last": self.last, "account": self.account}
        return orjson.dumps(told).decode()

    @classmethod
    def load(cls, cursor: str | None, parts: int) -> Place:
        """From text; the beginning where there is none, or it is not of this version."""
        start = cls((0,) * parts, ("",) * parts)
        if not cursor:
            return start
        try:
            told = orjson.loads(cursor)
            place = cls(
                tuple(int(n) for n in told["seen"]),
                tuple(str(one) for one in told["last"]),
                str(told["account"]),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return start
        fits = told["v"] == _VERSION and len(place.seen) == len(place.last) == parts
        return place if fits else start
