"""What the fields should say, and whether that is worth a write."""

from __future__ import annotations

import zlib
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from sync_kit import config

from crm_health.entities import ACCOUNT_OUTPUTS, POLARS, shown
from crm_health.programmes import memory, outputs

DAY = date(2026, 3, 2)
SAME: dict[str, Any] = {
    "score": 70.0,
    "band": "Yellow",
    "band_since": DAY,
    "trend": "Steady",
    "why": "why",
    "evidence": "evidence",
    "score_computed": 70.0,
    "coverage": 80.0,
    "open_escalations": 0.0,
    "last_12_weeks": "70 70, to 2 Mar 2026",
}


def frame_of(values: dict[str, Any], prefix: str = "") -> pl.DataFrame:
    schema = {prefix + name: POLARS[ACCOUNT_OUTPUTS[name]] for name in SAME}
    return pl.DataFrame([{prefix + n: v for n, v in values.items()}], schema=schema)


def worth(
    want: dict[str, Any] | None = None,
    now: dict[str, Any] | None = None,
    *,
    account: str = "a",
    put_back: bool = False,
    top: tuple[str | None, str | None] = ("use", "use"),
    evidence: tuple[str | None, str | None] = ("aaaa", "aaaa"),
    day: date = DAY,
) -> bool:
    """Whether the account is written, when it should say `want` and the CRM shows `now`."""
    found = outputs.worth_writing(
        frame_of(SAME | (now or {}), shown("")).with_columns(pl.lit(account).alias("account_id")),
        frame_of(SAME | (want or {})),
        pl.DataFrame({"top": [top[1]], "evidence": [evidence[1]]}),
        pl.DataFrame({"top": [top[0]], "evidence": [evidence[0]]}),
        pl.Series([put_back]),
        day,
    )
    assert found.dtype == pl.Boolean
    assert found.null_count() == 0
    return bool(found[0])


@pytest.mark.parametrize(
    ("score", "was", "expected"),
    [
        (70.0, 70.0, False),
        (71.0, 70.0, False),
        (69.0, 70.0, False),
        (72.0, 70.0, True),
        (68.0, 70.0, True),
        (None, 70.0, True),
        (70.0, None, True),
        (None, None, False),
    ],
)
def test_two_points_are_worth_a_write_one_is_not(
    score: float | None, was: float | None, expected: bool
) -> None:
    """Nor is no score where there was none; a score that comes or goes is."""
    assert worth({"score": score}, {"score": was}) is expected


@pytest.mark.parametrize(
    "want",
    [{"band": "Red"}, {"trend": "Falling"}, {"open_escalations": 1.0}, {"trend": None}],
)
def test_what_people_act_on_is_worth_a_write(want: dict[str, Any]) -> None:
    """A band, a trend or a count of open escalations that differs."""
    assert worth(want)


@pytest.mark.parametrize(
    "want",
    [
        {"why": "other words"},
        {"evidence": "other words"},
        {"score_computed": 1.0},
        {"coverage": 90.0},
        {"last_12_weeks": "71, to 3 Mar 2026"},
        {"band": "Yellow\r\n"},
    ],
)
def test_words_and_details_go_along_only(want: dict[str, Any]) -> None:
    """They are written with the others, never for themselves."""
    assert not worth(want)


def test_top_line_evidence_and_edits_are_worth_a_write() -> None:
    """Another reason on top, another class of evidence, and a person's edit to put back."""
    assert not worth(top=(None, None), evidence=(None, None))
    assert worth(top=("care", "use"))
    assert worth(top=("care", None))
    assert worth(top=(None, "use"))
    assert worth(evidence=("aaaa", "bbbb"))
    assert worth(evidence=("aaaa", None))
    assert worth(put_back=True)


def test_weekly_scores_are_refreshed_every_28_days() -> None:
    """On a day that the account's id fixes, unless they were written lately."""
    phase = zlib.crc32(b"a") % 28
    start = date.fromordinal(DAY.toordinal() - DAY.toordinal() % 28 + phase)
    old = {"last_12_weeks": f"70, to {start - timedelta(days=14):%-d %b %Y}"}
    fresh = {"last_12_weeks": f"70, to {start - timedelta(days=13):%-d %b %Y}"}
    days = [start + timedelta(days=n) for n in range(57)]
    hits = [day for day in days if worth(now={"last_12_weeks": None}, day=day)]
    assert hits == [start, start + timedelta(days=28), start + timedelta(days=56)]
    assert worth(now=old, day=start)
    assert not worth(now=fresh, day=start)
    assert not worth(now={"last_12_weeks": f"70, to {start:%-d %b %Y}"}, day=start)
    # Other accounts have other days: never all on one.
    others = {n: zlib.crc32(str(n).encode()) % 28 for n in range(300)}
    on_day = [n for n in others if worth(now=old, account=str(n), day=start)]
    assert 0 < len(on_day) < 30
    assert all(others[n] == phase for n in on_day)


