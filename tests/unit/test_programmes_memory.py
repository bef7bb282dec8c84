"""The memory text, its seals, and what they notice."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_health.entities import ACCOUNT_OUTPUTS, POLARS, shown
from crm_health.programmes import keyed, memory, programme_memory
from crm_health.programmes.seals import canonical, seal

FULL: dict[str, Any] = {
    "account_id": "001",
    "known": True,
    "band": "yellow",
    "since": date(2026, 11, 22),
    "before": "green",
    "pending": "red",
    "pending_at": datetime(2026, 11, 23, 5, 30, tzinfo=UTC),
    "pending_count": 1,
    "override": "e:80:2026-11-22",
    "standing": "sev1_past_sla,health_dropped",
    "top": "licence_use",
    "evidence": "1f2e",
    "seals": "0a1b" * 10,
}


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=memory.SCHEMA)


def parsed(*texts: str | None, account: str = "001") -> pl.DataFrame:
    ids = [account] * len(texts)
    return memory.parse(
        pl.DataFrame(
            {"account_id": ids, "shown_memory": list(texts)},
            schema={"account_id": pl.String, "shown_memory": pl.String},
        )
    )


slugs = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
memories = st.fixed_dictionaries(
    {
        "account_id": st.just("001"),
        "known": st.just(True),
        "band": slugs,
        "since": st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1)),
        "before": st.none() | slugs,
        "pending": st.none() | slugs,
        "pending_at": st.none()
        | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(
            lambda t: t.replace(second=0, microsecond=0, tzinfo=UTC)
        ),
        "pending_count": st.none() | st.integers(0, 9),
        "override": st.none() | st.sampled_from(["e:80:2026-11-22", "f:1:2026-01-01"]),
        "standing": st.none() | st.lists(slugs, min_size=1, max_size=4).map(",".join),
        "top": st.none() | slugs,
        "evidence": st.none() | st.from_regex(r"[0-9a-f]{4}", fullmatch=True),
        "seals": st.none() | st.from_regex(r"[0-9a-f]{40}", fullmatch=True),
    }
)


@given(memories)
def test_what_is_rendered_is_read_back(given_: dict[str, Any]) -> None:
    """Parsing a rendered memory gives the memory."""
    original = frame(given_)
    text = memory.render(original)
    assert max(len(line) for line in text) <= keyed.LONGEST
    assert parsed(*text).rows() == original.rows()


def test_the_layout_is_the_documented_one() -> None:
    """An older or newer program reads the same text."""
    text = memory.render(frame(FULL))[0]
    assert text.startswith(
        "ch1|b=yellow|s=2026-11-22|f=green|p=red|a=2026-11-23T05:30Z|n=1|o=e:80:2026-11-22|"
        "x=sev1_past_sla,health_dropped|t=licence_use|e=1f2e|c=0a1b"
    )
    assert text == f"{text[:-10]}|#{text[-8:]}"


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: t[:-1],
        lambda t: t[:-10],
        lambda t: t.replace("yellow", "green"),
        lambda t: t.replace("ch1", "ch2"),
        lambda t: t[1:],
        lambda t: t + "x",
        lambda t: t.upper(),
        lambda t: "|#".join([t[:40], t[-8:]]),
        lambda _: "",
        lambda _: "ch1",
        lambda _: "hello",
        lambda _: None,
    ],
)
def test_a_damaged_memory_counts_as_none(damage: Any) -> None:
    """A text whose checksum is wrong tells nothing at all."""
    whole = memory.render(frame(FULL))[0]
    found = parsed(damage(whole)).row(0, named=True)
    assert not found.pop("known")
    assert found.pop("account_id") == "001"
    assert set(found.values()) == {None}


def test_a_memory_copied_from_another_account_counts_as_none() -> None:
    """Copying an account with all its fields, or pasting a memory, moves nothing."""
    whole = memory.render(frame(FULL))[0]
    assert parsed(whole)["known"].to_list() == [True]
    assert parsed(whole, account="002")["known"].to_list() == [False]


def test_white_space_around_it_does_no_harm() -> None:
    """Some CRMs trim, some tools add a line end."""
    whole = memory.render(frame(FULL))[0]
    assert parsed(f" {whole}\r\n")["band"][0] == "yellow"


def test_no_accounts_have_no_memories() -> None:
    """Empty frames go through."""
    assert parsed().height == 0
    assert memory.render(frame()).len() == 0


def test_many_standing_rules_become_all() -> None:
    """Where there is no room for their names, every rule that waits on a first sync stands."""
    rules = ",".join(f"rule_with_a_long_name_{n:02d}" for n in range(12))
    text = memory.render(frame(FULL | {"standing": rules}))[0]
    assert len(text) <= keyed.LONGEST
    found = parsed(text).row(0, named=True)
    assert found["standing"] == memory.ANY_RULE
    assert {**found, "account_id": "001", "standing": FULL["standing"]} == FULL
    holds = parsed(text).select(memory.stands(pl.col("standing"), pl.lit("whatever")).alias("x"))
    assert holds["x"][0]


def test_standing_rules_are_told_by_their_whole_name() -> None:
    """A rule whose name is part of another's does not stand for it."""
    frames = pl.DataFrame({"standing": ["late_case,drop", None]})
    for rule, expected in (("late_case", True), ("drop", True), ("late", False), ("case", False)):
        found = frames.select(memory.stands(pl.col("standing"), pl.lit(rule)).alias("x"))["x"]
        assert found.to_list() == [expected, False], rule


