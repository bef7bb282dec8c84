"""The score: worked accounts, limits, exact parts, unknown."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest
from health_help import AS_OF, accounts, build, default_model, facts_of, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_health.config.model import Model, ModelDef
from crm_health.health.drivers import compare, parts
from crm_health.health.score import assess

ORDER = [
    "licence_use", "active_days", "usage_change", "case_burden", "satisfaction", "conversation",
    "sponsor", "csm_view", "renewal_runway", "new_value",
]  # fmt: skip
GROWTH = (18, 18, 6, 10, 6, 6, 4, 6, 18, 8)
STRATEGIC = (14, 16, 6, 10, 6, 8, 6, 10, 16, 8)
DIGITAL = (26, 30, 8, 12, 8, 0, 0, 0, 8, 8)
_ = None


def worked(values: tuple[float | None, ...], column: str, **more: Any) -> dict[str, Any]:
    """Assess one account whose measures have these values, with the curves of model.yaml."""
    model = default_model()
    measures = {
        name: model.measures[name].model_copy(update={"value": f"m_{name}"}) for name in ORDER
    }
    weights = {
        "G": dict(zip(ORDER, GROWTH, strict=True)),
        "S": dict(zip(ORDER, STRATEGIC, strict=True)),
        "D": dict(zip(ORDER, DIGITAL, strict=True)),
    }[column]
    kind = ModelDef(name="standard", weights={k: float(w) for k, w in weights.items()})
    cap = more.pop("cap", None)
    caps = {cap: model.caps[cap].model_copy(update={"when": "1 = 1"})} if cap else {}
    update = {"facts": {}, "derived": {}, "measures": measures, "models": (kind,), "caps": caps}
    model = model.model_copy(update=update | {"off": ()} | more)
    row = {f"m_{name}": value for name, value in zip(ORDER, values, strict=True)}
    return assess(model, facts_of(model, accounts([row])), AS_OF).row(0, named=True)


def base(row: dict[str, Any]) -> float:
    """The base score before caps."""
    return sum(d["share"] for d in row["drivers"]) / 100


def near(figure: float) -> Any:
    """A figure of one decimal; points are rounded to tenths, so it may be off by as much."""
    return pytest.approx(figure, abs=0.1)


@pytest.mark.parametrize(
    ("values", "column", "expected"),
    [
        ((0.88, 20, 1.04, 6, 8, 0.7, 0.8, 4.3, 210, 80), "S", (95.0, 100, 95, "green")),
        ((0.62, 14, 0.98, 8, 2, 0.6, 0.9, 3.7, 160, 210), "G", (82.7, 100, 83, "green")),
        ((0.96, 24, 1.25, 16, -8, 0.3, 0.4, 4.3, 230, 45), "S", (93.8, 100, 94, "green")),
        ((0.31, 6, 0.62, _, _, 1.4, _, _, 55, 400), "G", (47.4, 74, 47, "red")),
        ((0.38, 7, 0.99, 0, 15, 1.1, 1.6, 3, 190, 420), "G", (68.5, 100, 69, "yellow")),
        ((0.72, 13, 1, _, _, _, _, _, 30, 300), "D", (72.0, 80, 72, "green")),
        ((_, _, _, _, _, 3.3, _, _, 200, 400), "G", (66.9, 32, None, "unknown")),
    ],
    ids=["thriving", "ordinary", "noisy", "silent", "stuck", "digital", "renewal only"],
)
def test_worked_accounts(values, column, expected):
    """The accounts that were worked out by hand get their base, coverage, score and band."""
    row = worked(values, column)
    assert base(row) == near(expected[0])
    assert (row["coverage"], row["score"], row["band_now"]) == expected[1:]
    assert row["computed"] == (expected[2] or 67)


def test_worked_champion_gone():
    """A healthy base of 80.0 with a key person gone shows 69, yellow, and names the cap."""
    values = (0.7, 16, 0.95, 4, 0, 1.6, 1.9, 3, 140, 260)
    row = worked(values, "S", cap="key_person")
    assert (base(row), row["score"], row["band_now"]) == (near(80.0), 69, "yellow")
    assert row["capped"] == "key_person"


def test_worked_unprepared_renewal():
    """A base of 70.3 with no renewal step done shows 69."""
    values = (0.78, 17, 1, 0, 10, 0.8, 1.2, 4, -80, 300)
    row = worked(values, "G", cap="unprepared")
    assert (base(row), row["score"], row["capped"]) == (near(70.3), 69, "unprepared")


def test_worked_without_usage_surveys_and_view():
    """Measures that are off count neither in the score nor in the coverage."""
    values = (_, _, _, 10, _, 0.9, 1.3, _, 150, 190)
    off = ("licence_use", "active_days", "usage_change", "satisfaction", "csm_view")
    row = worked(values, "S", off=off)
    assert (base(row), row["coverage"], row["score"]) == (near(92.1), 100, 92)
    assert row["missing"] == []


def test_too_little_switched_on_is_unknown():
    """Less than 40 of 100 weight on: no score, though the computed one is kept."""
    values = (_, _, _, 10, _, 0.9, _, _, _, 190)
    off = tuple(set(ORDER) - {"case_burden", "conversation", "new_value"})
    row = worked(values, "G", off=off)
    assert row["coverage"] == 100
    assert (row["score"], row["band_now"]) == (None, "unknown")
    assert row["computed"] is not None


def total(row: dict[str, Any]) -> int:
    return sum(d["share"] for d in row["drivers"]) + sum(
        row[name] for name in ("cap_h", "override_h", "clamp_h", "rounding_h")
    )


def assert_adds_up(frame: pl.DataFrame) -> None:
    for row in frame.iter_rows(named=True):
        shown = row["score"] if row["score"] is not None else row["computed"]
        assert total(row) == 100 * (shown or 0), row
        assert (row["score"] is None) == (row["band_now"] == "unknown")


WEIGHTS = {"a_one": 18.0, "a_two": 7.3, "b_one": 10.0, "b_two": 0.1, "c_one": 33.0}
_POINTS = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.0, 100.0, 59.5, 69.95, 1e300])
_ROWS = st.lists(
    st.fixed_dictionaries(
        {f"m_{name}": _POINTS for name in WEIGHTS}
        | {"override": st.none() | st.floats(0, 120), "trouble": st.booleans()}
    ),
    min_size=1,
    max_size=8,
)


def capped_model() -> Model:
    caps = {
        "serious": {"when": "trouble", "at": 59, "says": "trouble"},
        "mild": {"when": "trouble or m_a_one < 50", "at": 69, "says": "mild"},
    }
    return plain(WEIGHTS, caps=caps)


@pytest.mark.parametrize("override", [None, 95.0])
def test_a_cap_of_nothing_is_no_part(override):
    """Where nothing could be measured a cap that holds takes nothing away."""
    nothing = {f"m_{name}": None for name in WEIGHTS}
    rows = [{**nothing, "trouble": True, "override": override}]
    frame = accounts(rows, override=pl.Float64, trouble=pl.Boolean)
    assessed = assess(capped_model(), facts_of(capped_model(), frame), AS_OF)
    assert_adds_up(assessed)
    assert (assessed["cap_h"].item(), assessed["capped"].item()) == (0, None)


@settings(max_examples=30, deadline=None)
@given(rows=_ROWS)
def test_parts_add_up_exactly(rows):
    """Shares, cap, override, clamp and rounding give the score to the last hundredth."""
    frame = accounts(rows, override=pl.Float64, trouble=pl.Boolean)
    model = capped_model()
    assessed = assess(model, facts_of(model, frame), AS_OF)
    assert_adds_up(assessed)
    given_scores = assessed["score"].drop_nulls()
    assert given_scores.is_between(1, 100).all()


def random_accounts(count: int, seed: int) -> pl.DataFrame:
    rng = random.Random(seed)
    values = [None, 0.0, 100.0, 33.333333, 69.95]
    rows = [
        {f"m_{n}": rng.choice([*values, rng.uniform(0, 100)]) for n in WEIGHTS}
        | {"override": rng.choice([None, None, 80.0]), "trouble": rng.random() < 0.2}
        for _number in range(count)
    ]
    return accounts(rows, override=pl.Float64)


def test_two_thousand_accounts_add_up():
    """The drivers of 2,000 random accounts sum to their scores."""
    model = capped_model()
    assessed = assess(model, facts_of(model, random_accounts(2000, 1)), AS_OF)
    assert_adds_up(assessed)
    sums = parts(assessed).group_by("account_id").agg(pl.col("share").sum())
    shown = assessed.select(
        "account_id", (100 * pl.coalesce("score", "computed")).fill_null(0).alias("h")
    )
    joined = sums.join(shown, on="account_id")
    assert joined.height == 2000
    assert (joined["share"] == joined["h"]).all()


def test_order_and_batches_do_not_matter():
    """Shuffled rows and split batches give the same assessments, digit by digit."""
    model = capped_model()
    frame = random_accounts(300, 2)
    whole = assess(model, facts_of(model, frame), AS_OF)
    shuffled = assess(model, facts_of(model, frame.sample(fraction=1, shuffle=True, seed=3)), AS_OF)
    assert shuffled.equals(whole)
    split = [assess(model, facts_of(model, part), AS_OF) for part in frame.iter_slices(37)]
    assert pl.concat(split).sort("account_id").equals(whole)


def test_half_a_point_rounds_up():
    """59.5 is 60, and 59.4999 is not."""
    model = plain({"a_x": 1.0, "b_x": 1.0})
    rows = [{"m_a_x": 59.0, "m_b_x": 60.0}, {"m_a_x": 59.0, "m_b_x": 59.9}]
    assessed = assess(model, facts_of(model, accounts(rows)), AS_OF)
    assert assessed["score"].to_list() == [60, 59]
    assert assessed["band_now"].to_list() == ["yellow", "red"]


def test_rounding_is_of_the_exact_mean():
    """A mean just below a half stays below, though its hundredths are rounded up to the half."""
    model = plain({"a_x": 999.0, "b_x": 1.0})
    # 68.5 * 0.999 + 64.7 * 0.001 = 68.4962: hundredths 68.50, score 68.
    row = {"m_a_x": 68.5, "m_b_x": 64.7}
    result = assess(model, facts_of(model, accounts([row])), AS_OF).row(0, named=True)
    assert sum(d["share"] for d in result["drivers"]) == 6850
    assert (result["score"], result["rounding_h"]) == (68, -50)


def test_lowest_cap_binds_and_idle_caps_do_not():
    """The lowest cap that holds is named; one above the score changes nothing."""
    model = capped_model()
    good = {f"m_{name}": 90.0 for name in WEIGHTS}
    rows = [
        good | {"trouble": True},
        good | {"trouble": False},
        {f"m_{name}": 40.0 for name in WEIGHTS} | {"trouble": True},
        good | {"trouble": None},
    ]
    result = assess(model, facts_of(model, accounts(rows)), AS_OF)
    assert result["score"].to_list() == [59, 90, 40, 90]
    assert result["capped"].to_list() == ["serious", None, None, None]
    assert result["cap_h"].to_list() == [-3100, 0, 0, 0]


def test_cap_reads_dimension_points():
    """A cap may read the points of a dimension; missing points do not hold it."""
    caps = {"bad": {"when": "b_points < 30", "at": 69, "says": "bad"}}
    model = plain({"a_x": 9.0, "b_x": 1.0, "c_x": 5.0}, caps=caps)
    rows = [
        {"m_a_x": 100.0, "m_b_x": 29.0, "m_c_x": 100.0},
        {"m_a_x": 100.0, "m_b_x": 30.0, "m_c_x": 100.0},
        {"m_a_x": 100.0, "m_b_x": None, "m_c_x": 100.0},
    ]
    result = assess(model, facts_of(model, accounts(rows)), AS_OF)
    assert result["score"].to_list() == [69, 95, 100]
    assert result["b_points"].to_list() == [29.0, 30.0, None]


def test_override_stands_beside_the_computed_score():
    """A person's score is shown instead of ours, cap or not, and needs no evidence."""
    model = capped_model()
    rows: list[dict[str, Any]] = [
        {f"m_{n}": 90.0 for n in WEIGHTS} | {"trouble": True, "override": 85.0},
        {f"m_{n}": None for n in WEIGHTS} | {"trouble": False, "override": 40.0},
        {f"m_{n}": 50.0 for n in WEIGHTS} | {"trouble": False, "override": None},
    ]
    result = assess(model, facts_of(model, accounts(rows)), AS_OF)
    assert result["score"].to_list() == [85, 40, 50]
    assert result["computed"].to_list() == [59, None, 50]
    assert result["band_now"].to_list() == ["green", "red", "red"]
    assert_adds_up(result)


