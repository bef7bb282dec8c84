"""Writing: repeating changes nothing, clearing clears, and no second record ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from crm_health.connector import RECEIPT_SCHEMA, Batch, Op
from crm_health.errors import BrokenInvariant
from crm_health.testing.conformance.kit import (
    break_wire,
    by_seq,
    claims,
    creations,
    opened,
    outcomes,
    some_rows,
    updates,
    upserts,
)
from crm_health.testing.conformance.rig import FOREVER, Rig, Wire

#: Wires on which a batch is applied although its answer never arrives whole.
LOSSES = [Wire.LOST, Wire.TRUNCATED, Wire.HTML]


class WritingContract:
    """`write`, seen from the records that it leaves."""

    def test_an_update_changes_only_what_it_names(self, rig: Rig) -> None:
        """The named fields get their values; others, and other rows, stay."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 2))
        before = rig.truth(s.stream.object)
        change = {s.text: "new", s.number: 7.0, s.day: date(2026, 2, 3)}
        with opened(rig) as (connector, _):
            assert outcomes(connector.write(updates(rig, [(ids[0], change)]))) == ["done"]
        after = rig.truth(s.stream.object)
        assert after[ids[0]] == {**before[ids[0]], **change}
        assert after[ids[1]] == before[ids[1]]

    def test_null_clears_a_field(self, rig: Rig) -> None:
        """A null of any type empties the field in the CRM."""
        s = rig.subject
        row_id = rig.seed(some_rows(rig, 1))[0]
        rows = pl.DataFrame(
            {"seq": [1], "id": [row_id], s.text: [None], s.number: [None], s.day: [None]},
            schema_overrides={s.text: pl.String, s.number: pl.Float64, s.day: pl.Date},
        )
        with opened(rig) as (connector, _):
            receipts = connector.write(Batch(Op.UPDATE, s.stream.object, rows))
        assert outcomes(receipts) == ["done"]
        row = rig.truth(s.stream.object)[row_id]
        assert [row[s.text], row[s.number], row[s.day]] == [None, None, None]

    def test_texts_survive_the_way_there(self, rig: Rig) -> None:
        """Any script, quotes, line ends, 1,000 characters, and words that a wire may know."""
        s = rig.subject
        texts = ["Zoë — 東京 🌲", "a \"b\" 'c' \\ d\n<e> & %", "ü" * 1000]
        texts += ["#N/A", "NA", "null", "None", "0", "a,b;c\r\nd", "=1+1"]
        ids = rig.seed(some_rows(rig, len(texts)))
        with opened(rig) as (connector, _):
            connector.write(
                updates(rig, [(i, {s.text: t}) for i, t in zip(ids, texts, strict=True)])
            )
        stored = rig.truth(s.stream.object)
        assert [stored[i][s.text] for i in ids] == texts

    def test_an_update_may_be_repeated(self, rig: Rig) -> None:
        """The same batch twice is done twice and leaves the same values."""
        s = rig.subject
        batch = updates(rig, [(i, {s.text: "same"}) for i in rig.seed(some_rows(rig, 3))])
        with opened(rig) as (connector, _):
            assert outcomes(connector.write(batch)) == ["done"] * 3
            first = rig.truth(s.stream.object)
            assert outcomes(connector.write(batch)) == ["done"] * 3
        assert rig.truth(s.stream.object) == first

    def test_an_upsert_twice_makes_one_record(self, rig: Rig) -> None:
        """The first upsert creates, the second finds the record by its key and says its id."""
        s = rig.subject
        batch = upserts(rig, [{s.key: "one", s.text: "a"}, {s.key: "two", s.text: "b"}])
        with opened(rig) as (connector, _):
            first, second = by_seq(connector.write(batch)), by_seq(connector.write(batch))
        assert [first[n]["created"] for n in (1, 2)] == [True, True]
        assert [second[n]["created"] for n in (1, 2)] == [False, False]
        stored = rig.truth(s.stream.object)
        assert {first[n]["id"] for n in (1, 2)} == {second[n]["id"] for n in (1, 2)} == set(stored)

    def test_create_once_twice_makes_one_record_and_one_claim(self, rig: Rig) -> None:
        """The second time the claim stands already: done, created false, nothing new."""
        s = rig.subject
        with opened(rig) as (connector, _):
            first = by_seq(connector.write(creations(rig, ["a", "b"])))
            second = by_seq(connector.write(creations(rig, ["a", "b"])))
        assert [(first[n]["outcome"], first[n]["created"]) for n in (1, 2)] == [("done", True)] * 2
        assert {first[n]["id"] for n in (1, 2)} == set(rig.truth(s.stream.object))
        assert [(second[n]["outcome"], second[n]["created"]) for n in (1, 2)] == [
            ("done", False)
        ] * 2
        assert claims(rig) == ["a", "b"]

    def test_a_claim_of_another_writer_is_respected(self, rig: Rig) -> None:
        """Two connectors that create for the same claim make one record between them."""
        s = rig.subject
        with opened(rig) as (mine, _), opened(rig) as (theirs, _):
            mine.write(creations(rig, ["a"]))
            receipts = by_seq(theirs.write(creations(rig, ["a", "b"])))
        assert [receipts[n]["created"] for n in (1, 2)] == [False, True]
        assert len(rig.truth(s.stream.object)) == 2

    def test_a_refused_record_leaves_no_claim(self, rig: Rig) -> None:
        """Where the CRM refuses the record its claim is not kept, or it could never be made.

        Mended it is made, at the latest when a creation without an answer would be given up.
        """
        s = rig.subject
        batch = creations(rig, ["a", "b"])
        rows = batch.rows.with_columns(
            pl.when(pl.col("seq") == 1).then(pl.lit(s.refused_text)).otherwise(s.text).alias(s.text)
        )
        broken = replace(batch, rows=rows)
        with opened(rig) as (connector, _):
            assert outcomes(connector.write(broken)) == ["rejected", "done"]
        assert claims(rig) == ["b"]
        assert len(rig.truth(s.stream.object)) == 1
        rig.move_clock(s.settles_within)
        with opened(rig) as (connector, _):
            mended = by_seq(connector.write(batch))
        assert [mended[n]["created"] for n in (1, 2)] == [True, False]
        assert len(rig.truth(s.stream.object)) == 2

    @pytest.mark.parametrize("wire", LOSSES)
    @pytest.mark.parametrize("times", [1, FOREVER])
    def test_a_lost_answer_never_makes_a_second_record(
        self, rig: Rig, wire: Wire, times: int
    ) -> None:
        """Applied but unanswered writes end as done or unknown; sent again, one record each.

        What is called done is in the CRM under that id. Where a creation can't be sent twice the
        second try may have to wait.
        """
        s = rig.subject
        for batch in (creations(rig, ["a", "b"]), upserts(rig, [{s.key: "u", s.text: "x"}])):
            break_wire(rig, wire, times, kind="write")
            with opened(rig) as (connector, _):
                ends = by_seq(connector.write(batch)).values()
            assert {row["outcome"] for row in ends} <= {"done", "unknown"}
            done = [row["id"] for row in ends if row["outcome"] == "done"]
            if times == 1:
                # A record that was there already need not be known by its id.
                done = [one for one in done if one is not None]
            else:
                assert s.looks_up or not done, "nobody said that it was done"
            assert set(done) <= set(rig.truth(s.stream.object))
            rig.heal()
            rig.move_clock(s.settles_within)
            with opened(rig) as (connector, _):
                assert set(outcomes(connector.write(batch))) == {"done"}
        assert len(rig.truth(s.stream.object)) == 3
        assert claims(rig) == ["a", "b"]

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    def test_nan_is_refused_before_anything_is_sent(self, rig: Rig, value: float) -> None:
        """A number that is none is a bug of ours: BrokenInvariant, and the CRM hears nothing."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 2))
        before = rig.truth(s.stream.object)
        batch = updates(rig, [(ids[0], {s.number: 1.0}), (ids[1], {s.number: value})])
        with opened(rig) as (connector, _), pytest.raises(BrokenInvariant):
            connector.write(batch)
        assert rig.truth(s.stream.object) == before

    def test_a_batch_names_no_record_twice(self, rig: Rig) -> None:
        """Which of two rows for one record would win? A bug of ours, and nothing is sent."""
        s = rig.subject
        (row_id,) = rig.seed(some_rows(rig, 1))
        twice = updates(rig, [(row_id, {s.text: "x"}), (row_id, {s.text: "y"})])
        with opened(rig) as (connector, _), pytest.raises(BrokenInvariant):
            connector.write(twice)
        assert rig.truth(s.stream.object)[row_id][s.text] == "text 0"

    @pytest.mark.parametrize("rows", [1, 7])
    def test_writing_costs_no_more_calls_than_was_said(self, rig: Rig, rows: int) -> None:
        """The calls of a plan are known before it is applied."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, rows))
        batch = updates(rig, [(i, {s.text: "x"}) for i in ids])
        with opened(rig) as (connector, ports):
            # Logins are no part of it.
            connector.identity()
            before = ports.budget.spent
            assert outcomes(connector.write(batch)) == ["done"] * rows
            assert 0 < ports.budget.spent - before <= connector.calls_for(Op.UPDATE, rows)

    @pytest.mark.parametrize("op", Op)
    def test_batches_have_a_size_however_many_rows_wait(self, rig: Rig, op: Op) -> None:
        """What is said of calls agrees with it, and asks nobody."""
        with opened(rig) as (connector, ports):
            assert all(connector.batch_size(op, rows) >= 1 for rows in (0, 1, 10**3, 10**6))
            assert connector.calls_for(op, 0) == 0
            assert connector.calls_for(op, 1) >= 1
            assert connector.calls_for(op, 10**6) >= 10**6 // connector.batch_size(op, 10**6)
            assert ports.budget.spent == 0

    def test_settling_without_notes_costs_nothing(self, rig: Rig) -> None:
        """Where nothing was left under way there is nothing to ask the CRM."""
        with opened(rig) as (connector, ports):
            connector.settle()
            assert ports.budget.spent == 0

    def test_a_batch_without_rows_costs_nothing(self, rig: Rig) -> None:
        """No rows: no call, no receipts, but their columns."""
        batch = updates(rig, [("x", {rig.subject.text: "y"})])
        empty = replace(batch, rows=batch.rows.clear())
        with opened(rig) as (connector, ports):
            receipts = connector.write(empty)
            assert ports.budget.spent == 0
        assert dict(receipts.schema) == RECEIPT_SCHEMA