def test_the_longest_names_fit() -> None:
    """With the longest names that configuration allows nothing but rule names is given up."""
    name = "b" * 31
    row = FULL | {
        "band": f"{name}1",
        "before": f"{name}2",
        "pending": f"{name}3",
        "standing": ",".join(f"{'r' * 30}{n:02d}" for n in range(30)),
        "top": memory.token(pl.Series(["m" * 63]))[0],
        "override": "e:100:2026-11-22",
        "pending_count": 10,
    }
    text = memory.render(frame(row, FULL))
    assert max(len(line) for line in text) <= keyed.LONGEST
    found = parsed(*text).rows(named=True)
    assert {**found[0], "account_id": "001"} == row | {"standing": memory.ANY_RULE}
    # Another account's long memory costs this one nothing.
    assert {**found[1], "account_id": "001"} == FULL


@given(st.text("ab", max_size=400), st.text("cd", max_size=400), st.text("e,", max_size=900))
def test_it_never_gets_longer_than_its_field(band: str, before: str, standing: str) -> None:
    """Even names that configuration should have refused leave a whole, readable memory."""
    row = FULL | {"band": band, "before": before, "pending": before, "standing": standing}
    text = memory.render(frame(row))[0]
    assert len(text) <= keyed.LONGEST
    found = parsed(text)
    assert found["known"][0]
    assert found["seals"][0] == FULL["seals"]
    assert found["override"][0] == FULL["override"]


def test_long_names_keep_apart_as_tokens() -> None:
    """A token is short, the same each time, and another one for another name."""
    names = pl.Series(["short", "m" * 40 + "a", "m" * 40 + "b", None])
    found = memory.token(names)
    assert found[0] == "short"
    assert found[3] is None
    assert found[1] != found[2]
    assert found.str.len_chars().max() == 20
    assert memory.token(names).to_list() == found.to_list()


# -- seals -----------------------------------------------------------------------------------------

VALUES: dict[str, Any] = {
    "score": 58.0,
    "band": "Yellow",
    "band_since": date(2026, 3, 2),
    "trend": "Falling",
    "why": "58. -12 Use is low.\nMore",
    "evidence": "Model standard",
    "score_computed": 61.0,
    "coverage": 80.0,
    "open_escalations": 0.0,
    "last_12_weeks": "58, to 2 Mar 2026",
}


def outputs(prefix: str = "", **changes: Any) -> pl.DataFrame:
    values = VALUES | changes
    schema = {prefix + name: POLARS[ACCOUNT_OUTPUTS[name]] for name in values}
    return pl.DataFrame([{prefix + name: value for name, value in values.items()}], schema=schema)


def edits(**changes: Any) -> set[str]:
    """Outputs that count as edited where the CRM shows these values instead of ours."""
    then = frame(FULL | {"seals": memory.seals(outputs())[0]})
    found = memory.edited(outputs(shown(""), **changes), then).row(0, named=True)
    return {name for name, hit in found.items() if hit}


