"""Inputs that shift for most accounts at once, as when a feed breaks: told by the fact's name.

The book's profile of each daily assessment is kept, among the small state of the store, for four
weeks: a plan is held against the last one, and against the oldest of them, for a feed that doubles
from one day on doubles the average of four weeks by and by.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import orjson

from crm_health.config.columns import extra_columns
from crm_health.config.model import Model
from crm_health.config.playbook import Guards
from crm_health.entities import ENTITIES
from crm_health.health.evaluate import names_in
from crm_health.health.profile import Profile, Profiler, Shape, Shift, resized, retold
from crm_health.health.template import days_since
from crm_health.store import Store
from crm_health.sync.setting import Setting

#: Where they are kept, and for how long.
_KEPT, _WEEKS = "profiles", timedelta(days=28)
#: The share of the book that stands for it, between two daily assessments.
_MOST = 0.8
#: So many inputs are named.
_NAMED = 5
#: What these bring befalls many customers at once, and is gone again: no feed breaks by it.
_SUDDEN = frozenset({"incident"})


def profiler(setting: Setting) -> Profiler:
    """Counts facts, but those of incidents, and every account column that the model reads."""
    model = setting.config.model
    definitions = {
        name: f"{fact.source}|{fact.where}|{fact.take}"
        for name, fact in model.facts.items()
        if fact.source not in _SUDDEN
    }
    columns = {column.name for column in ENTITIES["account"].columns}
    columns |= set(extra_columns("account", setting.config.mapping))
    definitions |= dict.fromkeys(sorted(_read(model) & columns - definitions.keys()), "account")
    return Profiler(definitions, days_since(model))


def stands(now: Profile, customers: int) -> bool:
    """Whether the accounts of a run are so many that they stand for the book."""
    return now.accounts >= _MOST * customers


def found(store: Store, limits: Guards, now: Profile, customers: int) -> list[str]:
    """What shifted, in words: empty where nothing did, or nothing is known of before.

    Args:
        store: The open database.
        limits: From the playbook.
        now: Of the accounts that were assessed; so few of them are not held against the book.
        customers: How many accounts the book has.
    """
    kept = _kept(store)
    if not kept or not stands(now, customers):
        return []
    shifts: dict[str, tuple[Shift, date]] = {}
    for day in (max(kept), min(kept)):
        before = kept[day]
        seen = [*resized(before, now, limits.shifted_factor, limits.moved_percent)]
        if day == max(kept):
            seen += retold(before, now, limits.moved_percent)
        shifts = {shift.name: (shift, day) for shift in seen} | shifts
    lines = [_words(shift, day, kept[day], now) for shift, day in shifts.values()]
    more = len(lines) - _NAMED
    return lines if more <= 0 else [*lines[:_NAMED], f"{more} more inputs shift as well"]


def keep(store: Store, day: date, now: Profile, *, alone: bool) -> None:
    """Keep the profile of a day, or what a person approved.

    Args:
        store: The open database.
        day: Of the assessment.
        now: Its profile.
        alone: A person approved it: what was before is no measure any more.
    """
    kept = {} if alone else {d: p for d, p in _kept(store).items() if d >= day - _WEEKS}
    kept[day] = now
    text = orjson.dumps(
        {
            d.isoformat(): {
                "accounts": p.accounts,
                "shapes": {n: [s.definition, s.told, s.quartiles] for n, s in p.shapes.items()},
            }
            for d, p in kept.items()
        }
    )
    store.runs.set_value(_KEPT, text.decode())


def _kept(store: Store) -> dict[date, Profile]:
    days = orjson.loads(store.runs.get_value(_KEPT) or "{}")
    return {
        date.fromisoformat(day): Profile(
            book["accounts"],
            {n: Shape(made, told, tuple(q)) for n, (made, told, q) in book["shapes"].items()},
        )
        for day, book in days.items()
    }


def _read(model: Model) -> frozenset[str]:
    texts: Iterable[str | None] = [
        *model.derived.values(),
        *(measure.value for measure in model.measures.values()),
        *(cap.when for cap in model.caps.values()),
        *(kind.when for kind in model.models),
    ]
    return frozenset[str]().union(*(names_in(text) for text in texts if text))


def _words(shift: Shift, day: date, before: Profile, now: Profile) -> str:
    if shift.resized:
        then, later = shift.before.typical or 0.0, shift.now.typical or 0.0
        change = f"is about {_number(later)} for a typical account, and was about {_number(then)}"
    else:
        then, later = (
            100 * shape.told / max(1, book.accounts)
            for shape, book in ((shift.before, before), (shift.now, now))
        )
        change = f"is there for {later:.0f} % of the accounts, and was for {then:.0f} %"
    return f"the input {shift.name} {change} on {day}"


def _number(value: float) -> str:
    """Two digits: more are not known of it."""
    return f"{float(f'{value:.1e}'):,.10g}"
