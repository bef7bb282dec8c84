"""Texts: templates, Why, Evidence, receipts."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import polars as pl
import pytest
from health_help import AS_OF, DAY, accounts, build, days_ago, default_model, facts_of, live, plain

from crm_health.config.model import Model
from crm_health.entities import Kind
from crm_health.health.band import settle
from crm_health.health.facts import Facts, compute
from crm_health.health.receipt import receipts, verify
from crm_health.health.score import assess
from crm_health.health.text import compile_template, days_since, why
from crm_health.health.trend import trend


def test_every_text_of_the_default_model_renders():
    """All words of model.yaml fit the columns they name."""
    model = default_model()
    facts = facts_of(model, accounts([{"account_id": "a"}]))
    texts = [t for m in model.measures.values() for t in (m.says, m.says_good) if t]
    texts += [cap.says for cap in model.caps.values()]
    from_lines = dict.fromkeys(facts.values.columns, Kind.NUMBER)
    from_lines["relationship_at"] = Kind.DATE
    for text in texts:
        shown = facts.values.select(
            compile_template(text, from_lines, since=days_since(model)).alias("t")
        )
        assert "{" not in shown["t"].item()


def explain(
    model: Model, facts: Facts, history: dict[int, float] | None = None
) -> tuple[list[dict[str, Any]], pl.DataFrame, pl.DataFrame]:
    assessed = assess(model, facts, AS_OF)
    memory = pl.DataFrame(
        schema={
            "account_id": pl.String,
            "band": pl.String,
            "since": pl.Date,
            "before": pl.String,
            "pending": pl.String,
            "pending_at": pl.Datetime("ms", "UTC"),
            "pending_count": pl.Int64,
            "score": pl.Float64,
        }
    )
    shown = {"band": "yellow", "since": days_ago(20)}
    known = facts.values.select("account_id").with_columns(
        pl.lit(value).alias(name) for name, value in shown.items()
    )
    memory = pl.concat([memory, known], how="diagonal")
    settled = settle(model, memory, assessed, AS_OF, "UTC")
    days = history or {}
    series = pl.DataFrame(
        [
            {"account_id": account, "day": days_ago(ago), "score": score}
            for account in assessed["account_id"]
            for ago, score in days.items()
        ],
        schema={"account_id": pl.String, "day": pl.Date, "score": pl.Float64},
    )
    moved = trend(series, assessed, DAY)
    return (
        list(why(model, facts, assessed, settled, moved).iter_rows(named=True)),
        assessed,
        settled,
    )


def spoken() -> Model:
    says = {
        "adoption_use": "Use is at {m_adoption_use:number}",
        "value_runway": "Renewal on {renewal_days:date}",
        "care_calm": "The last case closed.",
    }
    model = plain(
        {"adoption_use": 50.0, "value_runway": 30.0, "care_calm": 20.0},
        caps={"late": {"when": "m_late > 0", "at": 59, "says": "A case is past its SLA"}},
    )
    measures = {
        name: measure.model_copy(update={"says": says[name]})
        for name, measure in model.measures.items()
    }
    return model.model_copy(update={"measures": measures})


def row(use: float | None, runway: float | None, calm: float | None, **more: Any) -> pl.DataFrame:
    given = {"m_adoption_use": use, "m_value_runway": runway, "m_care_calm": calm, "m_late": 0.0}
    return accounts([given | {"renewal_at": days_ago(-43)} | more])


def test_why_names_change_and_drivers_strongest_first():
    """Score and change with its date, what holds it down, then what holds it up."""
    model = spoken()
    texts, _a, _s = explain(model, facts_of(model, row(60.0, 40.0, 100.0)), {33: 73.0})
    assert texts[0]["why"] == (
        "62, down 11 since 20 Oct 2026. -20 Use is at 60. -18 Renewal on 4 Jan 2027."
        " +20 The last case closed."
    )
    assert texts[0]["top_line"] == "Use is at 60"
    assert texts[0]["top_key"] == "adoption_use"


def test_why_names_the_cap_first():
    """A cap that binds stands before the drivers and is the top line."""
    model = spoken()
    texts, _a, _s = explain(model, facts_of(model, row(90.0, 90.0, 90.0, m_late=1.0)))
    assert texts[0]["why"].startswith("59. At most 59: A case is past its SLA. +45 Use is at 90.")
    assert (texts[0]["top_line"], texts[0]["top_key"]) == ("A case is past its SLA", "late")


def test_cap_may_name_the_points_of_a_dimension():
    """The words of a cap show what its condition reads."""
    caps = {
        "bad": {"when": "care_points < 30", "at": 49, "says": "Care is at {care_points:number}"}
    }
    model = plain({"adoption_use": 80.0, "care_calm": 20.0}, caps=caps)
    frame = accounts([{"m_adoption_use": 90.0, "m_care_calm": 20.0}])
    texts, _a, _s = explain(model, facts_of(model, frame))
    assert texts[0]["top_line"] == "Care is at 20"


def test_words_may_name_the_book():
    """A text may show a figure of the whole book that no expression reads."""
    model = spoken()
    says = {"says": "All are at {book_m_adoption_use:number}"}
    measure = model.measures["adoption_use"].model_copy(update=says)
    model = model.model_copy(update={"measures": {**model.measures, "adoption_use": measure}})
    facts = compute(model, {}, row(60.0, 90.0, 90.0), AS_OF, {"book_m_adoption_use": {"": [71.0]}})
    texts, _a, _s = explain(model, facts)
    assert texts[0]["top_line"] == "All are at 71"


def test_why_ends_with_the_held_band():
    """A band that is held back says until when."""
    model = spoken()
    texts, _a, _s = explain(model, facts_of(model, row(72.0, 72.0, 72.0)))
    assert texts[0]["why"].endswith(" Yellow until 73 holds for two days.")


def test_why_names_a_persons_override():
    """The override is named with its end and the computed score beside it."""
    model = spoken()
    frame = row(60.0, 40.0, 100.0, override=85.0, override_until=date(2027, 2, 1))
    texts, _a, _s = explain(model, facts_of(model, frame))
    assert texts[0]["why"].startswith("85, set by a person until 1 Feb 2027 (computed: 62).")
    frame = row(None, None, None, override=85.0, override_until=date(2027, 2, 1))
    texts, _a, _s = explain(model, facts_of(model, frame))
    assert texts[0]["why"].startswith(
        "85, set by a person until 1 Feb 2027 (computed: unknown)."
    ), "of no evidence nothing is computed"


def test_why_of_an_unknown_score_says_what_is_needed():
    """Without enough evidence it says so, never shows a score, and rounds no lack away."""
    model = spoken()
    texts, assessed, _s = explain(model, facts_of(model, row(None, 90.0, None)))
    assert assessed["score"].to_list() == [None]
    assert texts[0]["why"].startswith("Unknown: evidence for 30 % of the model, 60 % is needed.")
    # Nor points of it.
    assert not re.search(r" [-+]\d", texts[0]["why"])
    model = plain({"adoption_use": 41.0, "value_runway": 59.0, "care_calm": 0.0})
    texts, _a, _s = explain(model, facts_of(model, row(None, 90.0, None)))
    assert texts[0]["why"].startswith("Unknown: evidence for 55 % of the model, 60 % is needed.")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"off": ["a_one"]}, "no measure counts here, for each is off or without a weight."),
        (
            {"models": [{"name": "standard", "weights": {"a_one": "m_late / 0.0"}}]},
            "no measure counts here, for each is off or without a weight.",
        ),
        (
            {"models": [{"name": "few", "when": "m_late > 9", "weights": {"a_one": 1}}]},
            "no model fits this account.",
        ),
    ],
    ids=["off", "missing", "unfit"],
)
def test_why_of_a_score_that_nothing_counts_in(parts, said):
    """What is missing is not switched off, and who fits no model lacks no evidence."""
    model = plain({"a_one": 1.0}, **parts)
    texts, _a, _s = explain(model, facts_of(model, accounts([{"m_a_one": 80.0, "m_late": 0.0}])))
    assert texts[0]["why"].startswith(f"Unknown: {said} ")


def test_why_has_its_lengths_and_no_control_characters():
    """Endless texts are cut at a word, at 2,000 and 255 characters; line ends become blanks."""
    model = spoken()
    long = model.measures["adoption_use"].model_copy(update={"says": "{note:text}"})
    model = model.model_copy(update={"measures": {**model.measures, "adoption_use": long}})
    note = "Zeile\x00\r\n\u00e4\u00f6 " * 2000
    texts, _a, _s = explain(model, facts_of(model, row(10.0, 72.0, 72.0, note=note)))
    assert 1900 < len(texts[0]["why"]) <= 2000
    assert texts[0]["why"].count("\N{HORIZONTAL ELLIPSIS}") == 1
    assert 200 < len(texts[0]["top_line"]) <= 255
    assert not re.search(r"[\x00-\x1f]", texts[0]["why"])
    unbroken, _a, _s = explain(model, facts_of(model, row(10.0, 9.0, 9.0, note="x" * 100_000)))
    assert 1900 < len(unbroken[0]["why"]) <= 2000


def test_evidence_names_present_missing_and_stale():
    """Evidence lists the signals, the model and the kind of score."""
    model = spoken()
    stale = model.measures["care_calm"].model_copy(
        update={"stale_after_days": 30, "value": "csm_sentiment"}
    )
    model = model.model_copy(update={"measures": {**model.measures, "care_calm": stale}})
    frame = row(60.0, None, None, csm_sentiment=50.0, relationship_at=days_ago(31))
    texts, _a, _s = explain(model, facts_of(model, frame))
    assert texts[0]["evidence"] == (
        "CRM signals only, no usage. Model standard, descriptive. Present: adoption use."
        " Missing: value runway. Stale: care calm."
    )


def test_evidence_names_its_dates_but_its_class_does_not():
    """Old evidence shows its newest and oldest date; the class stays the same while it ages."""
    model = spoken()
    aged = model.measures["care_calm"].model_copy(update={"value": "csm_sentiment"})
    model = model.model_copy(update={"measures": {**model.measures, "care_calm": aged}})
    seen = []
    for ago in (20, 21):
        frame = row(60.0, 60.0, None, csm_sentiment=50.0, relationship_at=days_ago(ago))
        seen.append(explain(model, facts_of(model, frame))[0][0])
    assert seen[0]["evidence"].endswith(" Newest 22 Nov 2026, oldest 2 Nov 2026.")
    assert seen[1]["evidence"].endswith(" Newest 22 Nov 2026, oldest 1 Nov 2026.")
    assert seen[0]["evidence_class"] == seen[1]["evidence_class"]
    alone = row(None, None, None, csm_sentiment=50.0, relationship_at=days_ago(21))
    assert explain(model, facts_of(model, alone))[0][0]["evidence"].endswith(" All of 1 Nov 2026.")


def test_usage_is_missed_only_where_none_counts():
    """A model with a usage measure on does not say "no usage", unless no usage is recorded."""
    model = build(
        facts={"days": {"from": "usage", "take": "count(distinct day)"}},
        derived={"active": "days / 1"},
        measures={
            "use": {
                "dimension": "adoption",
                "value": "active",
                "curve": {0: 0, 9: 100},
                "says": "x",
            }
        },
        models=[{"name": "standard", "weights": {"use": 1}}],
    )
    frame = accounts([{"account_id": "a"}])
    rows = live([{"account_id": "a", "day": DAY}])
    with_usage, _a, _s = explain(model, facts_of(model, frame, usage=rows))
    without, _a, _s = explain(model, facts_of(model, frame))
    assert not with_usage[0]["evidence"].startswith("CRM signals only")
    assert without[0]["evidence"].startswith("CRM signals only, no usage. ")
    off, _a, _s = explain(
        model.model_copy(update={"off": ("use",)}), facts_of(model, frame, usage=rows)
    )
    assert off[0]["evidence"].startswith("CRM signals only, no usage. ")


def test_texts_of_no_accounts():
    """Empty frames give empty texts and receipts."""
    model = default_model()
    facts = facts_of(model, accounts([{"account_id": "a"}]).clear())
    texts, assessed, settled = explain(model, facts)
    assert texts == []
    assert receipts(model, facts, assessed, settled, as_of=AS_OF, digest="d").is_empty()


def receipt_of(frame: pl.DataFrame) -> dict[str, Any]:
    model = spoken()
    facts = facts_of(model, frame)
    _texts, assessed, settled = explain(model, facts)
    made = receipts(model, facts, assessed, settled, as_of=AS_OF, digest="d1g357")
    found: dict[str, Any] = json.loads(made["receipt"].item())
    return found


def test_receipt_holds_what_explains_the_score():
    """Parts, facts with evidence dates, model and digest, computed beside shown."""
    receipt = receipt_of(row(90.0, 90.0, 90.0, m_late=1.0, shown_score=61.0, name="Secret Ltd"))
    assert verify(receipt) == []
    assert (receipt["score"], receipt["shown"]["score"], receipt["digest"]) == (59, 61.0, "d1g357")
    assert receipt["capped"] == "late"
    assert receipt["cap_h"] == -3100
    assert receipt["drivers"][0]["evidence"] == "2026-11-22"
    assert receipt["facts"]["m_adoption_use"] == 90.0
    assert "Secret" not in json.dumps(receipt)


def test_receipt_leaves_out_what_is_missing_and_evidence_of_the_day():
    """Most evidence was read on the day itself; a receipt names the rest."""
    receipt = receipt_of(row(90.0, None, 90.0))
    assert "m_adoption_use" in receipt["facts"]
    assert None not in receipt["facts"].values()
    assert "m_adoption_use" not in receipt["evidence"]
    assert None not in receipt["evidence"].values()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"score": 60}, "add up to 59.00, not 60.00"),
        ({"cap_h": 0}, "add up to 90.00, not 59.00"),
        ({"band_now": "unknown"}, "where the band is known"),
        ({"version": 99}, "version 99"),
    ],
)
def test_receipt_that_was_tampered_with_is_found(change, problem):
    """Verification names what does not add up."""
    receipt = receipt_of(row(90.0, 90.0, 90.0, m_late=1.0)) | change
    assert any(problem in found for found in verify(receipt))


def test_receipts_of_unknown_and_overridden_accounts_verify():
    """Empty scores and a person's score add up as well."""
    for frame in (
        row(None, None, None),
        row(None, 90.0, None),
        row(10.0, 10.0, 10.0, override=95.0),
        row(0.0, 0.0, 0.0),
    ):
        assert verify(receipt_of(frame)) == []
