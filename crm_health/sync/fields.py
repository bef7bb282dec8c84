"""Plan rows for the accounts' own fields and memory, and the edits of people among them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crm_health.connector import Op
from crm_health.entities import ACCOUNT_OUTPUTS, POLARS, shown
from crm_health.programmes import memory, outputs, programme_memory, standing
from crm_health.store import PLAN_SCHEMA
from crm_health.sync.assess import Assessment
from crm_health.sync.plan import as_json, rows, shape
from crm_health.sync.setting import Setting

EDITS = {"account_id": pl.String, "output": pl.String, "shown": pl.String}


@dataclass(frozen=True)
class Part:
    """What is written together, one row an account: some outputs and the memory beside them."""

    #: One column an output, but for the memory.
    want: pl.DataFrame
    #: The outputs that the mapping takes, and the memory's; None where no field takes it.
    names: tuple[str, ...]
    memory: str | None
    #: The memory's text.
    text: pl.Series
    #: Whether the outputs are written now, and whether the memory has to be in any case.
    worth: pl.Series
    changed: pl.Series
    #: In words, what changes.
    why: pl.Series


def field_rows(setting: Setting, found: Assessment) -> pl.DataFrame:
    """Rows for the account's own fields and memories.

    The health fields of an account are written together or not at all, and so are those of the
    programmes; a memory goes along with its own, and alone only when something pending, an
    override or a standing rule changed. Whatever is written goes in one row.
    """
    parts = (_health(setting, found), _programmes(setting, found))
    mapping = setting.config.mapping
    flags = pl.DataFrame(
        {
            f"{kind}{n}": series
            for n, part in enumerate(parts)
            for kind, series in (("worth", part.worth), ("memory", part.worth | part.changed))
        }
    )
    # Most accounts of a quiet day: not worth the long texts below.
    touched = flags.select(pl.any_horizontal(pl.all()).alias("any"))["any"]
    whole = pl.concat(
        [
            found.accounts.select("account_id"),
            *(part.want.drop("account_id") for part in parts),
            *(p.text.alias(p.memory).to_frame() for p in parts if p.memory is not None),
            flags,
            *(part.why.alias(f"why{n}").to_frame() for n, part in enumerate(parts)),
        ],
        how="horizontal",
    ).filter(touched)
    before = found.accounts.filter(touched)
    every = []
    for key in flags.filter(touched).unique(maintain_order=True).sort(flags.columns).rows():
        chosen = dict(zip(flags.columns, key, strict=True))
        mine = pl.all_horizontal(pl.col(n) == value for n, value in chosen.items())
        names = [n for i, p in enumerate(parts) if chosen[f"worth{i}"] for n in p.names]
        memories = [p.memory for i, p in enumerate(parts) if chosen[f"memory{i}"] and p.memory]
        if not names and not memories:
            continue
        full, was = whole.filter(mine), before.filter(whole.select(mine.alias("m"))["m"])
        paths = {name: mapping.write.account[name] for name in [*names, *memories]}
        told = [f"why{i}" for i in range(len(parts)) if chosen[f"worth{i}"]]
        why = pl.concat_str(told, separator=", ") if told else pl.lit("remembers a pending change")
        stable = {n: paths[n] for n in (names or memories)}
        every.append(
            rows(
                full.select(
                    "account_id",
                    pl.col("account_id").alias("record_id"),
                    _json(full, paths).alias("fields"),
                    _json(full, stable).alias("stable"),
                    _json(was, {shown(n): path for n, path in paths.items()}).alias("before"),
                    why.alias("why"),
                ),
                kind="fields" if names else "memory",
                shape=shape(paths.values()),
                op=Op.UPDATE,
                object=mapping.read["account"][0].object,
            )
        )
    return pl.concat([pl.DataFrame(schema=PLAN_SCHEMA), *every])


def _programmes(setting: Setting, found: Assessment) -> Part:
    """Where the account stands, and what is due."""
    written, accounts = setting.config.mapping.write.account, found.accounts
    worst = setting.config.model.bands[0].name
    want = standing.desired(setting.config.playbook, worst, accounts).with_columns(
        pl.lit(None, POLARS[ACCOUNT_OUTPUTS[name]]).alias(name)
        for name in programme_memory.SEALED
        if name not in written
    )
    names = tuple(name for name in programme_memory.SEALED if name in written)
    worth = standing.worth_writing(accounts, want, found.programme_edits)
    # Only of what is written: there are many of them, and most days change few accounts.
    told = want.filter(worth)
    new = _placed(worth, programme_memory.seals(told))
    seals = pl.DataFrame({"worth": worth, "new": new, "old": found.programmes["seals"]})
    text = programme_memory.render(
        accounts.select("account_id", *programme_memory.PLACING).with_columns(
            seals.select(pl.when("worth").then("new").otherwise("old").alias("seals"))
        )
    )
    remembers = "programmes" in written
    changed = (text != accounts[shown("programmes")]).fill_null(True)
    return Part(
        want=want,
        names=names,
        memory="programmes" if remembers else None,
        text=text,
        worth=worth if names else worth.clear(len(worth)).fill_null(False),
        changed=changed & remembers,
        why=_placed(worth, standing.why(accounts.filter(worth), told)),
    )


def _placed(where: pl.Series, texts: pl.Series) -> pl.Series:
    """Texts at the rows that are meant; the others have none."""
    return pl.repeat(None, len(where), dtype=pl.String, eager=True).scatter(where.arg_true(), texts)


def _health(setting: Setting, found: Assessment) -> Part:
    """The score and what goes with it."""
    mapping = setting.config.mapping
    accounts, memories = found.accounts, found.memories
    # What no field takes is nobody's edit and never worth a write.
    names = [name for name in memory.SEALED if name in mapping.write.account]
    want = outputs.desired(accounts).with_columns(
        pl.lit(None, POLARS[ACCOUNT_OUTPUTS[name]]).alias(name)
        for name in memory.SEALED
        if name not in names
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
    return Part(
        want=want,
        names=tuple(name for name in ACCOUNT_OUTPUTS if name in names),
        memory="memory",
        text=texts,
        worth=worth,
        changed=(texts != accounts["shown_memory"]).fill_null(True),
        why=_why(accounts, want, put_back),
    )


def edits_reported(found: Assessment) -> pl.DataFrame:
    """A person's edits of our fields, to show: `account_id`, `output`, `shown`."""
    frames = []
    edits = pl.concat([found.edits, found.programme_edits], how="horizontal")
    for name in edits.columns:
        hit = found.accounts.filter(edits[name])
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
