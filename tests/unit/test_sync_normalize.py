"""CRM values to entity columns."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from crm_health.businesstime import Calendar
from crm_health.config.mapping import Feed, Source
from crm_health.connector import BAD_SCHEMA, FieldRead, Page, Stream
from crm_health.entities import ENTITIES, POLARS, Kind
from crm_health.sync.normalize import LONGEST, Normalized, normalize
from crm_health.sync.streams import ResolvedFeed

UTC_CALENDAR = Calendar("UTC")
Rows = list[dict[str, Any]]


def feed_of(
    entity: str,
    columns: dict[str, Any],
    absent: dict[str, Kind] | None = None,
    **options: Any,
) -> ResolvedFeed:
    feed = Feed.model_validate({"object": "Thing", "columns": columns} | options, strict=False)
    sources: dict[str, Source] = {**feed.columns, **feed.extra}
    kinds = {
        name: ENTITIES[entity].kind(name) or source.type or Kind.TEXT
        for name, source in sources.items()
    }
    return ResolvedFeed(entity, "Thing", sources, kinds, absent or {}, feed.keep, feed.sla_hours)


def page_of(
    rows: list[dict[str, Any]], bad: list[tuple[str, str, str]] | None = None, **kinds: Kind
) -> Page:
    stream = Stream("Thing", tuple(FieldRead(path, kind) for path, kind in kinds.items()))
    given = [{"id": f"t{n}", "deleted": False, **row} for n, row in enumerate(rows)]
    frame = pl.DataFrame(given, schema=stream.schema())
    problems = pl.DataFrame(bad or [], schema=BAD_SCHEMA, orient="row")
    return Page(stream, frame, "c", last=True, bad=problems)


def value_of(
    source: Any, value: Any, wire: Kind, column: str, entity: str = "account", zone: str = "UTC"
) -> tuple[Any, list[str]]:
    """What one cell becomes, and the problems it makes."""
    found = normalize(
        page_of([{"F": value}], F=wire), feed_of(entity, {column: source}), Calendar(zone)
    )
    assert found.rows.schema[column] == POLARS[ENTITIES[entity].kind(column) or Kind.TEXT]
    return found.rows[column][0], found.problems["problem"].to_list()


GRADES: dict[str, Any] = {"field": "F", "values": {"Great": "good", " bad ": "poor"}}
TYPES = {"field": "F", "starts_with": {"Customer": "customer"}}


@pytest.mark.parametrize(
    ("source", "value", "expected", "problems"),
    [
        (GRADES, "Great", "good", []),
        (GRADES, " gREAT ", "good", []),
        (GRADES, "BAD", "poor", []),
        (GRADES, "Superb", None, ["value not usable"]),
        (GRADES, None, None, []),
        (GRADES, "  ", None, []),
        (GRADES | {"otherwise": "fair"}, "Superb", "fair", []),
        (GRADES | {"otherwise": "fair"}, None, "fair", []),
        (TYPES, "customer - direct", "customer", []),
        (TYPES, "Ex-Customer", None, ["value not usable"]),
        ({"field": "F", "words": {"a": ["QBR", "on site"]}}, "Our qbr, part 2", "a", []),
        ({"field": "F", "words": {"a": ["ROI"]}}, "Android", None, []),
        ({"field": "F", "words": {"a": ["x.y"]}}, "xzy", None, []),
        ({"field": "F", "words": {"a": ["one"], "b": ["two"]}}, "two one", "a", []),
        ("F", "plain", "plain", []),
        ({"field": "F", "otherwise": "none"}, None, "none", []),
        ({"constant": "fixed"}, "whatever", "fixed", []),
    ],
)  # fmt: skip
def test_words_of_the_crm_become_ours(
    source: Any, value: str | None, expected: str | None, problems: list[str]
) -> None:
    """Without regard to case and white space; what is unknown is missing and counted."""
    assert value_of(source, value, Kind.TEXT, "industry") == (expected, problems)


def test_numbers_and_checkboxes_translate_by_what_people_see() -> None:
    """3.0 is "3", true is "true"."""
    stars = {"field": "F", "values": {"3": "good"}}
    assert value_of(stars, 3.0, Kind.NUMBER, "industry") == ("good", [])
    closed = {"field": "F", "values": {"true": False, "false": True}}
    for value, expected in ((True, False), (False, True), (None, None)):
        assert value_of(closed, value, Kind.BOOLEAN, "regulated") == (expected, [])
    grade = {"field": "F", "starts_with": {"1": 1, "5": 5}}
    assert value_of(grade, "5 Great", Kind.TEXT, "csm_sentiment") == (5.0, [])
    assert value_of(grade, "6 Superb", Kind.TEXT, "csm_sentiment") == (None, ["value not usable"])
    for odd in (0.8, 6.0, 80.0):
        found = value_of("F", odd, Kind.NUMBER, "csm_sentiment")
        assert found == (None, ["not from 1 to 5"])
    assert value_of("F", "good", Kind.TEXT, "csm_sentiment") == (None, ["value not usable"])
    assert value_of({"constant": 4}, None, Kind.TEXT, "csm_sentiment") == (4.0, [])
    left = {"field": "F", "starts_with": {"": False}, "otherwise": True}
    at = datetime(2026, 3, 2, tzinfo=UTC)
    assert value_of(left, None, Kind.INSTANT, "regulated") == (True, [])
    assert value_of(left, at, Kind.INSTANT, "regulated") == (False, [])


@pytest.mark.parametrize(
    ("value", "expected", "problems"),
    [
        ("true", True, []),
        ("TRUE ", True, []),
        ("1", True, []),
        ("No", False, []),
        ("0", False, []),
        ("maybe", None, ["value not usable"]),
        ("", None, []),
    ],
)
def test_booleans_come_as_text_too(value: str, expected: bool | None, problems: list[str]) -> None:
    """In the few ways that CRMs write them."""
    assert value_of("F", value, Kind.TEXT, "regulated") == (expected, problems)


@pytest.mark.parametrize(
    ("value", "wire", "expected"),
    [
        (float("inf"), Kind.NUMBER, None),
        (float("-inf"), Kind.NUMBER, None),
        (float("nan"), Kind.NUMBER, None),
        (1e300, Kind.NUMBER, 1e300),
        (" 12.5 ", Kind.TEXT, 12.5),
        ("1,5", Kind.TEXT, None),
        ("12 EUR", Kind.TEXT, None),
        ("1e999", Kind.TEXT, None),
        ("-3", Kind.TEXT, -3.0),
        (True, Kind.BOOLEAN, 1.0),
    ],
)
def test_numbers_are_finite_or_missing(value: Any, wire: Kind, expected: float | None) -> None:
    """NaN, infinities and what is no number are missing, and counted."""
    found, problems = value_of("F", value, wire, "contract_value")
    assert found == expected
    assert problems == (["value not usable"] if expected is None else [])


def test_numbers_are_scaled_last() -> None:
    """`times` and `plus` make one scale of another; an overflow is missing."""
    nps = {"field": "F", "times": 10, "plus": 5}
    assert value_of(nps, 7.0, Kind.NUMBER, "contract_value") == (75.0, [])
    assert value_of(nps, None, Kind.NUMBER, "contract_value") == (None, [])
    assert value_of(nps, 1e308, Kind.NUMBER, "contract_value") == (None, ["value not usable"])


@pytest.mark.parametrize(
    ("value", "wire", "expected"),
    [
        (date(1, 1, 1), Kind.DATE, None),
        (date(9999, 12, 31), Kind.DATE, None),
        (date(1970, 1, 1), Kind.DATE, None),
        (date(2026, 3, 2), Kind.DATE, date(2026, 3, 2)),
        ("2026-03-02", Kind.TEXT, date(2026, 3, 2)),
        ("2026-03-02T23:59:00Z", Kind.TEXT, date(2026, 3, 2)),
        ("2026-02-30", Kind.TEXT, None),
        ("02.03.2026", Kind.TEXT, None),
        ("", Kind.TEXT, None),
    ],
)
def test_dates_far_away_are_missing(value: Any, wire: Kind, expected: date | None) -> None:
    """Year 1 and year 9999 are somebody's "none"."""
    found, problems = value_of("F", value, wire, "renewal_at")
    assert found == expected
    assert problems == (["value not usable"] if expected is None and value != "" else [])


