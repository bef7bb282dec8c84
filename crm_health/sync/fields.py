"""Plan rows for the accounts' own fields and memory, and the edits of people among them."""

from __future__ import annotations

import polars as pl

from crm_health.connector import Op
from crm_health.entities import ACCOUNT_OUTPUTS, POLARS, shown
from crm_health.programmes import memory, outputs
from crm_health.sync.assess import Assessment
from crm_health.sync.plan import as_json, rows, shape
from crm_health.sync.setting import Setting

EDITS = {"account_id": pl.String, "output": pl.String, "shown": pl.String}


def field_rows(setting: Setting, found: Assessment) -> pl.DataFrame:
    """Rows for the account's own fields and memory.

    The health fields of an account are written together or not at all; the memory goes along,
    and alone only when a pending band, an override or a standing rule changed.
    """
    mapping = setting.config.mapping
    accounts, memories = found.accounts, found.memories
    # What no field takes is nobody's edit and never worth a write.
    want = outputs.desired(accounts).with_columns(
        pl.lit(None, POLARS[kind]).alias(name)
        for name, kind in ACCOUNT_OUTPUTS.items()
        if name not in mapping.write.account and name != "memory"
    )
    held = outputs.held(mapping, want, memories, found.edits)
    for name, stays in held.items():
        kept = pl.when(stays).then(accounts[shown(name)]).otherwise(want[name])
        want = want.with_columns(kept.alias(name))
    put_back = _put_back(accounts, want, found.edits, held)
    told = pl.DataFrame(
        {
            "top": outputs.top_line(accounts, memories),
            "evidence": outputs.evidence_class(accounts),
        }
    )
    worth = outputs.worth_writing(accounts, want, memories, told, put_back, setting.day)
    names = [name for name in ACCOUNT_OUTPUTS if name in mapping.write.account and name != "memory"]
    new_seals = memory.seals(want)
    for name, stays in held.items():
        new_seals = _with_seal(new_seals, memories["seals"], name, stays)
    # What is not written keeps the seals of the last write, but for a person's score: once it
    # is taken as an override it is no news, and the override has to end.
    old_seals = _with_seal(memories["seals"], new_seals, "score", _taken(accounts, found.edits))
    texts = memory.render(
        accounts.select(
            "account_id",
            "band",
            pl.col("band_since").alias("since"),
            pl.col("band_before").alias("before"),
            "pending",
            "pending_at",
            "pending_count",
            pl.col("override_memory").alias("override"),
            "standing",
        ).with_columns(
            pl.when(worth).then(told["top"]).otherwise(memories["top"]).alias("top"),
            pl.when(worth).then(told["evidence"]).otherwise(memories["evidence"]).alias("evidence"),
            pl.when(worth).then(new_seals).otherwise(old_seals).alias("seals"),
        )
    )
    changed = (texts != accounts["shown_memory"]).fill_null(True)
    # Most accounts of a quiet day: not worth the long texts below.
    touched = worth | changed
    why = _why(accounts, want, put_back)
    full = want.with_columns(texts.alias("memory"), why.alias("why_row"), worth.alias("worth"))
    full, before = full.filter(touched), accounts.filter(touched)
    paths = {name: mapping.write.account[name] for name in [*names, "memory"]}
    base = full.select(
        "account_id",
        "worth",
        pl.col("account_id").alias("record_id"),
        _json(full, paths).alias("fields"),
        _json(full, {n: paths[n] for n in names}).alias("stable"),
        _json(full, {"memory": paths["memory"]}).alias("memory_only"),
        _json(before, {shown(n): path for n, path in paths.items()}).alias("before"),
        pl.col("why_row").alias("why"),
    )
    target = mapping.read["account"][0].object
    update = {"op": Op.UPDATE, "object": target}
    both = rows(base.filter("worth"), kind="fields", shape=shape(paths.values()), **update)
    alone = base.filter(~pl.col("worth")).with_columns(
        pl.col("memory_only").alias("fields"),
        pl.col("memory_only").alias("stable"),
        pl.lit("remembers a pending change").alias("why"),
    )
    memories_alone = rows(alone, kind="memory", shape=shape([paths["memory"]]), **update)
    return pl.concat([both, memories_alone])


