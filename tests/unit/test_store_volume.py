"""Volume: what is right for three rows is right for 100,000."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
from store_kit import NOW, opened, start

from crm_health.store import Scope

ROWS = 100_000


def cases(word: str) -> pl.DataFrame:
    number = pl.int_range(ROWS, eager=True)
    return pl.DataFrame({"n": number}).select(
        id=pl.format("500{}", pl.col("n")),
        account_id=pl.format("001{}", pl.col("n") % 4000),
        contact_id=pl.when(pl.col("n") % 3 == 0).then(pl.format("003{}", pl.col("n") % 9000)),
        number=pl.format("{} {}", pl.lit(word), pl.col("n")),
        priority=pl.lit("p1"),
        is_open=pl.col("n") % 2 == 0,
        opened_at=pl.lit(NOW) - pl.duration(minutes=pl.col("n")),
        closed_at=pl.lit(NOW),
        sla_due_at=pl.lit(NOW + timedelta(days=1)),
    )


def test_a_hundred_thousand_rows(tmp_path: Path) -> None:
    """100,000 rows are stored, found unchanged, changed and loaded, none lost or mixed up."""
    store = opened(tmp_path)
    for word, changed in (("a", ROWS), ("a", 0), ("b", ROWS)):
        with store.mirror.page() as page:
            assert page.upsert("case", "Case", cases(word)) == changed
    loaded = store.mirror.load("case", ["number", "is_open", "opened_at"], Scope.all())
    assert loaded.height == ROWS
    assert store.mirror.dirty().len() == 4000
    few = loaded["account_id"].unique().head(50)
    some = store.mirror.load("case", ["number"], Scope.accounts(few))
    assert some.height == 50 * ROWS // 4000
    store.close()


def test_a_large_plan(tmp_path: Path) -> None:
    """A plan of 20,000 rows is stored, marked and answered, each row once."""
    store = opened(tmp_path, prepare=False)
    run = start(store)
    seqs = pl.int_range(1, 20_001, eager=True).alias("seq")
    plan = seqs.to_frame().with_columns(
        kind=pl.lit("fields"),
        op=pl.lit("update"),
        shape=pl.lit("Score__c"),
        object=pl.lit("Account"),
        record_id=pl.format("001{}", pl.col("seq")),
        fields=pl.format('{{"Score__c":{}}}', pl.col("seq")),
    )
    receipts = seqs.to_frame().with_columns(
        outcome=pl.lit("done"),
        id=pl.format("001{}", pl.col("seq")),
        created=pl.lit(False),
        code=pl.lit(None),
        field=pl.lit(None),
        message=pl.lit(None),
        retry_after=pl.lit(None),
    )
    store.drafts.add(run, plan)
    store.drafts.fix(run, ["fields"])
    store.plans.mark(run.id, seqs, "sent")
    store.plans.receipts(run.id, receipts)
    assert store.plans.counts(run.id) == {"done": 20_000}
    assert store.plans.rejected().is_empty()
    store.close()