@pytest.mark.parametrize(
    ("zone", "hour", "day"),
    [
        ("UTC", 0, 2),
        ("UTC", 23, 2),
        ("Pacific/Tongatapu", 10, 2),
        ("Pacific/Tongatapu", 11, 3),
        ("Pacific/Pago_Pago", 10, 1),
        ("Pacific/Pago_Pago", 11, 2),
    ],
)
def test_an_instant_s_date_is_the_org_s(zone: str, hour: int, day: int) -> None:
    """The day is that of the organisation's clock, 13 hours ahead or 11 behind."""
    at = datetime(2026, 3, 2, hour, tzinfo=UTC)
    assert value_of("F", at, Kind.INSTANT, "renewal_at", zone=zone) == (date(2026, 3, day), [])


@pytest.mark.parametrize(
    ("value", "wire", "zone", "expected"),
    [
        (date(2026, 3, 2), Kind.DATE, "UTC", datetime(2026, 3, 2, tzinfo=UTC)),
        (date(2026, 3, 2), Kind.DATE, "Pacific/Tongatapu", datetime(2026, 3, 1, 11, tzinfo=UTC)),
        ("2026-03-02T09:00:00.000+0000", Kind.TEXT, "UTC", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T09:00:00Z", Kind.TEXT, "UTC", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T09:00:00+02:00", Kind.TEXT, "UTC", datetime(2026, 3, 2, 7, tzinfo=UTC)),
        ("yesterday", Kind.TEXT, "UTC", None),
        (datetime(1, 1, 1, tzinfo=UTC), Kind.INSTANT, "UTC", None),
        (datetime(9999, 12, 31, tzinfo=UTC), Kind.INSTANT, "UTC", None),
    ],
)
def test_instants_come_from_days_and_texts(
    value: Any, wire: Kind, zone: str, expected: datetime | None
) -> None:
    """A day begins at its first minute in the org's zone; texts carry their own."""
    found, problems = value_of("F", value, wire, "created_at", zone=zone)
    assert found == expected
    assert problems == (["value not usable"] if expected is None else [])