def test_unknown_is_never_green():
    """Full marks on too little evidence, or in one dimension, give no score and no band."""
    model = plain({"a_x": 50.0, "a_y": 30.0, "b_x": 20.0})
    rows = [
        {"m_a_x": 100.0, "m_a_y": None, "m_b_x": None},
        {"m_a_x": 100.0, "m_a_y": 100.0, "m_b_x": None},
        {"m_a_x": None, "m_a_y": None, "m_b_x": None},
        {"m_a_x": 100.0, "m_a_y": None, "m_b_x": 100.0},
    ]
    result = assess(model, facts_of(model, accounts(rows)), AS_OF)
    assert result["coverage"].to_list() == [50.0, 80.0, 0.0, 70.0]
    assert result["band_now"].to_list() == ["unknown", "unknown", "unknown", "green"]
    assert result["computed"].to_list() == [100, 100, None, 100]
    assert result["missing"].to_list()[0] == ["a_y", "b_x"]


def test_missing_is_neither_good_nor_bad():
    """The weight of a missing measure is shared out: the score is the mean of the rest."""
    model = plain({"a_x": 30.0, "b_x": 40.0, "c_x": 30.0})
    rows = [{"m_a_x": 80.0, "m_b_x": 60.0, "m_c_x": None}]
    result = assess(model, facts_of(model, accounts(rows, m_c_x=pl.Float64)), AS_OF)
    # (30 * 80 + 40 * 60) / 70 = 68.57
    assert result["score"].to_list() == [69]
    assert result["coverage"].to_list() == [70.0]