def test_every_output_is_sealed() -> None:
    """An output that is added gets a seal, behind those that are there."""
    sealed = [*memory.SEALED, *programme_memory.SEALED]
    assert sorted(sealed) == sorted(ACCOUNT_OUTPUTS.keys() - {"memory", "programmes"})
    assert memory.SEALED[:10] == (
        "band",
        "band_since",
        "coverage",
        "evidence",
        "last_12_weeks",
        "open_escalations",
        "score",
        "score_computed",
        "trend",
        "why",
    )


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ("score", 59.0),
        ("score", None),
        ("band", "Green"),
        ("band_since", date(2026, 3, 3)),
        ("trend", "Steady"),
        ("why", "Because I say so"),
        ("why", None),
        ("evidence", "None"),
        ("score_computed", 60.0),
        ("coverage", 90.0),
        ("open_escalations", 1.0),
        ("last_12_weeks", ""),
    ],
)
def test_an_edit_is_noticed_on_its_own_field(output: str, value: Any) -> None:
    """What a person changed shows, and on no other field."""
    assert edits(**{output: value}) == {output}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"why": "58. -12 Use is low.\r\nMore"},
        {"why": "  58. -12 Use is low.\nMore \n"},
        {"band": "Yellow "},
        {"score": 58},
        {"coverage": 80.001},
    ],
)
def test_what_a_crm_does_by_itself_is_no_edit(changes: dict[str, Any]) -> None:
    """Trimming, other line ends and decimal points are nobody's edit."""
    assert edits(**changes) == set()


def test_a_text_field_without_decimals_seals_as_the_number() -> None:
    """58 and 58.0 are the same, an empty text and none as well."""
    for one, other in ((58, 58.0), (58.0, 58.004)):
        texts = [
            pl.DataFrame({"x": [value]}).select(canonical("x", dtype)).item()
            for value, dtype in (
                (one, pl.DataFrame({"x": [one]}).schema["x"]),
                (other, pl.Float64()),
            )
        ]
        assert texts[0] == texts[1]
    assert (
        seal(pl.DataFrame({"x": [""]}), ["x"])[0]
        == seal(pl.DataFrame({"x": [None]}, schema={"x": pl.String}), ["x"])[0]
    )


@pytest.mark.parametrize("count", [1, 3, 200])
def test_an_account_s_seals_are_the_same_in_any_company(count: int) -> None:
    """Whoever else is sealed with it, and however many say the same."""
    ours, others = outputs(), outputs(score=12, why="Quiet for 30 days")
    many = pl.concat([others, *[ours] * count])
    told = [memory.seals(others)[0], *[memory.seals(ours)[0]] * count]
    assert memory.seals(many).to_list() == told


def test_values_do_not_run_into_each_other() -> None:
    """A seal over several columns tells which one holds what."""
    one = pl.DataFrame({"a": ["x"], "b": ["yz"]})
    other = pl.DataFrame({"a": ["xy"], "b": ["z"]})
    assert seal(one, ["a", "b"])[0] != seal(other, ["a", "b"])[0]


def test_a_memory_of_an_older_version_knows_fewer_outputs() -> None:
    """Outputs without a seal of old are not edited; those with one still are."""
    old = memory.seals(outputs())[0][:8]
    found = memory.edited(
        outputs(shown(""), band="Red", why="changed"), frame(FULL | {"seals": old})
    ).row(0, named=True)
    assert {name for name, hit in found.items() if hit} == {"band"}


def test_without_a_memory_nothing_is_an_edit() -> None:
    """A first sync finds values there that it did not write: no one has edited ours."""
    nothing = frame({"account_id": "001", "known": False})
    found = memory.edited(outputs(shown("")), nothing)
    assert found.width == len(memory.SEALED)
    assert not any(found.row(0))


def test_a_crm_that_shows_less_than_all_outputs() -> None:
    """Columns that are not there count as empty."""
    whole = memory.seals(outputs().select("band", "score"))[0]
    empty: dict[str, Any] = {name: None for name in VALUES if name not in ("band", "score")}
    assert whole == memory.seals(outputs(**empty))[0]


def test_the_second_memory_always_fits() -> None:
    """With the longest names, dates and the largest worth all at once, it comes back whole."""
    longest: dict[str, Any] = {
        "account_id": "0015g00000abcdeAAA",
        "stage_held": "a" * 32,
        "stage_out_since": date(2026, 11, 1),
        "value_held": -1,
        "value_next": 9,
        "value_next_since": date(2026, 11, 1),
        "tier_moved": "2026-10:u",
        "tier_below": "2026-10:12",
        "tier_pin": date(2026, 11, 1),
        "tier_base": 999_000_000_000_000,
        "seals": "f" * len(programme_memory.SEALED) * memory.DIGITS,
    }
    schema = {n: kind for n, kind in programme_memory.SCHEMA.items() if n != "known"}
    frame = pl.DataFrame([longest], schema=schema)
    text = programme_memory.render(frame)
    assert len(text[0]) <= 255
    back = programme_memory.parse(frame.select("account_id", text.alias(shown("programmes"))))
    assert back["known"].all()
    assert back.drop("known").row(0, named=True) == longest
    other = pl.DataFrame({"account_id": ["another"], shown("programmes"): text})
    assert not programme_memory.parse(other)["known"].any(), "a copy from elsewhere is none"
