"""Small models, sources and frames for the tests of health."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from crm_health.config.load import load
from crm_health.config.model import Model
from crm_health.health.facts import Facts, Source, compute

AS_OF = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
DAY = date(2026, 11, 22)
BANDS = [{"name": "red", "below": 60}, {"name": "yellow", "below": 70}, {"name": "green"}]


def days_ago(days: int) -> date:
    return DAY - timedelta(days=days)


def default_model() -> Model:
    # A run puts the org's zone in where the model names none.
    return load(None).model.model_copy(update={"time_zone": "UTC"})


def build(**parts: Any) -> Model:
    """A model from YAML-like parts; what is not given is the least that is valid."""
    given: dict[str, Any] = {
        "time_zone": "UTC",
        "facts": {},
        "measures": {},
        "models": [{"name": "standard", "weights": {}}],
        "bands": BANDS,
    }
    return Model.model_validate(given | parts, strict=False)


def plain(weights: dict[str, float], **parts: Any) -> Model:
    """A model whose measures are account columns `m_<measure>` of 0 to 100.

    A measure's dimension is the part of its name before the underscore.
    """
    measures = {
        name: {
            "dimension": name.split("_", maxsplit=1)[0],
            "value": f"m_{name}",
            "curve": {0: 0, 100: 100},
            "says": name,
        }
        for name in weights
    }
    models = [{"name": "standard", "weights": weights}]
    return build(**({"measures": measures, "models": models} | parts))


def accounts(rows: list[dict[str, Any]], **kinds: Any) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema_overrides=kinds, infer_schema_length=None)
    if "account_id" not in frame.columns:
        ids = [f"a{number:03d}" for number in range(frame.height)]
        frame = frame.insert_column(0, pl.Series("account_id", ids))
    numbers = [n for n in frame.columns if n.startswith("m_")]
    return frame.cast(dict.fromkeys(numbers, pl.Float64))


def facts_of(model: Model, frame: pl.DataFrame, **sources: Source) -> Facts:
    return compute(model, sources, frame, AS_OF, {})


def live(rows: list[dict[str, Any]] | pl.DataFrame, newest: date | None = DAY) -> Source:
    """A source that was just read completely."""
    frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)
    if frame.is_empty():
        frame = pl.DataFrame(schema={"account_id": pl.String})
    return Source(frame, AS_OF, newest)


#: Two accounts, and three cases of the first.
TWO = accounts([{"account_id": "a"}, {"account_id": "b"}])
CASES = live(
    [
        {"account_id": "a", "priority": "p1", "is_open": True, "opened_at": AS_OF},
        {"account_id": "a", "priority": "p3", "is_open": True, "opened_at": AS_OF},
        {"account_id": "a", "priority": None, "is_open": None, "opened_at": AS_OF},
    ]
)
