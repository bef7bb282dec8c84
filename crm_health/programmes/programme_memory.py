"""The account's second memory: what the programmes must not forget with a lost database.

    cp1|l=2026-11-01|n=3|a=2026-11-01|m=2026-10:u|b=48000|c=0a1b2c3d...|#9f8e7d6c

(one line; a key without a value is left out)

    h l     the stage: what its conditions said when a person gave another one, and since when
            another one holds
    g n a   the value stage: the same, the step that it is on its way to, and since when
    m d p b the tier: how it came there (`<period>:<kind>`), in which review it was found too low
            and for the how manyeth time running, the day on which a person chose it, and what the
            customer was worth when it came there
    c       four hex digits for each output, in the order of `SEALED`, as last written
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import polars as pl

from crm_health.entities import shown
from crm_health.programmes import keyed, memory

VERSION = "cp1"
#: Outputs of the programmes, which are written together, in the order of their seals. Only ever
#: append: with another order every memory out there would look as if people had edited them all.
SEALED: tuple[str, ...] = (
    "stage",
    "stage_since",
    "value_stage",
    "value_stage_since",
    "tier",
    "tier_since",
    "top_risk",
    "top_opportunity",
    "open_alerts",
    "next_touch",
    "next_touch_due",
    "attention",
    "value_at_stake",
    "licence_use",
)
#: Column to key.
_KEYS: dict[str, str] = {
    "stage_held": "h",
    "stage_out_since": "l",
    "value_held": "g",
    "value_next": "n",
    "value_next_since": "a",
    "tier_moved": "m",
    "tier_below": "d",
    "tier_pin": "p",
    "tier_base": "b",
    "seals": "c",
}
SCHEMA: dict[str, Any] = {
    "account_id": pl.String,
    "known": pl.Boolean,
    "stage_held": pl.String,
    "stage_out_since": pl.Date,
    "value_held": pl.Int64,
    "value_next": pl.Int64,
    "value_next_since": pl.Date,
    "tier_moved": pl.String,
    "tier_below": pl.String,
    "tier_pin": pl.Date,
    "tier_base": pl.Int64,
    "seals": pl.String,
}
#: All but the seals: what placing customers gives, and needs the next time.
PLACING: tuple[str, ...] = tuple(name for name in _KEYS if name != "seals")


def parse(accounts: pl.DataFrame) -> pl.DataFrame:
    """Read the memories.

    Args:
        accounts: `account_id`, `shown_programmes`.

    Returns:
        Columns of `SCHEMA`; `known` is false where there is no memory, or a damaged one.
    """
    return keyed.parse(accounts, shown("programmes"), VERSION, _KEYS, SCHEMA)


def render(memories: pl.DataFrame) -> pl.Series:
    """Memories as text, from the columns of `parse` (but `known`)."""
    return keyed.render(memories, VERSION, _KEYS, SCHEMA).alias("programmes")


def seals(frame: pl.DataFrame) -> pl.Series:
    """The seals of all outputs as one text a row; a missing column counts as empty."""
    return memory.seals(frame, outputs=SEALED)


def edited(
    accounts: pl.DataFrame, memories: pl.DataFrame, only: Collection[str] | None = None
) -> pl.DataFrame:
    """Which outputs a person changed since we wrote them: one Boolean column an output."""
    return memory.edited(accounts, memories, SEALED, only)
