"""Does the model make sense: names in their order, curves, weights, caps and bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from zoneinfo import available_timezones

import holidays

from crm_health.config import figures, names, templates
from crm_health.config.check_weights import check_weights
from crm_health.config.checker import Checker
from crm_health.config.domains import COUNT, POINTS, of_outcomes
from crm_health.config.expressions import ColumnKind
from crm_health.config.known import Columns, Known, circles
from crm_health.config.model import MeasureDef, Model
from crm_health.config.placed import PLACED, resting
from crm_health.config.problems import nearest
from crm_health.config.samples import Domains
from crm_health.config.trials import NO_RATIO
from crm_health.config.yaml import Document
from crm_health.entities import BY_PEOPLE, ENTITIES, Kind


@dataclass(frozen=True)
class ModelNames:
    """What stands before the caps, and before the alerts."""

    #: Account columns, facts, derived facts and the figures that the model reads.
    facts: Columns
    dimensions: frozenset[str]
    #: What they can hold, as far as it is known.
    domains: Domains = field(default_factory=dict)
    #: Those that some text shows as percent.
    ratios: frozenset[str] = frozenset()
    #: What the placing of customers may not read, and why.
    placed: Mapping[str, str] = field(default_factory=dict)
    #: Derived facts that rest on a figure of the book, and on which.
    relative: Mapping[str, str] = field(default_factory=dict)

    def placing(self, check: Checker) -> Known:
        """What the conditions of stages and tiers may read, for a check of the playbook."""
        free = {n: kind for n, kind in self.facts.items() if n not in self.placed}
        # Figures are looked for one by one: those of the model are not all that there can be.
        free = {name: kind for name, kind in free.items() if not figures.is_figure(name)}
        known = Known(check, free, dict(self.placed), relative=dict(self.relative))
        known.domains = {name: what for name, what in self.domains.items() if name in free}
        return known

    def scored(self) -> Columns:
        """What caps may read: the points of each dimension as well."""
        points = {names.dimension_points(d): Kind.NUMBER for d in self.dimensions}
        return {**self.facts, **points}

    def alerted(self) -> Columns:
        """What alerts may read: the outcome as well."""
        return {**self.scored(), **names.OUTCOMES}


def check_model(
    model: Model,
    document: Document,
    entities: Mapping[str, Columns],
    held: Mapping[str, Domains],
    placed: Domains,
) -> tuple[Checker, ModelNames]:
    """Check one model whose shape is right.

    Args:
        model: the model.
        document: its file.
        entities: entity to the columns that expressions over its rows may use.
        held: entity to what these columns can hold, as far as it is known.
        placed: what the names of `placed.PLACED` can hold.
    """
    check = Checker(document, counts=counts(model))
    _calendar(check, model)
    if model.change is None:
        what = "is missing: a sync refuses a changed model that does not say whose it is and why"
        check.warn(("change",), what, "give owner, approver, date and reason")
    check.ratios = templates.shown_as("percent", document.text)
    known = Known(check, {**entities["account"], **PLACED}, _later(document, model))
    known.domains = {**held.get("account", {}), **placed}
    _facts(known, model, entities, held)
    # What a broken entry would have given is known by name, so that one mistake is one problem.
    for section in ("facts", "derived"):
        if section == "derived":
            _derived(known, model)
        raw = names.raw_keys(document, section)
        known.columns |= {n: "any" for n in raw if n not in known.columns}
    _measures(known, model)
    check_weights(known, model)
    dimensions = frozenset(m.dimension for m in model.measures.values())
    points = ModelNames({}, dimensions).scored()
    known.columns |= points
    known.domains |= dict.fromkeys(points, POINTS)
    for name, cap in model.caps.items():
        known.expression(("caps", name, "when"), cap.when, expect=Kind.BOOLEAN)
        _text(known, ("caps", name, "says"), cap.says)
    _bands(check, model)
    for name in ("min_coverage", "min_weight_on"):
        value = getattr(model.evidence, name)
        if 0 < value < 1:
            hint = f"write {100 * value:g} for {100 * value:g} %"
            check.add(("evidence", name), f"is in percent: {value:g} is next to nothing", hint)
    held_by = {**known.domains, **of_outcomes(model)}
    columns = known.columns | _figures(known, model)
    rests = resting(model.derived)
    return check, ModelNames(columns, dimensions, held_by, check.ratios, rests, known.relative)


def counts(model: Model) -> frozenset[str]:
    """The facts that count rows: `active_days` is a number of days, not how long ago."""
    return frozenset(
        name for name, fact in model.facts.items() if fact.take.lower().startswith("count")
    )


def unused(check: Checker, model: Model, used: set[str]) -> None:
    """Warn of facts that nothing reads; `used` are the names that any file reads."""
    for name, fact in model.facts.items():
        if name not in used and fact.note is None:
            check.warn(
                ("facts", name), "nothing reads this fact", "remove it, or say why in `note`"
            )


def _later(document: Document, model: Model) -> dict[str, str]:
    """Names that exist, but not yet where an earlier expression stands."""
    found = dict.fromkeys(names.OUTCOMES, "worked out after the caps")
    dimensions = {m.dimension for m in model.measures.values()}
    points = map(names.dimension_points, dimensions)
    found |= dict.fromkeys(points, "worked out after the measures")
    found |= dict.fromkeys(
        names.raw_keys(document, "measures"), "a measure; use the facts that it reads"
    )
    return found | dict.fromkeys(names.raw_keys(document, "derived"), "derived further down")


def _figures(known: Known, model: Model) -> Columns:
    """The figures that the model reads: only these are worked out, so only these can be read."""
    read = figures.names_in(figures.texts(model))
    return {name: Kind.NUMBER for name in read if figures.figure(name, known.columns)}


def _derived(known: Known, model: Model) -> None:
    rounds = circles(model.derived)
    plain = dict(known.later)
    for name, text in model.derived.items():
        _fresh(known.check, ("derived", name), name, known.columns)
        way = rounds.get(name, [])
        circle = f"derived from {name} in a circle: {', '.join(way)}"
        known.later = plain | dict.fromkeys(way, circle)
        known.derived(name, text, known.expression(("derived", name), text))
    known.later = plain


def _text(known: Known, path: tuple[str, ...], text: str) -> None:
    known.check.text(path, text, known.at(path, text))


def _calendar(check: Checker, model: Model) -> None:
    if model.time_zone and model.time_zone not in _zones():
        check.add(("time_zone",), "there is no such time zone", nearest(model.time_zone, _zones()))
    if model.holidays is not None and model.holidays not in holidays.list_supported_countries():
        check.add(("holidays",), "no holidays are known for it", "an ISO country code such as DE")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _fresh(check: Checker, path: tuple[str, str], name: str, columns: Columns) -> None:
    if name in columns or name in names.OUTCOMES or figures.is_figure(name):
        check.add(path, "the name is taken", "choose another one")


def _facts(
    known: Known, model: Model, entities: Mapping[str, Columns], held: Mapping[str, Domains]
) -> None:
    check, counted = known.check, counts(model)
    for name, fact in model.facts.items():
        path = ("facts", name)
        _fresh(check, path, name, known.columns)
        entity = ENTITIES.get(fact.source)
        kind: ColumnKind = "any"
        if entity is None:
            hint = nearest(fact.source, ENTITIES)
            check.add((*path, "from"), f"there is no entity {fact.source!r}", hint)
        elif entity.ours and entity.name not in BY_PEOPLE:
            check.add((*path, "from"), "our own records are never an input of the score")
        elif fact.source in ("account", "user"):
            check.add((*path, "from"), "has no rows to count", "write it under `derived`")
        else:
            rows, can = entities[fact.source], held.get(fact.source, {})
            if fact.where is not None:
                where = (*path, "where")
                check.expression(where, fact.where, rows, expect=Kind.BOOLEAN, domains=can)
            take = check.expression((*path, "take"), fact.take, rows, role="aggregate", domains=can)
            kind = (take.kind if take else None) or "any"
        known.columns[name] = kind
        if name in counted:
            known.domains[name] = COUNT


def _measures(known: Known, model: Model) -> None:
    check = known.check
    dimensions = [m.dimension for m in model.measures.values()]
    for name, measure in model.measures.items():
        path = ("measures", name)
        near = get_close_matches(measure.dimension, set(dimensions) - {measure.dimension}, 1, 0.8)
        if near and dimensions.count(measure.dimension) < dimensions.count(near[0]):
            hint = f"did you mean {near[0]!r}?"
            check.add((*path, "dimension"), f"only this measure has {measure.dimension!r}", hint)
        known.expression((*path, "value"), measure.value, expect=Kind.NUMBER)
        _curve(check, (*path, "curve"), measure)
        if measure.stale_after_days is not None and measure.stale_after_days < 1:
            check.add((*path, "stale_after_days"), "must be at least 1 day")
        _text(known, (*path, "says"), measure.says)
        if measure.says_good is not None:
            _text(known, (*path, "says_good"), measure.says_good)


def _curve(check: Checker, path: tuple[str, ...], measure: MeasureDef) -> None:
    curve = measure.curve
    if len(curve) < 2:
        check.add(path, "needs at least two points", "{0: 0, 10: 100}")
        return
    values, points = list(curve), list(curve.values())
    if any(right <= left for left, right in pairwise(values)):
        check.add(path, "the values must rise from left to right")
    if any(not 0 <= point <= 100 for point in points):
        check.add(path, "points must be from 0 to 100")
    elif max(points) == min(points):
        check.add(path, f"gives {points[0]:g} points whatever the value", "it tells nothing apart")
    elif max(points) <= 1:
        check.add(path, "points go to 100, and these end at 1", "write 100 for the full mark")
    if measure.value in check.ratios and max(values) >= NO_RATIO:
        most = f"{max(values):g} would be {100 * max(values):g} %"
        hint = f"write {max(values) / 100:g} for {max(values):g} %"
        check.add(path, f"{measure.value} is a ratio: {most}", hint)


def _bands(check: Checker, model: Model) -> None:
    last = len(model.bands) - 1
    seen: set[str] = set()
    below = 1
    for number, band in enumerate(model.bands):
        path = ("bands", number)
        if band.name in seen or band.name == "unknown":
            what = "stands for too little evidence" if band.name == "unknown" else "is there twice"
            check.add((*path, "name"), f"{band.name!r} {what}", "choose another name")
        seen.add(band.name)
        if number == last and band.below is not None:
            check.add((*path, "below"), "the last band holds all other scores: leave it away")
        elif number < last and band.below is None:
            check.add(path, "`below` is missing", "only the last band has none")
        elif band.below is not None:
            if band.below <= below:
                check.add((*path, "below"), f"must be more than {below}: worst band first")
            below = max(below, band.below)
