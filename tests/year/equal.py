"""Where the two CRMs say something else."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

from tests.year.living import Day
from tests.year.side import HAND, KINDS, Truth

#: Weekly scores are written anew on a day that goes by the account's id, and the two memories hold
#: checksums over ids.
NOT_COMPARED = {"last_12_weeks", "memory", "programmes"}
#: What may lag until there is a better reason to write: such a day is one. A score by a point, and
#: texts and figures that nobody writes an account for.
LAGS = {"score", "score_computed", "coverage", "why", "evidence", "attention", "value_at_stake",
        "licence_use"}  # fmt: skip


class Apart:
    """Counts what differs, day by day."""

    def __init__(self) -> None:
        self.days = 0
        #: What was compared, and where the two differed for another reason than those above.
        self.compared = 0
        self.found: list[str] = []
        #: Account-days on which something lagged on one of the two.
        self.lags = 0
        self._truths: tuple[Truth, Truth] = ({k: {} for k in KINDS}, {k: {} for k in KINDS})
        self._told: set[tuple[str, str, str]] = set()

    def add(self, one: Day, other: Day) -> None:
        """One more day of both."""
        self.days += 1
        for truth, day in zip(self._truths, (one, other), strict=True):
            for kind, rows in day.changed.items():
                truth[kind].update(rows)
        for account in sorted({*one.scores, *other.scores}):
            self.compared += 1
            if one.scores.get(account) != other.scores.get(account):
                pair = one.scores.get(account), other.scores.get(account)
                self._tell(one.day, "computed", account, "score", *pair)
        for kind in KINDS:
            self._kind(one.day, kind)

    def _kind(self, day: str, kind: str) -> None:
        first, second = (truth[kind] for truth in self._truths)
        for key in sorted({*first, *second}):
            row, twin = first.get(key), second.get(key)
            if row is None or twin is None:
                self._tell(day, kind, key, "is there", row is not None, twin is not None)
                continue
            names = (set(row) | set(twin)) - NOT_COMPARED
            if key.startswith(HAND):
                # Salesforce gives every new record its maker as owner, HubSpot nobody.
                names -= {"owner"}
            self.compared += len(names)
            apart = {name for name in names if row.get(name) != twin.get(name)}
            self.lags += bool(apart & LAGS)
            for name in sorted(apart - LAGS):
                self._tell(day, kind, key, name, row.get(name), twin.get(name))
            if abs((row.get("score") or 0) - (twin.get("score") or 0)) > 1:
                self._tell(day, kind, key, "score", row["score"], twin["score"])

    def _tell(self, day: str, kind: str, key: str, name: str, one: object, other: object) -> None:
        """Once: what differs today differs tomorrow."""
        if (kind, key, name) not in self._told:
            self._told.add((kind, key, name))
            self.found.append(f"{day}: {kind} {key} {name}: {one!r}, {other!r}")


def both(first: Iterable[Day], second: Iterable[Day]) -> Apart:
    """Compare two sides day by day; a day that one of them lacks is a difference."""
    found = Apart()
    for one, other in zip_longest(first, second):
        if one is None or other is None:
            found.found.append("a day is missing on one side")
            break
        found.add(one, other)
    return found
