"""Attention: need times value, the order of every list."""

from __future__ import annotations

import polars as pl

#: What a customer is worth, by the name that models give it, and where that stands among all: 0
#: the lowest, 1 the highest.
VALUE = "value_now"
VALUE_RANK = f"rank_{VALUE}"
#: What an unknown score needs, and an open escalation at least.
UNKNOWN, ESCALATED = 50, 60
#: Attention comes in steps of so much.
STEP = 5
_MIDDLE = 0.5


def attention(accounts: pl.DataFrame) -> pl.Series:
    """0 to 100 in steps of `STEP`, one a customer.

    Args:
        accounts: `score`, `open_after` (escalations open after this run) and, where values are
            known, `VALUE_RANK`; a customer whose value is not known stands in the middle.
    """
    need = (100 - pl.col("score")).fill_null(UNKNOWN).cast(pl.Float64)
    need = (
        pl.when(pl.col("open_after") > 0).then(pl.max_horizontal(need, ESCALATED)).otherwise(need)
    )
    known = VALUE_RANK in accounts.columns
    rank = pl.col(VALUE_RANK).fill_null(_MIDDLE) if known else pl.lit(_MIDDLE)
    # Halves up, and no hair's breadth below one: both CRMs must say the same.
    steps = ((need * rank / STEP).round(6) + 0.5).floor()
    return accounts.select((steps * STEP).clip(0, 100).alias("attention"))["attention"]
