"""Who is associated with whom: the lines between the records of a portal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.sandbox.hubspot.association_types import LinkTypes

Types = tuple[int, ...]
Link = tuple[str, Types]
"""The id at the other end, and the type numbers as read from this one."""
_Ends = dict[str, tuple[Link, ...]]


@dataclass(frozen=True)
class SavedLinks:
    """A copy of all links. Their tuples are replaced, never changed, so the copy shares them."""

    ends: dict[tuple[str, str], _Ends]
    kinds: LinkTypes


class Links:
    """Both readings of every association, by pair of object types and record id."""

    def __init__(self) -> None:
        self.kinds = LinkTypes()
        self._ends: dict[tuple[str, str], _Ends] = {}

    def of(self, start: str, id_: str, end: str) -> tuple[Link, ...]:
        """What a record of one object type is associated with among those of another."""
        return self._ends.get((start, end), {}).get(id_, ())

    def types(self, start: str, id_: str, end: str, other: str) -> Types:
        """The type numbers between two records; none if they are not associated."""
        return next((kinds for far, kinds in self.of(start, id_, end) if far == other), ())

    def add(self, start: str, id_: str, end: str, other: str, kinds: Iterable[int]) -> bool:
        """Associate two records by types of that direction, besides those that they have.

        The plain type comes along with any label, and a company that is the first of a record
        becomes its primary one; another primary one is that no more. Returns whether that
        changed anything.
        """
        wanted = set(kinds)
        plain = self.kinds.plain(start, end)
        if plain is not None:
            wanted.add(plain.type_id)
        forward, backward = (self.kinds.primary(*pair) for pair in ((start, end), (end, start)))
        if forward is not None:
            if not self.of(start, id_, end):
                wanted.add(forward.type_id)
            if forward.type_id in wanted:
                self._demote(start, id_, end, forward.type_id, but=other)
        if backward is not None:
            if not self.of(end, other, start):
                wanted.add(backward.inverse)
            if backward.inverse in wanted:
                self._demote(end, other, start, backward.type_id, but=id_)
        held = self.types(start, id_, end, other)
        if wanted <= set(held):
            return False
        self._set(start, id_, end, other, {*held, *wanted})
        return True

    def _demote(self, start: str, id_: str, end: str, type_id: int, but: str) -> None:
        for other, kinds in self.of(start, id_, end):
            if type_id in kinds and other != but:
                self._set(start, id_, end, other, set(kinds) - {type_id})

    def remove(
        self, start: str, id_: str, end: str, other: str, kinds: Iterable[int] | None = None
    ) -> bool:
        """Take some types between two records away, or with None all of them.

        What is no such line is no error. Returns whether there was one.
        """
        held = self.types(start, id_, end, other)
        left = set(held) - set(kinds) if kinds is not None else set()
        if left == set(held):
            return False
        self._set(start, id_, end, other, left)
        return True

    def forget(self, start: str, id_: str) -> None:
        """Take every association of a record away."""
        for first, end in list(self._ends):
            if first == start:
                for other, _ in self.of(start, id_, end):
                    self._set(start, id_, end, other, set())

    def move(self, start: str, loser: str, winner: str) -> None:
        """Give the associations of one record to another one of its type."""
        for first, end in list(self._ends):
            if first == start:
                for other, kinds in self.of(start, loser, end):
                    primary = self.kinds.primary(start, end)
                    kept = set(kinds)
                    if primary is not None and self.of(start, winner, end):
                        kept.discard(primary.type_id)
                    self._set(start, loser, end, other, set())
                    if (end, other) != (start, winner):
                        self.add(start, winner, end, other, kept)

    def load(
        self, start: str, end: str, pairs: Iterable[tuple[str, str]], kinds: Iterable[int]
    ) -> None:
        """Associate many records that are not yet, in order, all by the same types.

        A hundred thousand records a second: nothing is looked up, and equal ends are shared. The
        types are taken as they are, without plain or primary ones beside them.
        """
        forth = tuple(sorted(kinds))
        back = tuple(sorted(self._inverse(start, end, forth)))
        far_ends: dict[str, tuple[Link, ...]] = {}
        ends = self._ends.setdefault((start, end), {})
        grown: dict[str, list[Link]] = {}
        for id_, other in pairs:
            one = far_ends.get(other)
            if one is None:
                one = far_ends[other] = ((other, forth),)
            held = ends.get(id_)
            ends[id_] = one if held is None else held + one
            grown.setdefault(other, []).append((id_, back))
        others = self._ends.setdefault((end, start), {})
        for other, more in grown.items():
            others[other] = (*others.get(other, ()), *more)

    def _inverse(self, start: str, end: str, kinds: Iterable[int]) -> set[int]:
        found = (self.kinds.find(start, end, number) for number in kinds)
        return {kind.inverse for kind in found if kind is not None}

    def _set(self, start: str, id_: str, end: str, other: str, kinds: set[int]) -> None:
        """Both readings of one line; no types: no line."""
        self._put(start, id_, end, other, tuple(sorted(kinds)))
        self._put(end, other, start, id_, tuple(sorted(self._inverse(start, end, kinds))))

    def _put(self, start: str, id_: str, end: str, other: str, kinds: Types) -> None:
        ends = self._ends.setdefault((start, end), {})
        held = ends.get(id_, ())
        place = next((n for n, link in enumerate(held) if link[0] == other), len(held))
        new = (*held[:place], *([(other, kinds)] if kinds else []), *held[place + 1 :])
        if new:
            ends[id_] = new
        else:
            ends.pop(id_, None)

    def save(self) -> SavedLinks:
        """All links and their kinds as they are now."""
        ends = {pair: dict(held) for pair, held in self._ends.items()}
        return SavedLinks(ends, self.kinds.copy())

    def restore(self, saved: SavedLinks) -> None:
        """Put every link back as saved."""
        self._ends = {pair: dict(held) for pair, held in saved.ends.items()}
        self.kinds = saved.kinds.copy()
