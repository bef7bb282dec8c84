"""Do the weights make sense: models that are reached, measures that exist and count."""

from __future__ import annotations

from crm_health.config import names
from crm_health.config.known import Known
from crm_health.config.model import Model
from crm_health.config.problems import nearest
from crm_health.entities import Kind


def check_weights(expressions: Known, model: Model) -> None:
    """Check the models by what expressions may know there, and the measures that are off."""
    check = expressions.check
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
            expressions.expression((*path, "when"), each.when, expect=Kind.BOOLEAN)
        elif number < len(model.models) - 1:
            check.add(path, "has no `when`, so no model below it is ever reached", "put it last")
        _weights(expressions, model, number, known)
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


def _weights(expressions: Known, model: Model, number: int, known: set[str]) -> None:
    check, weights = expressions.check, model.models[number].weights
    path = ("models", number, "weights")
    for name, weight in weights.items():
        if name not in known:
            check.add((*path, name), f"there is no measure {name!r}", nearest(name, known))
        if isinstance(weight, str):
            expressions.expression((*path, name), weight, expect=Kind.NUMBER)
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
