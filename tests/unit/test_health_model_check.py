"""`model check`: what does not fit the customers at hand."""

from __future__ import annotations

import polars as pl
from health_help import AS_OF, DAY, accounts, build, facts_of, live

from crm_health.config.model import Model
from crm_health.health.model_check import findings, spread
from crm_health.health.score import assess

NAMES = ("b_one", "b_two", "c_three", "c_four", "d_five")


def model(weights: dict[str, object], **parts: object) -> Model:
    """Measures that are the account columns of their names, on curves from 0 to 100."""
    measures = {
        name: {"dimension": name[0], "value": name, "curve": {0: 0, 100: 100}, "says": name}
        for name in NAMES
    }
    models = [{"name": "standard", "weights": weights}]
    return build(**({"measures": measures, "models": models} | parts))


def rows(count: int = 40, **columns: object) -> pl.DataFrame:
    """Customers whose measures all go from 0 to 100, each in an order of its own."""
    steps = [100.0 * n / (count - 1) for n in range(count)]
    own = {name: steps[k * 7 :] + steps[: k * 7] for k, name in enumerate(NAMES)}
    frame = pl.DataFrame({**own, **columns})
    return accounts(frame.to_dicts(), **dict.fromkeys(frame.columns, pl.Float64))


def texts(made: Model, frame: pl.DataFrame) -> list[tuple[str, str, tuple[str, ...], str]]:
    found = findings(made, assess(made, facts_of(made, frame), AS_OF))
    return [(f.kind, f.model, f.measures, f.text) for f in found]


ALL = dict.fromkeys(NAMES, 1)


def test_a_model_that_fits_is_left_alone() -> None:
    """Five measures with evidence, spread over their curves, each in its own way."""
    made = model(ALL)
    assert texts(made, rows()) == []
    lie = spread(assess(made, facts_of(made, rows()), AS_OF))
    assert lie.row(0, named=True) == {
        "model": "standard", "measure": "b_one", "accounts": 40, "known": 40, "share": 100.0,
        "lowest": 0.0, "highest": 100.0, "least": 0.0, "most": 100.0, "mean": 50.0,
    }  # fmt: skip


def test_a_measure_without_a_regular_signal() -> None:
    """Evidence for fewer than three in ten of those for whom it counts."""
    some = [50.0 if n < 11 else None for n in range(40)]
    assert texts(model(ALL), rows(c_four=some)) == [
        ("signal", "standard", ("c_four",), "no regular signal: evidence for 11 of 40 customers")
    ]
    # Where the weight is nought the measure is not asked for.
    for_some = ALL | {"c_four": "case when b_two < 30 then 1 else 0 end"}
    frame = rows(c_four=rows()["b_one"].to_list())
    kept = frame.with_columns(pl.when(pl.col("b_two") < 30).then("c_four").alias("c_four"))
    assert texts(model(for_some), kept) == []


def test_models_too_small_and_never_reached() -> None:
    """Fewer than five measures, and a condition that no customer fits."""
    models = [
        {"name": "nobody", "when": "b_one > 1000", "weights": ALL},
        {"name": "small", "weights": {"b_one": 1, "b_two": 1}},
    ]
    assert texts(model({}, models=models), rows()) == [
        ("unreached", "nobody", (), "no customer is scored by it, of 40"),
        ("size", "small", (), "2 measures count; 5 to 10 can be held in mind"),
    ]


def test_curves_that_never_reach_an_end_and_measures_that_tell_nobody_apart() -> None:
    """Values short of an end are named; one and the same value is another matter."""
    some = [20.0 + 1.5 * n for n in range(40)]
    same = [30.0] * 40
    found = texts(model(ALL), rows(c_three=some, c_four=same))
    assert ("curve", "standard", ("c_three",),
            "no value reaches the curve's end at 0, the lowest is 20") in found  # fmt: skip
    assert ("curve", "standard", ("c_three",),
            "no value reaches the curve's end at 100, the highest is 78.5") in found  # fmt: skip
    assert [f for f in found if f[2] == ("c_four",)] == [
        ("constant", "standard", ("c_four",),
         "all 40 customers with evidence have 30 points")
    ]  # fmt: skip


def test_two_measures_of_one_thing_count_it_twice() -> None:
    """Measures that go together and read the same fact, by way of a derived one too."""
    frame = rows()
    frame = frame.with_columns((pl.col("b_one") * 0.9 + 5).alias("b_two"))
    ((kind, _, pair, text),) = [f for f in texts(model(ALL), frame) if f[0] == "twice"]
    assert (kind, pair) == ("twice", ("b_one", "b_two"))
    assert text.startswith("may count one thing twice: their ranks go together (1.00)")
    assert text.endswith("though they read different facts")


def test_what_they_count_twice_is_named() -> None:
    """The fact that both rest on, one of them by way of a derived fact."""
    frame = rows()
    used = [{"account_id": a, "value": n, "day": DAY, "metric": "x"}
            for a, n in frame.select("account_id", "b_one").iter_rows()]  # fmt: skip
    measures = model(ALL).model_dump(by_alias=True)["measures"]
    measures["b_one"]["value"] = "n"
    measures["b_two"]["value"] = "twice / 2 + 0.3 * c_three"
    made = model(
        ALL,
        facts={"n": {"from": "usage", "take": "sum(value)"}},
        derived={"twice": "n * 2"},
        measures=measures,
    )
    found = findings(made, assess(made, facts_of(made, frame, usage=live(used)), AS_OF))
    ((pair, text),) = [(f.measures, f.text) for f in found if f.kind == "twice"]
    assert pair == ("b_one", "b_two")
    assert text.endswith(", both read n")


def test_shares_on_a_curve_for_percent_and_the_other_way_round() -> None:
    """80 where the curve is made for 0.8, and 0.8 where it is made for 80; counts are neither."""
    measures = model(ALL).model_dump(by_alias=True)["measures"]
    measures["b_one"]["curve"] = {0.1: 0, 0.5: 50, 1: 100}
    measures["c_four"]["curve"] = {0.1: 0, 1: 100}
    frame = rows().with_columns(
        pl.col("b_two", "c_four") / 100, (pl.col("c_three") >= 50).cast(pl.Float64)
    )
    found = texts(model(ALL, measures=measures), frame)
    assert [(pair, text) for kind, _, pair, text in found if kind == "scale"] == [
        (("b_one",), "the curve is for shares up to 1, the values are like 50: percent?"),
        (
            ("b_two",),
            "the curve is for values up to 100, these are like 0.5: shares of one?",
        ),
    ]
