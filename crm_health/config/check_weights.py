"""Do the weights make sense: models that are reached, measures that exist and count."""

from __future__ import annotations

from collections.abc import Mapping

from crm_health.config import names
from crm_health.config.checker import Checker
from crm_health.config.expressions import ColumnKind
from crm_health.config.model import Model
from crm_health.config.problems import nearest
from crm_health.entities import Kind


def check_weights(
    check: Checker, model: Model, columns: Mapping[str, ColumnKind], later: Mapping[str, str]
) -> None:
    """Check the models, and the measures that are off.

    Args:
        check: collects the problems.
        model: the model.
        columns: what a model's condition may read.
        later: names that come later, and what they are.
    """
    known = {*names.raw_keys(check.document, "measures"), *model.measures}
    for number, name in enumerate(model.off):
        if name not in known:
            check.add(("off", number), f"there is no measure {name!r}", nearest(name, known))
    titles = [m.name for m in model.models]
    for number, each in enumerate(model.models):
        path = ("models", number)
        if titles.index(each.name) < number:
            check.add((*path, "name"), f"there is a model {each.name!r} already")
        if each.when is not None:
            check.expression((*path, "when"), each.when, columns, expect=Kind.BOOLEAN, later=later)
        elif number < len(model.models) - 1:
            check.add(path, "has no `when`, so no model below it is ever reached", "put it last")
        _weights(check, model, number, known, columns, later)
    if model.models[-1].when is not None:
        check.warn(
            ("models", len(model.models) - 1),
            "the last model has a `when`: accounts that fit no model get no score",
        )
    weighted = {name for each in model.models for name in each.weights}
    for name in model.measures:
        if name not in weighted and name not in model.off:
            hint = "give one, or list it under `off`"
            check.add(("measures", name), "no model gives it a weight", hint)


def _weights(
    check: Checker,
    model: Model,
    number: int,
    known: set[str],
    columns: Mapping[str, ColumnKind],
    later: Mapping[str, str],
) -> None:
    weights = model.models[number].weights
    path = ("models", number, "weights")
    for name, weight in weights.items():
        if name not in known:
            check.add((*path, name), f"there is no measure {name!r}", nearest(name, known))
        if isinstance(weight, str):
            check.expression((*path, name), weight, columns, expect=Kind.NUMBER, later=later)
        elif weight < 0:
            check.add((*path, name), "a weight can't be negative")
        elif weight == 0:
            check.warn((*path, name), "counts for nothing", "give it a weight, or leave it away")
    fixed = {name: w for name, w in weights.items() if not isinstance(w, str)}
    worked_out = weights.keys() - fixed.keys()
    total = sum(w for w in fixed.values() if w > 0)
    on = sum(w for name, w in fixed.items() if w > 0 and name not in model.off)
    floor = model.evidence.min_weight_on
    if total <= 0 and not worked_out:
        check.add(path, "the weights sum to zero")
    elif on <= 0 and worked_out <= set(model.off):
        check.add(path, "every measure with a weight is `off`")
    elif not worked_out and 100 * on / total < floor:
        check.warn(path, f"less than {floor:g} of 100 points of weight are on: bands stay unknown")
