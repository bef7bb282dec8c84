"""Receipts: one for each row, matched by what names the row, never by its place alone."""

from __future__ import annotations

from crm_health.connector import RECEIPT_SCHEMA, Op
from crm_health.testing.conformance.kit import (
    break_wire,
    by_seq,
    creations,
    lock,
    opened,
    outcomes,
    some_rows,
    updates,
    upserts,
)
from crm_health.testing.conformance.rig import Rig, Wire


class ReceiptContract:
    """What `write` answers."""

    def test_each_row_has_one_receipt_of_the_given_shape(self, rig: Rig) -> None:
        """More rows than one call takes still give RECEIPT_SCHEMA with every `seq` once."""
        s = rig.subject
        with opened(rig) as (connector, _):
            count = connector.batch_size(Op.UPDATE, 1) + 2
            ids = rig.seed(some_rows(rig, count))
            receipts = connector.write(updates(rig, [(i, {s.text: i}) for i in ids]))
        assert dict(receipts.schema) == RECEIPT_SCHEMA
        found = by_seq(receipts)
        assert set(found) == set(range(1, count + 1))
        assert all(found[n]["id"] == row_id for n, row_id in enumerate(ids, 1))
        assert {row["outcome"] for row in found.values()} == {"done"}
        assert all(row[s.text] == i for i, row in rig.truth(s.stream.object).items())

    def test_a_refused_row_does_not_block_others(self, rig: Rig) -> None:
        """One row is rejected with a code; its neighbours are done."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 3))
        texts = ["fine", s.refused_text, "fine"]
        with opened(rig) as (connector, _):
            batch = updates(rig, [(i, {s.text: t}) for i, t in zip(ids, texts, strict=True)])
            receipts = by_seq(connector.write(batch))
        assert [receipts[n]["outcome"] for n in (1, 2, 3)] == ["done", "rejected", "done"]
        assert receipts[2]["code"]
        stored = rig.truth(s.stream.object)
        assert [stored[i][s.text] for i in ids] == ["fine", "text 1", "fine"]

    def test_a_batch_may_end_in_every_way_at_once(self, rig: Rig) -> None:
        """Some rows are done, one is refused, one gone, one never was: each has its own end."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 4))
        rig.delete(ids[1])
        texts = ["fine", "x", s.refused_text, "fine"]
        with opened(rig) as (connector, _):
            batch = updates(rig, [(i, {s.text: t}) for i, t in zip(ids, texts, strict=True)])
            assert outcomes(connector.write(batch)) == ["done", "gone", "rejected", "done"]
        stored = rig.truth(s.stream.object)
        assert {i: row[s.text] for i, row in stored.items()} == {
            ids[0]: "fine",
            ids[2]: "text 2",
            ids[3]: "fine",
        }

    def test_a_deleted_record_is_gone(self, rig: Rig) -> None:
        """An update of a record in the recycle bin is `gone`, and does not bring it back."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 2))
        rig.delete(ids[0])
        with opened(rig) as (connector, _):
            receipts = connector.write(updates(rig, [(i, {s.text: "x"}) for i in ids]))
        assert outcomes(receipts) == ["gone", "done"]
        assert set(rig.truth(s.stream.object)) == {ids[1]}

    def test_a_lock_of_a_moment_is_waited_out(self, rig: Rig) -> None:
        """A row locked once is done by the connector, or offered for a retry; others are done."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 3))
        lock(rig, ids[1], 1)
        batch = updates(rig, [(i, {s.text: "x"}) for i in ids])
        with opened(rig) as (connector, _):
            first = outcomes(connector.write(batch))
            assert [first[0], first[2]] == ["done", "done"]
            assert first[1] in ("done", "retry")
            assert outcomes(connector.write(batch)) == ["done"] * 3

    def test_a_lasting_lock_ends_as_retry(self, rig: Rig) -> None:
        """A row that stays locked is `retry`, and the connector stops asking."""
        s = rig.subject
        ids = rig.seed(some_rows(rig, 2))
        lock(rig, ids[0], 1000)
        with opened(rig) as (connector, ports):
            ends = outcomes(connector.write(updates(rig, [(i, {s.text: "x"}) for i in ids])))
            assert ports.budget.spent <= 20
        assert ends == ["retry", "done"]

    def test_reordered_answers_reach_their_rows(self, rig: Rig) -> None:
        """When answers come in another order no row gets the outcome of another."""
        s = rig.subject
        rows = [{s.key: "a", s.text: "x"}, {s.key: "b", s.text: s.refused_text}]
        rows += [{s.key: "c", s.text: "y"}, {s.key: "d", s.text: "z"}]
        break_wire(rig, Wire.REORDERED, kind="write")
        with opened(rig) as (connector, _):
            receipts = by_seq(connector.write(upserts(rig, rows)))
        self._nothing_false(rig, receipts, [str(row[s.key]) for row in rows])

    def test_reordered_creations_reach_their_rows(self, rig: Rig) -> None:
        """The same for records that are made together with a claim."""
        break_wire(rig, Wire.REORDERED, kind="write")
        with opened(rig) as (connector, _):
            receipts = by_seq(connector.write(creations(rig, ["a", "b", "c"])))
        texts = {
            i: row[rig.subject.text] for i, row in rig.truth(rig.subject.stream.object).items()
        }
        for n, key in enumerate("abc", 1):
            if receipts[n]["outcome"] == "done":
                assert texts[receipts[n]["id"]] == f"made for {key}"
            else:
                assert receipts[n]["outcome"] == "unknown"

    def test_a_row_without_answer_is_unknown(self, rig: Rig) -> None:
        """When the answers lack one, no row is called done that is not."""
        s = rig.subject
        rows = [{s.key: key, s.text: "x"} for key in "abc"]
        rows[0][s.text] = s.refused_text
        break_wire(rig, Wire.SHORT, kind="write")
        with opened(rig) as (connector, _):
            receipts = by_seq(connector.write(upserts(rig, rows)))
        assert receipts[1]["outcome"] in ("unknown", "rejected")
        self._nothing_false(rig, receipts, ["a", "b", "c"])

    @staticmethod
    def _nothing_false(rig: Rig, receipts: dict[int, dict[str, object]], keys: list[str]) -> None:
        """Done rows are in the CRM under the receipt's id, rejected ones are not; none is left."""
        s = rig.subject
        stored = {row[s.key]: i for i, row in rig.truth(s.stream.object).items()}
        assert set(receipts) == set(range(1, len(keys) + 1))
        for n, key in enumerate(keys, 1):
            outcome = receipts[n]["outcome"]
            assert outcome in ("done", "rejected", "unknown")
            if outcome == "done":
                assert stored.get(key) == receipts[n]["id"]
            if outcome == "rejected":
                assert key not in stored