def edits_reported(found: Assessment) -> pl.DataFrame:
    """A person's edits of our fields, to show: `account_id`, `output`, `shown`."""
    frames = []
    for name in found.edits.columns:
        hit = found.accounts.filter(found.edits[name])
        if hit.height:
            frames.append(
                hit.select(
                    "account_id",
                    pl.lit(name).alias("output"),
                    pl.col(shown(name)).cast(pl.String).alias("shown"),
                )
            )
    return pl.concat([pl.DataFrame(schema=EDITS), *frames])


def _put_back(
    accounts: pl.DataFrame, want: pl.DataFrame, edits: pl.DataFrame, held: dict[str, pl.Series]
) -> pl.Series:
    """Where a person's edit is undone: edited, not held, and not what we want anyway."""
    found = pl.Series("put_back", [False] * accounts.height, pl.Boolean)
    for name in edits.columns:
        if name not in want.columns:
            continue
        differs = want[name].ne_missing(accounts[shown(name)])
        undone = edits[name] & differs
        if name in held:
            undone = undone & ~held[name]
        found = found | undone
    return found


def _taken(accounts: pl.DataFrame, edits: pl.DataFrame) -> pl.Series:
    """Where a person's edit of the score is the override now."""
    shown_is_it = (accounts["shown_score"] == accounts["override"]).fill_null(False)
    return edits["score"] & shown_is_it


def _with_seal(seals: pl.Series, other: pl.Series, name: str, where: pl.Series) -> pl.Series:
    """Seals with one output's seal from others, where a flag says so."""
    start, digits = memory.SEALED.index(name) * memory.DIGITS, memory.DIGITS
    frame = pl.DataFrame({"seals": seals, "other": other, "where": where})
    return frame.select(
        pl.when("where")
        .then(
            pl.concat_str(
                pl.col("seals").str.slice(0, start),
                pl.col("other").str.slice(start, digits),
                pl.col("seals").str.slice(start + digits),
            )
        )
        .otherwise("seals")
        .alias("seals")
    )["seals"]


def _json(frame: pl.DataFrame, names: dict[str, str]) -> pl.Series:
    """One JSON object a row: CRM field to value."""
    fields = {theirs: pl.col(ours) for ours, theirs in names.items()}
    return frame.select(as_json(fields).alias("json"))["json"]


def _why(accounts: pl.DataFrame, want: pl.DataFrame, put_back: pl.Series) -> pl.Series:
    """In words, what changes on an account."""
    pair = pl.DataFrame(
        {
            "score": want["score"].cast(pl.Int64).cast(pl.String).fill_null("none"),
            # People may have typed anything.
            "was": accounts["shown_score"]
            .cast(pl.Int64, strict=False)
            .cast(pl.String)
            .fill_null("none"),
            "band": want["band"],
            "band_was": accounts["shown_band"].fill_null("none"),
            "trend": want["trend"],
            "trend_was": accounts["shown_trend"].fill_null("none"),
            "back": put_back,
        }
    )
    return pair.select(
        pl.concat_str(
            [
                pl.when(pl.col("score") != pl.col("was")).then(
                    pl.format("score {} to {}", "was", "score")
                ),
                pl.when(pl.col("band") != pl.col("band_was")).then(
                    pl.format("band {} to {}", "band_was", "band")
                ),
                pl.when(pl.col("trend") != pl.col("trend_was")).then(
                    pl.format("trend {} to {}", "trend_was", "trend")
                ),
                pl.when("back").then(pl.lit("puts back a person's edit")),
            ],
            separator=", ",
            ignore_nulls=True,
        ).alias("why")
    )["why"].replace("", "reasons or evidence changed")
