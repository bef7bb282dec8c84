"""One customer's circumstances, drawn once: everything else about it follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from connectors.sandbox.story.archetypes import Archetype, Span, between, whole
from connectors.sandbox.story.timeline import Path, Timeline

#: Plan: share of customers, seats, yearly price of a seat.
_PLANS: dict[str, tuple[float, Span, Span]] = {
    "strategic": (0.10, (160, 600), (420, 700)),
    "growth": (0.30, (50, 150), (360, 560)),
    "digital": (0.60, (10, 45), (240, 420)),
}
_YEARS = ((1, 2, 3, 4), (30, 35, 20, 15))
# Below this age the account would be judged as a new one.
_SETTLED_DAYS = 130
_YEAR = 365
# Nobody in the story left longer ago than this.
_LONGEST_GONE = 60


@dataclass(frozen=True)
class Person:
    """A contact of the customer; `role` is empty for most."""

    id: str
    role: str
    left: bool = False


@dataclass
class Customer:
    """What the records of one customer are told from. Days are whole days before `now`."""

    archetype: Archetype
    ordinal: int
    plan: str
    seats: int
    price: int
    age: int
    #: Days to the renewal date, negative where it has passed; None: no date on record.
    runway: int | None
    #: Whether the team does what the next renewal asks for, in time.
    prepared: bool
    level: Path | None
    days: Path
    rng: Random
    id: str = ""
    name: str = ""
    owner: str = ""
    csm: str | None = None
    people: list[Person] = field(default_factory=list)

    @property
    def value(self) -> int:
        """What the customer pays a year."""
        return self.seats * self.price

    @property
    def evident(self) -> bool:
        """Whether the customer leaves any trace at all after buying."""
        return self.level is not None

    def renewal(self, timeline: Timeline) -> date | None:
        """The renewal date on record."""
        return None if self.runway is None else timeline.today + timedelta(days=self.runway)

    def anniversaries(self) -> list[int]:
        """Days ago of each renewal that was won, newest first."""
        if self.runway is None:
            return []
        return list(range(_YEAR - self.runway, self.age, _YEAR))

    def reachable(self, days_ago: int) -> list[Person]:
        """The contacts who could be spoken to then: nobody who left has been lately."""
        return [p for p in self.people if not p.left or days_ago > _LONGEST_GONE] or self.people

    def with_role(self, *roles: str) -> list[Person]:
        """The contacts in one of these roles."""
        return [p for p in self.people if p.role in roles]


def draw(archetype: Archetype, ordinal: int, rng: Random) -> Customer:
    """Draw one customer of an archetype; `ordinal` counts those of the same archetype from 0."""
    plan = rng.choices(tuple(_PLANS), [share for share, *_ in _PLANS.values()])[0]
    _, seats, price = _PLANS[plan]
    prepared = rng.random() < archetype.ready
    runway: int | None = whole(rng, archetype.runway)
    if archetype.age is not None:
        age = whole(rng, archetype.age)
        runway = _YEAR - age
    else:
        assert runway is not None
        if runway < 0 and prepared:
            runway += _YEAR
        age = rng.choices(*_YEARS)[0] * _YEAR - runway
        age += _YEAR * (age < _SETTLED_DAYS)
    level = None
    if archetype.level_before is not None:
        turn = whole(rng, archetype.turn)
        over = min(turn, whole(rng, archetype.turn_over))
        before, now = (
            between(rng, archetype.level_before),
            between(rng, archetype.level_now),
        )
        level = Path(before, now, turn, over)
        days = Path(
            between(rng, archetype.days_before),
            between(rng, archetype.days_now),
            turn,
            over,
        )
    else:
        runway, age, days = None, age + 2 * _YEAR, Path(0, 0, 1, 1)
    return Customer(
        archetype=archetype,
        ordinal=ordinal,
        plan=plan,
        seats=whole(rng, seats),
        price=whole(rng, price),
        age=age,
        runway=runway,
        prepared=prepared,
        level=level,
        days=days,
        rng=rng,
    )
