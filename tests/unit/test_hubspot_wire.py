"""HubSpot's answers become typed frames, and cursors survive being text."""

from __future__ import annotations

from datetime import UTC, date, datetime

import orjson
import polars as pl
import pytest

from connectors.cells import typed
from connectors.hubspot.cursor import Cursor
from connectors.hubspot.wire import Wanted, parse
from crm_health.connector import FieldRead
from crm_health.entities import Kind
from crm_health.errors import StateError, Unavailable

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_cells_of_every_kind() -> None:
    """Texts become what the mapping wants; a cleared one is nothing, an odd one is reported."""
    given = {
        Kind.TEXT: (["a", "", None], ["a", None, None]),
        Kind.NUMBER: (["1.5", "", "NaN"], [1.5, None, None]),
        Kind.BOOLEAN: (["true", "FALSE", "1"], [True, False, None]),
        Kind.DATE: (
            ["2024-02-29", "1709164800000", "2024-02-29T23:59:59.999Z"],
            [date(2024, 2, 29)] * 3,
        ),
        Kind.INSTANT: (
            ["2022-05-03T09:15:00Z", "2022-05-03T09:15:00.500Z", "1651569300000"],
            [datetime(2022, 5, 3, 9, 15, tzinfo=UTC),
             datetime(2022, 5, 3, 9, 15, 0, 500_000, tzinfo=UTC),
             datetime(2022, 5, 3, 9, 15, tzinfo=UTC)],
        ),
    }  # fmt: skip
    wire = pl.DataFrame({"id": ["1", "2", "3"], **{k.value: v[0] for k, v in given.items()}})
    got, bad = typed(wire, tuple(FieldRead(k.value, k) for k in given))
    assert {k: got[k.value].to_list() for k in given} == {k: v[1] for k, v in given.items()}
    assert sorted(bad.select("id", "path").rows()) == [("3", "boolean"), ("3", "number")]


def test_values_of_other_types_are_survived() -> None:
    """Numbers and truth values become texts; anything else is reported."""
    record = {"id": 7, "properties": {"a": 5, "b": True, "c": {"x": 1}, "d": None}}
    wanted = Wanted(("a", "b", "c", "d"))
    parsed = parse(orjson.dumps({"results": [record]}), wanted, "list")
    assert wanted.flat(parsed.rows).row(0) == ("7", "5", "true", None, None)
    assert parsed.odd == [{"id": "7", "path": "c", "problem": "of another type"}]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"results": 5}', b'{"results":[1]}', b'{"results":[{}]}']
)
def test_what_is_no_page_is_unavailable(body: bytes) -> None:
    """A body that holds no records never passes for an empty page."""
    with pytest.raises(Unavailable):
        parse(body, Wanted(("a",)), "list")


@pytest.mark.parametrize("text", ["", "{}", "null", '{"v":2}', '{"v":1,"t":"2026-01-01"}'])
def test_a_foreign_cursor_is_a_state_error(text: str) -> None:
    """A cursor that is not ours is refused rather than taken for a beginning."""
    with pytest.raises(StateError):
        Cursor.load(text)


def test_a_cursor_survives_its_text() -> None:
    """Every member comes back."""
    cursor = Cursor(NOW, NOW, "123", False, 5, 6, NOW, NOW, True)
    assert Cursor.load(cursor.dump()) == cursor