def test_first_model_that_holds_is_used():
    """A condition that is missing does not hold; without any model nothing is measured."""
    models = [
        {"name": "onboarding", "when": "m_age < 120", "weights": {"a_x": 1, "b_x": 3}},
        {"name": "standard", "when": "m_age >= 120", "weights": {"a_x": 3, "b_x": 1}},
    ]
    model = plain({"a_x": 1.0, "b_x": 1.0}, models=models)
    rows = [{"m_age": age, "m_a_x": 100.0, "m_b_x": 0.0} for age in (10.0, 500.0, None)]
    result = assess(model, facts_of(model, accounts(rows, m_age=pl.Float64)), AS_OF)
    assert result["model"].to_list() == ["onboarding", "standard", None]
    assert result["score"].to_list() == [25, 75, None]
    assert result["band_now"].to_list() == ["red", "green", "unknown"]


def test_default_model_scores_new_customers_by_onboarding():
    """model.yaml uses its onboarding weights under 120 days of age."""
    model = default_model()
    rows = [{"customer_since": AS_OF.date().replace(month=m)} for m in (1, 10)]
    result = assess(model, facts_of(model, accounts(rows)), AS_OF)
    assert result["model"].to_list() == ["standard", "onboarding"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_become_missing(bad):
    """NaN and infinities never reach a score."""
    model = plain({"a_x": 50.0, "b_x": 30.0, "c_x": 20.0})
    rows = [{"m_a_x": bad, "m_b_x": 50.0, "m_c_x": 50.0}]
    result = assess(model, facts_of(model, accounts(rows)), AS_OF).row(0, named=True)
    assert result["missing"] == ["a_x"]
    assert result["coverage"] == 50.0


def test_division_by_nought_is_missing():
    """0 / 0 and 1 / 0 are missing, not bad."""
    measures = {
        "x": {"dimension": "a", "value": "m_top / m_under", "curve": {0: 0, 1: 100}, "says": "x"}
    }
    model = build(measures=measures, models=[{"name": "s", "weights": {"x": 1}}])
    rows = [{"m_top": 0.0, "m_under": 0.0}, {"m_top": 1.0, "m_under": 0.0}]
    result = assess(model, facts_of(model, accounts(rows)), AS_OF)
    assert result["missing"].to_list() == [["x"], ["x"]]


def test_huge_and_negative_values_stay_on_the_curve():
    """Values beyond the curve's ends get the ends' points."""
    model = plain({"a_x": 1.0, "b_x": 1.0})
    rows = [{"m_a_x": 1e308, "m_b_x": -1e308}]
    result = assess(model, facts_of(model, accounts(rows)), AS_OF).row(0, named=True)
    assert [d["points"] for d in result["drivers"]] == [1000, 0]
    assert result["score"] == 50


def test_nought_is_the_worst_not_missing():
    """All zero gives 1, the lowest score, with the clamp as a part."""
    model = plain({"a_x": 1.0, "b_x": 1.0})
    result = assess(model, facts_of(model, accounts([{"m_a_x": 0.0, "m_b_x": 0.0}])), AS_OF)
    assert result.select("score", "band_now", "clamp_h").row(0) == (1, "red", 100)
    assert_adds_up(result)


def test_no_accounts_and_one_account_have_the_same_shape():
    """An empty frame gives an empty assessment with the same columns and types."""
    model = default_model()
    one = accounts([{"customer_since": AS_OF.date()}])
    full = assess(model, facts_of(model, one), AS_OF)
    empty = assess(model, facts_of(model, one.clear()), AS_OF)
    assert full.height == 1
    assert empty.is_empty()
    assert empty.schema == full.schema


def test_weights_may_be_any_decimals():
    """Tenths, thirds and huge weights keep their ratios."""
    for scale in (1.0, 0.1, 1 / 3, 1e12):
        model = plain({"a_x": 3 * scale, "b_x": 1 * scale})
        rows = [{"m_a_x": 100.0, "m_b_x": 0.0}]
        assert assess(model, facts_of(model, accounts(rows)), AS_OF)["score"].to_list() == [75]


def test_comparison_explains_the_whole_change():
    """The changes of the parts add up to the change of the score, measures that went included."""
    model = capped_model()
    now = assess(model, facts_of(model, random_accounts(200, 5)), AS_OF)
    then = assess(model, facts_of(model, random_accounts(200, 6)), AS_OF)
    moved = compare(now, then)
    sums = dict(moved.group_by("account_id").agg(pl.col("change").sum()).iter_rows())
    before = dict(zip(then["account_id"], shown(then), strict=True))
    for account, after in zip(now["account_id"], shown(now), strict=True):
        assert sums.get(account, 0) == 100 * (after - before[account])
    strengths = moved.filter(pl.col("account_id") == "a000")["change"].abs().to_list()
    assert strengths == sorted(strengths, reverse=True)


def shown(frame: pl.DataFrame) -> list[int]:
    return frame.select(pl.coalesce("score", "computed").fill_null(0))["score"].to_list()


def test_default_model_caps_a_late_severity_1_case():
    """A severity 1 case more than a day past its SLA holds the score at 59."""
    cap = default_model().caps["sev1"]
    assert (cap.when, cap.at) == ("p1_past_sla_days >= 1", 59)
