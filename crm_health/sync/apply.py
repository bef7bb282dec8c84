"""Phase (f): the plan's rows go out in full batches; each leaves a receipt.

A batch is marked as sent, durably, before its first byte leaves. What was sent without a
receipt is unknown and settled by the next run's read.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from crm_health import errors
from crm_health.config.load import Config
from crm_health.config.mapping import Mapping
from crm_health.connector import Batch, Connector, Ledger, Op, Outcome
from crm_health.entities import ACCOUNT_OUTPUTS, POLARS, Kind, shown
from crm_health.store import Group, Run, Store
from crm_health.sync import rests
from crm_health.sync.options import Options

#: What of a plan row goes into its batch.
_SENT = (
    "seq",
    "record_id",
    "key_field",
    "fields",
    "claim_object",
    "claim_key_field",
    "claim_fields",
)

#: What the next run sends again, or finds out.
_OPEN = (Outcome.RETRY.value, Outcome.UNKNOWN.value)


class Stopped(errors.Unavailable):
    """Stopped on request: what is pending follows in the next run."""

    exit_code = 143


def apply(connector: Connector, store: Store, run: Run, config: Config, options: Options) -> None:
    """Send all planned rows of a run, but for those that rest on one which did not get through.

    Raises:
        QuotaExhausted, AuthError, SetupError, LeaseLost, Stopped: the rest stays planned, and
            the next run plans it again.
    """
    mapping = config.mapping
    for batch, kind in batches(connector, store, run.id, mapping):
        seqs = batch.rows["seq"]
        if options.stopping():
            raise Stopped
        store.runs.check(run, options.clock() if options.clock else None)
        store.plans.mark(run.id, seqs, "sent")
        try:
            receipts = connector.write(batch)
        except errors.CrmHealthError:
            # By contract what is raised here left nothing sent; lost answers are receipts.
            store.plans.mark(run.id, seqs, "planned")
            raise
        store.plans.receipts(run.id, receipts)
        if kind in rests.LEADS and (receipts["outcome"] != Outcome.DONE).any():
            _hold_back(store, run, config, kind)
        if kind in ("fields", "memory"):
            _write_through(store, batch, receipts, mapping)
        if kind == "context" and mapping.write.case is not None:
            _context_through(store, batch, receipts, mapping.write.case.context)
        options.tick(kind, receipts.height)
        if connector.usage().exhausted and receipts["outcome"].is_in(_OPEN).any():
            raise errors.QuotaExhausted(code="CH-BUDGET")


def _hold_back(store: Store, run: Run, config: Config, kind: str) -> None:
    """What rests on rows of a kind that did not get through follows with them."""
    sent = store.plans.rows(run.id, kinds=(kind,), columns=("status", *rests.ROWS))
    failed = sent.filter(~pl.col("status").is_in([Outcome.DONE.value, "planned"]))
    following = store.plans.rows(
        run.id, "planned", kinds=rests.FOLLOW, columns=("seq", *rests.ROWS)
    )
    waiting = rests.resting(following, failed, config.playbook.alerts)
    store.plans.mark(run.id, waiting["seq"], Outcome.RETRY.value)


def batches(
    connector: Connector, store: Store, run_id: str, mapping: Mapping
) -> Iterator[tuple[Batch, str]]:
    """Planned rows that look alike, in the order of their numbers: one batch in memory at a time.

    Each comes with the kind of its rows.
    """
    for group in store.plans.groups(run_id):
        waiting, after = group.rows, group.first - 1
        while waiting > 0:
            chunk = store.plans.rows(
                run_id,
                "planned",
                columns=_SENT,
                after=after,
                upto=group.last,
                limit=connector.batch_size(Op(group.op), waiting),
            )
            if chunk.is_empty():
                # The others wait for what they rest on.
                break
            yield _batch(group, chunk, mapping), group.kind
            waiting, after = waiting - chunk.height, chunk["seq"][-1]


def _batch(group: Group, chunk: pl.DataFrame, mapping: Mapping) -> Batch:
    op = Op(group.op)
    claim = ledger = None
    if op is Op.CREATE_ONCE:
        ledger = _ledger(mapping)
        claim = Batch(
            Op.UPSERT,
            chunk["claim_object"][0],
            _frame(chunk, "claim_fields", with_id=False),
            chunk["claim_key_field"][0],
        )
    rows = _frame(chunk, "fields", with_id=op is Op.UPDATE)
    return Batch(op, group.object, rows, chunk["key_field"][0], claim, ledger)


def _ledger(mapping: Mapping) -> Ledger | None:
    """Where claims are written down, if the mapping has such a place."""
    episode, accounts = mapping.write.episode, mapping.read.get("account", ())
    if episode.claims is None or not accounts:
        return None
    return Ledger(accounts[0].object, episode.claims, episode.account)


def _frame(chunk: pl.DataFrame, column: str, *, with_id: bool) -> pl.DataFrame:
    values = chunk[column].str.json_decode(infer_schema_length=None).struct.unnest()
    # A column of nulls has no type of its own; as text it clears all the same.
    values = values.with_columns(pl.col(pl.Null).cast(pl.String))
    keys = [chunk["seq"]] + ([chunk["record_id"].alias("id")] if with_id else [])
    return pl.DataFrame(keys).hstack(values)


def _write_through(store: Store, batch: Batch, receipts: pl.DataFrame, mapping: Mapping) -> None:
    """What the CRM acknowledged is what it shows: the mirror says so before the echo comes."""
    done = receipts.filter(pl.col("outcome") == Outcome.DONE)["seq"]
    rows = batch.rows.filter(pl.col("seq").is_in(done.implode()))
    names = {path: output for output, path in mapping.write.account.items()}
    columns = [pl.col("id")]
    for path in rows.columns:
        if path in names:
            kind = ACCOUNT_OUTPUTS[names[path]]
            columns.append(_typed(rows, path, kind).alias(shown(names[path])))
    if rows.height:
        store.mirror.write_through("account", rows.select(columns))


def _context_through(store: Store, batch: Batch, receipts: pl.DataFrame, path: str) -> None:
    done = receipts.filter(pl.col("outcome") == Outcome.DONE)["seq"]
    rows = batch.rows.filter(pl.col("seq").is_in(done.implode()))
    if rows.height:
        store.mirror.write_through("case", rows.select("id", pl.col(path).alias(shown("context"))))


def _typed(rows: pl.DataFrame, path: str, kind: Kind) -> pl.Expr:
    if kind is Kind.DATE and rows.schema[path] == pl.String:
        return pl.col(path).str.to_date("%Y-%m-%d")
    return pl.col(path).cast(POLARS[kind])
