"""Two receipts of one account held against each other: which parts moved its score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from crm_health.health.drivers import OTHERS

Receipt = Mapping[str, Any]


@dataclass(frozen=True)
class Move:
    """One part of the score, then and now, in hundredths of a point."""

    part: str
    then: int
    now: int

    @property
    def change(self) -> int:
        """What it added to the score, or took."""
        return self.now - self.then


def parts(receipt: Receipt) -> dict[str, int]:
    """The parts of a receipt's score, in hundredths of a point: 100 times the score in all."""
    found = {driver["measure"]: int(driver["share"]) for driver in receipt.get("drivers") or ()}
    for column, name in OTHERS.items():
        value = int(receipt.get(column) or 0)
        if value:
            found[name] = value
    return found


def moves(now: Receipt, then: Receipt) -> list[Move]:
    """The parts that differ, strongest first; their changes add up to 100 times the score's.

    A part that is in one of them only counts as 0 in the other.
    """
    after, before = parts(now), parts(then)
    found = [Move(n, before.get(n, 0), after.get(n, 0)) for n in {**before, **after}]
    moved = [move for move in found if move.change]
    return sorted(moved, key=lambda move: (-abs(move.change), move.part))


def shared_weights(receipt: Receipt) -> dict[str, float]:
    """What each measure weighs once the weight of the missing ones is shared out, in percent."""
    given = {d["measure"]: float(d["weight"]) for d in receipt.get("drivers") or ()}
    total = sum(given.values())
    return {name: 100 * weight / total for name, weight in given.items()} if total else {}


def place(
    value: float, curve: Mapping[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The two corners of a curve that a value lies between; beyond an end, that end twice."""
    corners = sorted(curve.items())
    if value <= corners[0][0]:
        return corners[0], corners[0]
    for left, right in pairwise(corners):
        if value <= right[0]:
            return left, right
    return corners[-1], corners[-1]
