"""Reading from the beginning: complete, typed, each row once, the last page marked."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from crm_health.connector import Request
from crm_health.testing.conformance.kit import opened, read, rows_of, some_rows
from crm_health.testing.conformance.rig import Rig

#: Sizes in pages, and rows more: what goes wrong with paging goes wrong at an end of a page.
SIZES = [(0, 0), (0, 1), (1, -1), (1, 0), (1, 1), (3, 0)]


class ReadingContract:
    """`changes` without a cursor, and `ids`."""

    @pytest.mark.parametrize(("pages", "more"), SIZES)
    def test_a_first_read_is_complete_and_ends(self, rig: Rig, pages: int, more: int) -> None:
        """Every row comes exactly once, and exactly the final page is marked as last."""
        seeded = rig.seed(some_rows(rig, pages * rig.page + more))
        with opened(rig) as (connector, _):
            got = read(connector, rig.subject.stream)
        ids = [row_id for page in got for row_id in page.rows["id"]]
        assert sorted(ids) == sorted(seeded)
        assert [page.last for page in got] == [False] * (len(got) - 1) + [True]

    def test_pages_have_the_columns_and_types_of_the_stream(self, rig: Rig) -> None:
        """Rows have `Stream.schema()`, also in a page without rows."""
        with opened(rig) as (connector, _):
            empty = read(connector, rig.subject.stream)
            rig.seed(some_rows(rig, 2))
            full = read(connector, rig.subject.stream)
        for page in [*empty, *full]:
            assert dict(page.rows.schema) == rig.subject.stream.schema()
            assert page.stream == rig.subject.stream

    def test_values_arrive_as_they_are(self, rig: Rig) -> None:
        """Text of any script, numbers, days and empty fields are read unchanged."""
        s = rig.subject
        given = {s.key: "k", s.text: "Zoë — 東京\n\"quoted\" \\ 'x' 🌲", s.number: 12.5}
        row_id = rig.seed([{**given, s.day: date(2024, 2, 29)}, {s.key: "empty"}])
        with opened(rig) as (connector, _):
            rows = rows_of(read(connector, s.stream))
        full, empty = rows[row_id[0]], rows[row_id[1]]
        assert {name: full[name] for name in given} == given
        assert full[s.day] == date(2024, 2, 29)
        assert full["deleted"] is False
        assert [empty[s.text], empty[s.number], empty[s.day]] == [None, None, None]

    def test_a_long_text_survives(self, rig: Rig) -> None:
        """A text of 1,000 characters is not cut."""
        row_id = rig.seed([{rig.subject.key: "k", rig.subject.text: "ä" * 1000}])[0]
        with opened(rig) as (connector, _):
            rows = rows_of(read(connector, rig.subject.stream))
        assert rows[row_id][rig.subject.text] == "ä" * 1000

    def test_rows_of_one_stamp_survive_the_end_of_a_page(self, rig: Rig) -> None:
        """More than two pages of rows saved in one moment are read whole, page by page."""
        at = rig.now() - timedelta(hours=3)
        seeded = rig.seed(some_rows(rig, 2 * rig.page + 3), at)
        found: set[str] = set()
        cursor: str | None = None
        with opened(rig) as (connector, _):
            for _ in range(20):
                # Each page is read by a read of its own, as after a crash.
                page = next(iter(connector.changes([Request(rig.subject.stream, cursor)])))
                found |= set(page.rows["id"])
                cursor = page.cursor
                if page.last:
                    break
        # A crash may make rows come again, but never lets one be skipped.
        with opened(rig) as (connector, _):
            found |= set(rows_of(read(connector, rig.subject.stream, cursor)))
        assert found == set(seeded)

    def test_every_request_gets_its_own_last_page(self, rig: Rig) -> None:
        """Several streams asked for together each come in order and end."""
        rig.seed(some_rows(rig, rig.page + 1))
        s = rig.subject
        with opened(rig) as (connector, _):
            pages = list(connector.changes([Request(s.stream), Request(s.claim)]))
        for stream in (s.stream, s.claim):
            own = [page for page in pages if page.stream == stream]
            assert [page.last for page in own] == [False] * (len(own) - 1) + [True]

    def test_ids_lists_every_live_row_once(self, rig: Rig) -> None:
        """`ids` gives live rows over several pages, and no deleted one."""
        seeded = rig.seed(some_rows(rig, rig.page + 2))
        rig.delete(seeded[0])
        with opened(rig) as (connector, _):
            found = [i for series in connector.ids(rig.subject.stream.object) for i in series]
        assert sorted(found) == sorted(seeded[1:])
