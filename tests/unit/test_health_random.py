"""Random models on random records: the parts sum to the score, whatever the order and the parts."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
from health_help import AS_OF, build, days_ago, live
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crm_health.config.model import Model
from crm_health.health.book import Figures, figures
from crm_health.health.drivers import parts
from crm_health.health.facts import Source, compute
from crm_health.health.score import assess

TIERS = ["strategic", "growth", "digital", None]
ROLES = ["champion", "sponsor", None]
FACTS = {
    "used": {"from": "usage", "where": "age_days <= 60", "take": "sum(value)"},
    "mean_use": {"from": "usage", "take": "avg(value)"},
    "days": {"from": "usage", "where": "value > 0", "take": "count(distinct day)"},
    "champion": {
        "from": "usage",
        "where": "contact_role = 'champion'",
        "take": "min(age_days)",
    },
    "cases": {"from": "case", "take": "count(*)"},
    "sponsor_cases": {"from": "case", "where": "contact_role = 'sponsor'", "take": "count(*)"},
    "worst": {"from": "case", "where": "is_open and priority = 'p1'", "take": "max(age_days)"},
    "mood": {"from": "survey", "take": "median(points)"},
}
#: What measures are made of; some are often missing, endless or of great size.
VALUES = [
    "used / mean_use",
    "days",
    "champion",
    "cases - sponsor_cases",
    "worst",
    "mood - coalesce(book_mood_in_tier, 70)",
    "rank_used",
    "rank_days_in_tier * 100",
    "used / (cases - cases)",
    "m_own",
    "1e15 * used",
]
WEIGHTS: list[Any] = [
    0.1, 1, 7.3, 18, 999999,
    "case tier when 'strategic' then 14 when 'digital' then 0 else 18 end",
    "cases", "used / 3", "0 - cases", "m_own / 7",
]  # fmt: skip
CONDITIONS = ["tier = 'digital'", "cases > 1", "m_own < 30", "worst >= 10 or used is null"]
NUMBERS = st.integers(-50, 120).map(float)
CURVES = st.lists(
    st.tuples(NUMBERS, st.sampled_from([0.0, 12.5, 33.3, 50.0, 69.95, 100.0])),
    min_size=2,
    max_size=5,
    unique_by=lambda corner: corner[0],
).map(lambda corners: dict(sorted(corners)))


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A model with two to eight measures, one to three kinds of account, caps and bands."""
    count = draw(st.integers(2, 8))
    measures = {
        f"m{number}": {
            "dimension": "a" if number == 0 else draw(st.sampled_from(["a", "b", "c"])),
            "value": draw(st.sampled_from(VALUES)),
            "curve": draw(CURVES),
            "between": draw(st.sampled_from(["lines", "steps"])),
            "stale_after_days": draw(st.none() | st.just(30)),
            "says": "x",
        }
        for number in range(count)
    }
    weights = st.dictionaries(
        st.sampled_from(list(measures)), st.sampled_from(WEIGHTS), min_size=1, max_size=count
    )
    conditions = draw(st.lists(st.sampled_from(CONDITIONS), max_size=2))
    kinds = [{"name": f"k{n}", "when": when} for n, when in enumerate([*conditions, None])]
    caps = draw(st.lists(st.sampled_from([*CONDITIONS, "a_points < 40"]), max_size=3))
    edges = sorted(draw(st.sets(st.integers(2, 100), min_size=1, max_size=5)))
    return build(
        facts=FACTS,
        measures=measures,
        off=draw(st.lists(st.sampled_from(list(measures)), max_size=1)),
        models=[{**kind, "weights": draw(weights)} for kind in kinds],
        caps={
            f"c{n}": {"when": when, "at": draw(st.integers(1, 100)), "says": "x"}
            for n, when in enumerate(caps)
        },
        bands=[{"name": f"b{edge}", "below": edge} for edge in edges] + [{"name": "best"}],
        evidence={"min_coverage": draw(st.sampled_from([0, 60])), "min_dimensions": 1},
    )


