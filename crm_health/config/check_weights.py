"""Do the weights make sense: models that are reached, measures that exist and count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from crm_health.config import expressions as language
from crm_health.config import names
from crm_health.config.checker import Checker
from crm_health.config.expressions import Expr, ExpressionError
from crm_health.config.known import Known
from crm_health.config.model import Model
from crm_health.config.problems import nearest
from crm_health.config.samples import grid
from crm_health.config.trials import never
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
            before = len(check.problems)
            expressions.expression((*path, "when"), each.when, expect=Kind.BOOLEAN)
            if len(check.problems) == before:
                _reached(expressions, model, number)
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
    texts: dict[str, Expr] = {}
    broken = False
    for name, weight in weights.items():
        if name not in known:
            check.add((*path, name), f"there is no measure {name!r}", nearest(name, known))
        if isinstance(weight, str):
            before = len(check.problems)
            expr = expressions.expression((*path, name), weight, expect=Kind.NUMBER)
            if expr is None or expr.kind is not Kind.NUMBER or len(check.problems) > before:
                broken = True
            else:
                texts[name] = expr
        elif weight < 0:
            check.add((*path, name), "a weight can't be negative")
        elif weight == 0:
            check.warn((*path, name), "counts for nothing", "give it a weight, or leave it away")
    if broken:
        return
    tried = _tried(expressions, weights, texts)
    if not tried.is_empty():
        _sums(check, model, number, tried)


def _sums(check: Checker, model: Model, number: int, tried: pl.DataFrame) -> None:
    """Hold what the weights come to, in every case there is, against what a score needs."""
    path, weights = ("models", number, "weights"), model.models[number].weights
    for name in (name for name, weight in weights.items() if isinstance(weight, str)):
        if (tried[name] < 0).any():
            hint = f"greatest(0, {weights[name]})"
            check.add((*path, name), "can become negative, and then counts for nothing", hint)
        elif tried[name].is_null().any():
            hint = f"write coalesce({weights[name]}, 0), if that is meant"
            check.warn((*path, name), "can be missing, and then counts for nothing", hint)
    total = _sum(tried, weights.keys())
    on = _sum(tried, weights.keys() - {*model.off})
    floor = model.evidence.min_weight_on
    if not (total > 0).any():
        check.add(path, "the weights sum to zero")
    elif not (on > 0).any():
        check.add(path, "every measure with a weight is `off`")
    elif not (on > 0).all():
        check.warn(path, "for some accounts all weights sum to zero: they get no score")
    elif not (100 * on / total >= floor).any():
        check.warn(path, f"less than {floor:g} of 100 points of weight are on: bands stay unknown")


def _tried(
    expressions: Known, weights: Mapping[str, float | str], texts: Mapping[str, Expr]
) -> pl.DataFrame:
    """What each measure can weigh, a row for each case there is; none where there are too many."""
    columns = expressions.at(None, " ".join(expr.text for expr in texts.values()))
    read = frozenset[str]().union(*(expr.columns for expr in texts.values()))
    kinds = {name: Kind(columns[name]) for name in read if columns[name] != "any"}
    frame = grid([expr.text for expr in texts.values()], kinds, expressions.domains)
    if len(kinds) < len(read):
        return frame.clear()
    return frame.with_columns(
        texts[n].expr.alias(n) if isinstance(w, str) else pl.lit(float(w)).alias(n)
        for n, w in weights.items()
    )


def _sum(tried: pl.DataFrame, names: Iterable[str]) -> pl.Series:
    given = [pl.col(name).clip(0) for name in names if name in tried.columns]
    return tried.select(pl.sum_horizontal(pl.col("") * 0.0, *given).alias("sum"))["sum"]


def _reached(expressions: Known, model: Model, number: int) -> None:
    """Whether somebody fits a model who fits none above it."""
    texts = [kind.when for kind in model.models[: number + 1] if kind.when is not None]
    if len(texts) < number + 1 or number == 0:
        return
    try:
        columns = expressions.at(None, " ".join(texts))
        compiled = [language.compile(text, columns) for text in texts]
    except ExpressionError:
        return
    if any(expr.kind is not Kind.BOOLEAN for expr in compiled):
        return  # told where it stands
    read = frozenset[str]().union(*(expr.columns for expr in compiled))
    kinds = {name: Kind(columns[name]) for name in read if columns[name] != "any"}
    if len(kinds) == len(read) and never(tuple(texts), kinds, expressions.domains):
        what = "whoever fits it fits a model above it, which comes first"
        expressions.check.warn(("models", number, "when"), what, "put it above, or remove it")
