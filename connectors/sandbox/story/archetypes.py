"""The kinds of customer in the story, as ranges that each account draws its own values from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

Span = tuple[float, float]


@dataclass(frozen=True)
class Archetype:
    """One kind of customer. Days count back from `now`, `runway` and `sla` ahead of it."""

    name: str
    share: float
    #: Age in days; None: years, so that the next renewal falls into `runway`.
    age: Span | None = None
    #: Days to the renewal date, negative where it has passed.
    runway: Span = (60, 360)
    #: Chance that the team has done what a renewal so near asks for.
    ready: float = 0.9
    #: Share of the seats in use on a busy day, long ago and now; None: no usage at all.
    level_before: Span | None = (0.6, 0.8)
    level_now: Span = (0.6, 0.8)
    #: Share of the business days with anybody in, long ago and now.
    days_before: Span = (0.7, 0.9)
    days_now: Span = (0.7, 0.9)
    #: When the change began, and how long it took.
    turn: Span = (200, 300)
    turn_over: Span = (90, 150)
    #: Swing of a yearly rhythm in the usage, 0 none.
    rhythm: float = 0.0
    cases_a_year: Span = (2, 6)
    #: Chance of one open case of each severity, today.
    open_high: float = 0.03
    open_medium: float = 0.15
    #: Days since the last conversation, and since the last one with the sponsor.
    talked: Span = (5, 60)
    sponsor_talked: Span = (20, 170)
    #: Chance that a contact is named as champion, as sponsor.
    champion: float = 0.8
    sponsor: float = 0.6
    #: Mean answer to surveys (0 to 100), and answers a year.
    mood: float = 75.0
    answers: Span = (2, 6)
    #: Days since the last new value: an expansion, a product, a value review; None: none since.
    new_value: Span | None = (60, 400)


ARCHETYPES: tuple[Archetype, ...] = (
    Archetype(
        "thriving", 0.16, level_before=(0.6, 0.75), level_now=(0.82, 1.0), days_now=(0.9, 1.0),
        cases_a_year=(3, 8), talked=(2, 40), sponsor_talked=(10, 100), champion=1.0, sponsor=0.9,
        mood=88, answers=(3, 8), new_value=(10, 150), ready=1.0, runway=(30, 364),
    ),
    Archetype(
        "steady", 0.33, level_before=(0.55, 0.75), level_now=(0.35, 0.8), days_now=(0.35, 0.85),
        turn=(500, 600), talked=(5, 120), mood=74, new_value=(60, 540), ready=0.75,
        runway=(15, 364),
    ),
    Archetype(
        "stuck in adopt", 0.13, level_before=(0.3, 0.42), level_now=(0.25, 0.42),
        days_before=(0.3, 0.45), days_now=(0.2, 0.4), talked=(60, 200), mood=80,
        sponsor_talked=(150, 330), new_value=(300, 500), runway=(80, 300), ready=0.5,
        cases_a_year=(1, 3), champion=0.5, sponsor=0.5,
    ),
    Archetype(
        "champion gone", 0.05, level_before=(0.68, 0.8), level_now=(0.6, 0.75),
        days_before=(0.8, 0.95), days_now=(0.7, 0.85), turn=(40, 70), turn_over=(30, 40),
        talked=(45, 100), sponsor_talked=(150, 300), champion=1.0, sponsor=1.0, runway=(100, 240),
        mood=70,
    ),
    Archetype(
        "silent decline", 0.10, level_before=(0.6, 0.8), level_now=(0.08, 0.35),
        days_before=(0.7, 0.9), days_now=(0.1, 0.42), turn=(160, 260), turn_over=(140, 160),
        cases_a_year=(0, 1), open_high=0, open_medium=0, talked=(150, 400),
        sponsor_talked=(250, 500), champion=0.3, sponsor=0.3, answers=(0, 1), mood=65,
        new_value=(380, 600), runway=(-40, 150), ready=0.15,
    ),
    Archetype(
        "noisy but growing", 0.06, level_before=(0.5, 0.65), level_now=(0.88, 1.0),
        days_before=(0.8, 0.9), days_now=(0.95, 1.0), turn=(150, 200), turn_over=(150, 190),
        cases_a_year=(20, 40), open_high=0.3, open_medium=1.0, talked=(1, 25),
        sponsor_talked=(10, 90), champion=1.0, sponsor=0.8, mood=66, answers=(5, 10),
        new_value=(10, 90), runway=(120, 330), ready=1.0,
    ),
    Archetype(
        "green that churns", 0.04, level_before=(0.7, 0.85), level_now=(0.68, 0.85),
        days_before=(0.75, 0.9), days_now=(0.75, 0.9), talked=(70, 130),
        sponsor_talked=(200, 400), champion=0.5, sponsor=0.0, mood=74, new_value=(200, 360),
        runway=(125, 170), ready=0.0, cases_a_year=(1, 3),
    ),
    Archetype(
        "seasonal", 0.04, level_before=(0.7, 0.9), level_now=(0.7, 0.9), days_before=(0.8, 1.0),
        days_now=(0.75, 0.95), rhythm=0.45, runway=(100, 360),
    ),
    Archetype(
        "new", 0.05, age=(12, 110), level_before=(0.05, 0.15), level_now=(0.15, 0.8),
        days_before=(0.2, 0.4), days_now=(0.15, 0.9), turn=(80, 100), turn_over=(75, 80),
        cases_a_year=(4, 12), open_medium=0.4, talked=(1, 35), sponsor_talked=(5, 60),
        new_value=None, answers=(0, 2), mood=80,
    ),
    Archetype(
        "no evidence", 0.06, level_before=None, champion=0, sponsor=0, cases_a_year=(0, 0),
        open_high=0, open_medium=0, answers=(0, 0), new_value=None,
    ),
    Archetype(
        "sev-1 past SLA", 0.02, level_before=(0.65, 0.85), level_now=(0.7, 0.9),
        days_now=(0.8, 0.95), cases_a_year=(6, 14), champion=1.0, sponsor=0.8, talked=(2, 20),
        sponsor_talked=(10, 80), mood=72, answers=(3, 6), new_value=(30, 200), runway=(90, 330),
        ready=1.0,
    ),
)  # fmt: skip


def assign(
    customers: int, rng: Random, archetypes: Sequence[Archetype] = ARCHETYPES
) -> list[Archetype]:
    """One archetype a customer, shuffled, in the archetypes' shares by largest remainder."""
    total = sum(a.share for a in archetypes)
    exact = [customers * a.share / total for a in archetypes]
    counts = [int(e) for e in exact]
    by_rest = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for i in by_rest[: customers - sum(counts)]:
        counts[i] += 1
    cast = [a for a, n in zip(archetypes, counts, strict=True) for _ in range(n)]
    rng.shuffle(cast)
    return cast


def between(rng: Random, span: Span) -> float:
    """A number drawn evenly from a span."""
    return rng.uniform(*span)


def whole(rng: Random, span: Span) -> int:
    """A whole number drawn evenly from a span, both ends included."""
    return rng.randint(round(span[0]), round(span[1]))