def test_a_megabyte_of_text_is_cut() -> None:
    """Counted, and the row stays."""
    found, problems = value_of("F", "x" * 1_000_000, Kind.TEXT, "industry")
    assert (len(found), problems) == (LONGEST, ["text cut"])
    assert value_of("F", "x" * LONGEST, Kind.TEXT, "industry") == ("x" * LONGEST, [])


def test_the_first_path_that_is_not_empty_counts() -> None:
    """Blank texts are empty; types stay what they are."""
    feed = feed_of("account", {"industry": {"field": ["A", "B"]}})
    rows: Rows = [
        {"A": "a", "B": "b"},
        {"A": " ", "B": "b"},
        {"A": None, "B": None},
    ]
    found = normalize(page_of(rows, A=Kind.TEXT, B=Kind.TEXT), feed, UTC_CALENDAR)
    assert found.rows["industry"].to_list() == ["a", "b", None]
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    feed = feed_of("account", {"created_at": {"field": ["A", "B"]}})
    page = page_of([{"A": None, "B": at}], A=Kind.INSTANT, B=Kind.INSTANT)
    assert normalize(page, feed, UTC_CALENDAR).rows["created_at"].to_list() == [at]
    feed = feed_of("account", {"contract_value": {"field": ["A", "B"]}})
    page = page_of([{"A": "", "B": 3.0}], A=Kind.TEXT, B=Kind.NUMBER)
    assert normalize(page, feed, UTC_CALENDAR).rows["contract_value"].to_list() == [3.0]


def test_rows_that_reach_no_account_are_quarantined() -> None:
    """They are named and leave the mirror; a contact is a way to the account."""
    feed = feed_of("case", {"account_id": "A", "contact_id": "C"})
    rows: Rows = [
        {"A": "a", "C": None},
        {"A": None, "C": "c"},
        {"A": " ", "C": None},
    ]
    found = normalize(page_of(rows, A=Kind.TEXT, C=Kind.TEXT), feed, UTC_CALENDAR)
    assert found.rows["id"].to_list() == ["t0", "t1"]
    assert found.removed.to_list() == ["t2"]
    assert found.problems.rows() == [("Thing", "t2", "account_id", "no account")]


def test_users_and_accounts_are_their_own_way() -> None:
    """An account is its own account; users have none and are not asked for one."""
    found = normalize(
        page_of([{"F": "x"}], F=Kind.TEXT), feed_of("account", {"name": "F"}), UTC_CALENDAR
    )
    assert found.rows["account_id"].to_list() == ["t0"]
    found = normalize(
        page_of([{"F": "x"}], F=Kind.TEXT), feed_of("user", {"manager_id": "F"}), UTC_CALENDAR
    )
    assert found.rows.columns == ["id", "manager_id"]
    assert found.removed.is_empty()


def test_keep_decides_which_rows_belong() -> None:
    """Others leave the mirror, silently; what the condition can't tell is not kept."""
    feed = feed_of("case", {"account_id": "A", "priority": "P"}, keep="priority <> 'x'")
    rows: Rows = [
        {"A": "a", "P": "p1"},
        {"A": "a", "P": "x"},
        {"A": "a", "P": None},
    ]
    found = normalize(page_of(rows, A=Kind.TEXT, P=Kind.TEXT), feed, UTC_CALENDAR)
    assert found.rows["id"].to_list() == ["t0"]
    assert found.removed.to_list() == ["t1", "t2"]
    assert found.problems.is_empty()