def test_without_a_field_for_weekly_scores_nothing_is_refreshed() -> None:
    """A mapping may leave them out: then no day brings a write."""
    days = [DAY + timedelta(days=n) for n in range(30)]
    none = {"last_12_weeks": None}
    assert not any(worth(none, none, day=day) for day in days)


def test_desired_rounds_and_names_as_people_read() -> None:
    """Bands are titles, coverage goes in tens, and types are those of the fields.

    What was computed of no evidence at all is no figure; of a little, it is.
    """
    row = {
        "account_id": ["a", "b", "c"],
        "score": [70, None, None],
        "band": ["at_risk", "unknown", "unknown"],
        "band_since": [DAY, DAY, DAY],
        "trend": ["New", "New", "New"],
        "why": ["w", "w", "w"],
        "evidence": ["e", "e", "e"],
        "computed": [71, 1, 12],
        "coverage": [84.9, 0.0, 4.0],
        "open_after": [1, 0, 0],
        "last_12_weeks": ["t", "t", "t"],
    }
    found = outputs.desired(pl.DataFrame(row))
    assert found["band"].to_list() == ["At Risk", "Unknown", "Unknown"]
    assert found["coverage"].to_list() == [80.0, 0.0, 0.0]
    assert found["score"].to_list() == [70.0, None, None]
    assert found["score_computed"].to_list() == [71.0, None, 12.0]
    for name, dtype in found.drop("account_id").schema.items():
        assert dtype == POLARS[ACCOUNT_OUTPUTS[name]]


# -- the top line ----------------------------------------------------------------------------------


def top(
    drivers: dict[str, int], *, was: str | None = None, capped: str | None = None
) -> str | None:
    return tops([("a", drivers, was, capped)])[0]


def tops(rows: list[tuple[str, dict[str, int], str | None, str | None]]) -> list[str | None]:
    driver = pl.List(pl.Struct({"measure": pl.String, "lost": pl.Int64}))
    accounts = pl.DataFrame(
        {
            "account_id": [row[0] for row in rows],
            "drivers": [[{"measure": m, "lost": v} for m, v in row[1].items()] for row in rows],
            "capped": [row[3] for row in rows],
        },
        schema={"account_id": pl.String, "drivers": driver, "capped": pl.String},
    )
    memories = pl.DataFrame(
        {"account_id": [row[0] for row in rows], "top": [row[2] for row in rows]},
        schema={"account_id": pl.String, "top": pl.String},
    )
    return outputs.top_line(accounts, memories).to_list()


def test_the_top_line_is_the_cap_or_the_greatest_loss() -> None:
    """Of equal ones the first by name; none where nothing was measured."""
    assert top({"use": 500, "care": 400}) == "use"
    assert top({"use": 500, "care": 500}) == "care"
    assert top({"use": 500}, capped="sev1") == "sev1"
    assert top({}) is None
    assert top({}, was="use") is None


def test_two_reasons_side_by_side_do_not_take_turns() -> None:
    """The one written last stays until another costs two points more."""
    assert top({"use": 500, "care": 699}, was="use") == "use"
    assert top({"use": 500, "care": 701}, was="use") == "care"
    assert top({"use": 500, "care": 699}, was="gone") == "care"


def test_a_long_name_stays_as_well() -> None:
    """Its token in the memory is known again."""
    long = "a_measure_with_a_name_that_is_far_too_long"
    token = memory.token(pl.Series([long]))[0]
    assert top({long: 500, "care": 400}) == token
    assert top({long: 500, "care": 699}, was=token) == token
    assert top({"care": 1}, capped=long) == token


def test_top_lines_keep_the_accounts_order() -> None:
    """Also with accounts that have no drivers in between."""
    rows: list[tuple[str, dict[str, int], str | None, str | None]] = [
        ("c", {"x": 9}, None, None),
        ("a", {}, None, None),
        ("b", {"y": 1, "z": 2}, None, None),
    ]
    assert tops(rows) == ["x", None, "z"]


# -- holding ---------------------------------------------------------------------------------------


def test_their_value_stays_until_ours_changes() -> None:
    """`theirs` holds while we want what they replaced; `ours` holds nothing."""
    mapping = config().mapping  # its edits: band ours, why theirs
    want = frame_of(SAME)
    memories = pl.DataFrame({"seals": memory.seals(want)})
    edits = pl.DataFrame({"why": [True], "band": [True]})
    held = outputs.held(mapping, want, memories, edits)
    assert {name: list(series) for name, series in held.items()} == {"why": [True]}
    other = frame_of(SAME | {"why": "something new"})
    assert not outputs.held(mapping, other, memories, edits)["why"][0]
    nobody = pl.DataFrame({"why": [False], "band": [False]})
    assert not outputs.held(mapping, want, memories, nobody)["why"][0]
    lost = pl.DataFrame({"seals": [None]}, schema={"seals": pl.String})
    assert not outputs.held(mapping, want, lost, edits)["why"][0]
