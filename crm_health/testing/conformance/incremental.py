"""Reading from a cursor: nothing that changed is missed, whatever happened in between."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_health.connector import Page, Request
from crm_health.testing.conformance.kit import is_whole, opened, read, rows_of, run, some_rows
from crm_health.testing.conformance.rig import Rig, Unsupported


def _spread(rig: Rig, count: int) -> list[str]:
    """Rows saved an hour apart, the last one a day ago."""
    rows = some_rows(rig, count)
    start = rig.now() - timedelta(days=1, hours=count)
    return [rig.seed([row], start + timedelta(hours=n))[0] for n, row in enumerate(rows)]


class IncrementalContract:
    """`changes` with a cursor."""

    def test_a_quiet_read_ends_at_once(self, rig: Rig) -> None:
        """With nothing new there is one last page, and old rows are not all read again.

        Where the CRM tells of no change each read says that it is whole, and is.
        """
        seeded = _spread(rig, 12)
        first = run(rig, rig.subject.stream)
        if is_whole(first):
            again = run(rig, rig.subject.stream, first[-1].cursor)
            assert set(rows_of(first)) == set(rows_of(again)) == set(seeded)
            assert is_whole(again)
            return
        quiet = run(rig, rig.subject.stream, first[-1].cursor)
        again = run(rig, rig.subject.stream, quiet[-1].cursor)
        assert set(rows_of(first)) == set(seeded)
        for pages in (quiet, again):
            assert [page.last for page in pages] == [True]
            # An overlap may bring back the newest; anything more is a full read.
            assert set(rows_of(pages)) <= set(seeded[-1:])

    def test_changes_and_new_rows_are_found(self, rig: Rig) -> None:
        """An edit and a new row after the cursor both come, with their new values."""
        s = rig.subject
        seeded = _spread(rig, 5)
        cursor = run(rig, s.stream)[-1].cursor
        rig.move_clock(timedelta(hours=1))
        rig.edit(seeded[0], {s.text: "changed"})
        new = rig.seed(some_rows(rig, 1, start=100))[0]
        rows = rows_of(run(rig, s.stream, cursor))
        assert rows[seeded[0]][s.text] == "changed"
        assert new in rows

    def test_a_change_in_the_same_moment_as_the_read_is_found(self, rig: Rig) -> None:
        """A row saved again while the CRM's clock stands still comes in the next read."""
        s = rig.subject
        seeded = rig.seed(some_rows(rig, 3))
        cursor = run(rig, s.stream)[-1].cursor
        rig.edit(seeded[0], {s.text: "changed"})
        rows = rows_of(run(rig, s.stream, cursor))
        assert rows[seeded[0]][s.text] == "changed"

    def test_deletes_are_reported(self, rig: Rig) -> None:
        """A deleted row comes as its id with `deleted`, and no values; or a whole read lacks it."""
        s = rig.subject
        seeded = _spread(rig, 3)
        cursor = run(rig, s.stream)[-1].cursor
        rig.move_clock(timedelta(hours=1))
        rig.delete(seeded[1])
        rig.move_clock(rig.deletes_within)
        pages = run(rig, s.stream, cursor)
        if is_whole(pages):
            assert set(rows_of(pages)) == {seeded[0], seeded[2]}
            return
        row = rows_of(pages)[seeded[1]]
        assert row["deleted"] is True
        assert [row[s.text], row[s.number], row[s.day]] == [None, None, None]

    def test_a_merge_leaves_the_one_row_that_is_left(self, rig: Rig) -> None:
        """Merged rows are gone, and where to is told if at all rightly; the survivor is there.

        The survivor may have an id of its own, which no read has seen before.
        """
        s = rig.subject
        seeded = _spread(rig, 4)
        known = rows_of(first := run(rig, s.stream))
        rig.move_clock(timedelta(hours=1))
        try:
            survivor = rig.merge(seeded[1], seeded[2])
        except Unsupported as reason:
            pytest.skip(str(reason))
        rig.move_clock(rig.deletes_within)
        known |= rows_of(run(rig, s.stream, first[-1].cursor))
        live = {row_id for row_id, row in known.items() if not row["deleted"]}
        assert live == set(rig.truth(s.stream.object)) == {seeded[0], seeded[3], survivor}
        assert known[survivor][s.text] == rig.truth(s.stream.object)[survivor][s.text]
        told = {row["merged_into"] for row in known.values() if row["deleted"]}
        assert told <= {None, survivor}

    def test_what_shows_late_is_found_by_the_next_read(self, rig: Rig) -> None:
        """A change made a moment before a read, and not to be found yet, comes with the next.

        Its stamp lies before what the first read has covered already.
        """
        s = rig.subject
        seeded = _spread(rig, 3)
        cursor = run(rig, s.stream)[-1].cursor
        rig.move_clock(timedelta(hours=1))
        try:
            rig.lag(timedelta(minutes=1))
        except Unsupported as reason:
            pytest.skip(str(reason))
        rig.edit(seeded[0], {s.text: "changed"})
        (new,) = rig.seed(some_rows(rig, 1, start=50))
        rig.move_clock(timedelta(seconds=5))
        pages = run(rig, s.stream, cursor)
        rig.move_clock(timedelta(minutes=2))
        pages += run(rig, s.stream, pages[-1].cursor)
        assert rows_of(pages)[seeded[0]][s.text] == "changed"
        assert new in rows_of(pages)

    def test_a_late_commit_is_found(self, rig: Rig) -> None:
        """A row that appears after rows with later stamps were read comes in a later read."""
        s = rig.subject
        try:
            rig.hold(some_rows(rig, 1)[0])
        except Unsupported as reason:
            pytest.skip(str(reason))
        rig.move_clock(timedelta(hours=1))
        early = rig.seed(some_rows(rig, 2, start=10))
        first = run(rig, s.stream)
        assert set(rows_of(first)) == set(early)
        rig.move_clock(timedelta(hours=1))
        second = run(rig, s.stream, first[-1].cursor)
        (late,) = rig.release()
        assert late not in rows_of(second)
        rig.move_clock(timedelta(hours=1))
        assert late in rows_of(run(rig, s.stream, second[-1].cursor))

    def test_reading_resumes_from_the_cursor_of_any_page(self, rig: Rig) -> None:
        """What was not yet delivered when a page was stored follows from that page's cursor."""
        s = rig.subject
        # Further apart than any overlap, so that a cursor ahead of its page shows.
        rows = some_rows(rig, 3 * rig.page)
        seeded = set(rig.seed(rows[: rig.page], rig.now() - timedelta(hours=90)))
        seeded |= set(rig.seed(rows[rig.page : 2 * rig.page], rig.now() - timedelta(hours=60)))
        seeded |= set(rig.seed(rows[2 * rig.page :], rig.now() - timedelta(hours=30)))
        with opened(rig) as (connector, _):
            pages = read(connector, s.stream)
            for position in range(len(pages)):
                known = set(rows_of(pages[: position + 1]))
                rest = set(rows_of(read(connector, s.stream, pages[position].cursor)))
                assert known | rest == seeded

    def test_an_edit_between_two_pages_is_not_lost(self, rig: Rig) -> None:
        """A row changed while it is being read is known with its last value in the end."""
        s = rig.subject
        seeded = rig.seed(some_rows(rig, 3 * rig.page), rig.now() - timedelta(hours=2))
        pages: list[Page] = []
        with opened(rig) as (connector, _):
            for page in connector.changes([Request(s.stream)]):
                if not pages:
                    rig.edit(seeded[0], {s.text: "first"})
                    rig.edit(seeded[-1], {s.text: "last"})
                pages.append(page)
            pages += read(connector, s.stream, pages[-1].cursor)
        rows = rows_of(pages)
        assert set(rows) == set(seeded)
        assert [rows[seeded[0]][s.text], rows[seeded[-1]][s.text]] == ["first", "last"]

    def test_a_cursor_in_the_future_hides_nothing_for_ever(self, rig: Rig) -> None:
        """After the CRM's clock was wrong for a time, new rows are found all the same."""
        s = rig.subject
        rig.move_clock(timedelta(days=3650))
        rig.seed(some_rows(rig, 1))
        cursor = run(rig, s.stream)[-1].cursor
        rig.move_clock(timedelta(days=-3650))
        new = rig.seed(some_rows(rig, 1, start=5))[0]
        rig.move_clock(timedelta(hours=1))
        assert new in rows_of(run(rig, s.stream, cursor))