def test_keep_may_ask_for_what_the_org_lacks() -> None:
    """An optional column that is not there is empty, so the condition says what that means."""
    feed = feed_of(
        "case",
        {"account_id": "A"},
        absent={"seconds": Kind.NUMBER},
        keep="seconds is null or seconds > 0",
    )
    found = normalize(page_of([{"A": "a"}], A=Kind.TEXT), feed, UTC_CALENDAR)
    assert found.rows["id"].to_list() == ["t0"]
    assert "seconds" not in found.rows.columns


def test_deleted_rows_are_removed() -> None:
    """With no problem of theirs, though all their cells are empty."""
    rows: Rows = [
        {"A": "a"},
        {"deleted": True},
        {"deleted": True, "merged_into": "t0"},
    ]
    found = normalize(
        page_of(rows, A=Kind.TEXT), feed_of("case", {"account_id": "A"}), UTC_CALENDAR
    )
    assert found.rows["id"].to_list() == ["t0"]
    assert found.removed.to_list() == ["t1", "t2"]
    assert found.problems.is_empty()


def test_an_empty_page_is_typed() -> None:
    """Nothing new still has all columns, of the right types."""
    feed = feed_of(
        "case",
        {"account_id": "A", "priority": {"field": "P", "values": {"H": "p1"}}, "opened_at": "O"},
        sla_hours={"p1": 8},
        keep="priority = 'p1'",
    )
    found = normalize(page_of([], A=Kind.TEXT, P=Kind.TEXT, O=Kind.INSTANT), feed, UTC_CALENDAR)
    assert found.rows.height == found.removed.len() == found.problems.height == 0
    assert found.rows.schema["opened_at"] == POLARS[Kind.INSTANT]
    assert found.rows.schema["sla_due_at"] == POLARS[Kind.INSTANT]
    assert found.rows.schema["priority"] == pl.String


def sla(rows: list[dict[str, Any]], columns: dict[str, Any]) -> Normalized:
    feed = feed_of(
        "case",
        {"account_id": "A", "priority": "P", "opened_at": "O"} | columns,
        sla_hours={"p1": 8, "p2": 24},
    )
    given = [{"A": "a", **row} for row in rows]
    kinds = {"A": Kind.TEXT, "P": Kind.TEXT, "O": Kind.INSTANT, "D": Kind.INSTANT}
    return normalize(page_of(given, None, **kinds), feed, UTC_CALENDAR)


def test_cases_without_an_sla_date_get_one_by_priority() -> None:
    """In business hours after opening; a date of their own goes before it."""
    opened = datetime(2026, 3, 6, 16, 0, tzinfo=UTC)  # a Friday
    own = datetime(2026, 3, 20, tzinfo=UTC)
    rows: Rows = [
        {"P": "p1", "O": opened, "D": None},
        {"P": "p2", "O": opened, "D": None},
        {"P": "p4", "O": opened, "D": None},
        {"P": None, "O": opened, "D": None},
        {"P": "p1", "O": None, "D": None},
        {"P": "p1", "O": opened, "D": own},
    ]
    monday, wednesday = datetime(2026, 3, 9, 16, tzinfo=UTC), datetime(2026, 3, 11, 16, tzinfo=UTC)
    expected = [monday, wednesday, None, None, None]
    assert sla(rows, {"sla_due_at": "D"}).rows["sla_due_at"].to_list() == [*expected, own]
    assert sla(rows[:5], {}).rows["sla_due_at"].to_list() == expected


def test_what_the_connector_could_not_type_is_counted_once() -> None:
    """Its problem is kept, with the object; the empty cell makes no second one."""
    page = page_of(
        [{"F": None, "A": "a"}],
        bad=[("t0", "F", "not a number"), ("t0", "Elsewhere", "not ours")],
        F=Kind.NUMBER,
        A=Kind.TEXT,
    )
    found = normalize(page, feed_of("usage", {"account_id": "A", "value": "F"}), UTC_CALENDAR)
    assert found.problems.rows() == [("Thing", "t0", "F", "not a number")]


def test_extra_columns_have_their_own_types() -> None:
    """As the mapping declares them."""
    feed = feed_of("account", {"name": "N"}, extra={"seats": {"field": "F", "type": "number"}})
    page = page_of([{"N": "x", "F": "12"}], N=Kind.TEXT, F=Kind.TEXT)
    assert normalize(page, feed, UTC_CALENDAR).rows["seats"].to_list() == [12.0]