def company(seed: int, count: int) -> tuple[pl.DataFrame, dict[str, Source]]:
    """Customers and their records, as far as they have any."""
    rng = random.Random(seed)
    ids = [f"a{number:03d}" for number in range(count)]
    accounts = pl.DataFrame(
        [
            {
                "account_id": account,
                "tier": rng.choice(TIERS),
                "m_own": rng.choice([None, rng.uniform(-10, 110), 59.5, float("nan"), 1e300]),
                "override": rng.choice([None] * 5 + [0.4, 59.5, 88.0, 120.0]),
            }
            for account in ids
        ],
        schema_overrides={"tier": pl.String, "m_own": pl.Float64, "override": pl.Float64},
    )

    def some(most: int) -> list[str]:
        return [account for account in ids for _ in range(rng.choice([0, 1, most]))]

    usage = [
        {"account_id": a, "value": rng.choice([0.0, 0.1, 0.2, rng.expovariate(0.1)])}
        | {"day": days_ago(rng.randrange(200)), "contact_role": rng.choice(ROLES)}
        for a in some(30)
    ]
    cases = [
        {"account_id": a, "is_open": rng.choice([True, False, None])}
        | {"priority": rng.choice(["p1", "p3"]), "contact_role": rng.choice(ROLES)}
        | {"opened_at": pl.Series([days_ago(rng.randrange(90))]).cast(pl.Datetime("ms", "UTC"))[0]}
        for a in some(4)
    ]
    answers = [
        {"account_id": a, "points": rng.choice([0.0, 33.3, 70.0, 100.0])}
        | {"answered_at": days_ago(rng.randrange(90))}
        for a in some(3)
    ]
    named = {"usage": usage, "case": cases, "survey": answers}
    return accounts, {name: live(pl.DataFrame(rows)) for name, rows in named.items()}


def scored(
    model: Model, accounts: pl.DataFrame, sources: dict[str, Source], book: Figures
) -> pl.DataFrame:
    return assess(model, compute(model, sources, accounts, AS_OF, book), AS_OF)


def shuffled(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    return frame.sample(fraction=1, shuffle=True, seed=seed)


def assert_sound(assessed: pl.DataFrame) -> None:
    """Every score is a whole number from 1 to 100, and its parts add up to it."""
    for row in assessed.iter_rows(named=True):
        assert (row["score"] is None) == (row["band_now"] == "unknown")
        assert row["score"] is None or 1 <= row["score"] <= 100
        assert row["computed"] is None or 1 <= row["computed"] <= 100
        assert all(driver["weight"] > 0 for driver in row["drivers"])
    sums = parts(assessed).group_by("account_id").agg(pl.col("share").sum()).sort("account_id")
    shown = (100 * assessed.select(pl.coalesce("score", "computed")).to_series()).fill_null(0)
    assert sums["share"].to_list() == shown.to_list()


# A failing model is printed as it is: making it smaller would take minutes.
@settings(max_examples=12, deadline=None, phases=[Phase.generate])
@given(model=models(), seed=st.integers(0, 10_000), size=st.sampled_from([1, 7, 23]))
def test_parts_sum_whatever_the_model_and_the_records(model, seed, size):
    """Sums, range and digits hold for any model, order of rows and size of the parts."""
    accounts, sources = company(seed, 40)
    first = compute(model, sources, accounts, AS_OF, {})
    book = figures(model, first.values)
    whole = scored(model, accounts, sources, book)
    assert_sound(whole)
    mixed = {
        name: Source(shuffled(source.rows, seed), source.read_at, source.newest)
        for name, source in sources.items()
        if source.rows is not None
    }
    other = compute(model, mixed, shuffled(accounts, seed), AS_OF, {})
    assert figures(model, other.values) == book
    assert scored(model, shuffled(accounts, seed), mixed, book).equals(whole)
    split = [scored(model, part, mixed, book) for part in accounts.iter_slices(size)]
    assert pl.concat(split).sort("account_id").equals(whole)
