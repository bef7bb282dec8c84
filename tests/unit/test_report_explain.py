"""A receipt as text: its parts, their sum, what is missing, what the CRM shows."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from crm_health.report.explain import explain


def _receipt(**given: Any) -> dict[str, Any]:
    receipt: dict[str, Any] = {
        "account": "001A", "name": "Acme", "day": "2026-11-16", "digest": "d2",
        "model": "standard", "score": 59, "computed": 71, "band": "red",
        "band_since": "2026-11-16", "coverage": 90.0, "dimensions": 4, "capped": "sev1",
        "override": None, "held": None, "missing": ["satisfaction"], "stale": [],
        "cap_h": -1170, "override_h": 0, "clamp_h": 0, "rounding_h": -20,
        "drivers": [
            {"measure": "licence_use", "dimension": "adoption", "value": 0.5, "points": 500,
             "weight": 18.0, "weight_shared": 64.29, "between": ((0.5, 50), (0.5, 50)),
             "share": 4090, "lost": 4090, "evidence": "2026-11-15"},
            {"measure": "case_burden", "dimension": "experience", "value": 12.0, "points": 820,
             "weight": 10.0, "weight_shared": 35.71, "between": ((10, 85), (30, 50)),
             "share": 3000, "lost": 660, "evidence": None},
        ],
    }  # fmt: skip
    return receipt | given


def _text(receipt: dict[str, Any], shown: dict[str, Any] | None = None) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=160)
    for part in explain(receipt, shown or {}):
        console.print(part, markup=False)
    return stream.getvalue()


def test_the_parts_stand_above_their_sum() -> None:
    """Shares, the cap with its name and the rounding add up to the last line."""
    lines = [" ".join(line.split()) for line in _text(_receipt()).splitlines()]
    assert "licence_use adoption 0.5 0.5:50 50.0 18, 64.3 % 40.90 -40.90 2026-11-15" in lines
    assert "case_burden experience 12 10:85 to 30:50 82.0 10, 35.7 % 30.00 -6.60 -" in lines
    assert "cap sev1 -11.70" in lines
    assert "rounding -0.20" in lines
    assert "score 59.00" in lines
    assert 40.90 + 30.00 - 11.70 - 0.20 == 59.0


def test_parts_that_are_nothing_are_left_out() -> None:
    """Without cap, override or clamp there is no line for them."""
    text = _text(_receipt(capped=None, cap_h=0, rounding_h=10, score=71))
    assert "cap " not in text
    assert "override" not in text
    assert "71.00" in text


def test_an_unknown_score_says_why_it_is_no_good_news() -> None:
    """Too little evidence: no score, what was computed, what is missing."""
    text = _text(_receipt(score=None, cap_h=0, rounding_h=10, band="unknown"))
    assert "computed (no score: see below)" in text
    assert "unknown, which is not green" in text
    assert "Missing, so not counted: satisfaction." in text


def test_a_persons_score_is_named_beside_the_computed_one() -> None:
    """An override shows both numbers."""
    text = _text(_receipt(override=80, score=80, override_h=2100, cap_h=0, rounding_h=-1190 + 80))
    assert "A person set the score to 80; computed: 71." in text


def test_the_crm_may_show_another_value() -> None:
    """What was computed and what the CRM shows stand side by side, with its Why."""
    text = _text(_receipt(), {"score": 60.0, "band": "Yellow", "why": "60. -8 Usage."})
    assert " ".join(text.split()).count("score 59 60") == 1
    assert "Why, as the CRM has it: 60. -8 Usage." in text


def test_the_change_of_thirty_days_adds_up() -> None:
    """Each part then and now, their sum, and a word where another configuration counted then."""
    then = {"day": "2026-10-17", "score": 70, "computed": 70, "model": "standard", "digest": "d1"}
    moved = [
        {"part": "licence_use", "then": 5200, "now": 4090, "change": -1110},
        {"part": "rounding", "then": 0, "now": 10, "change": 10},
    ]
    text = " ".join(_text(_receipt(moved_since=then, moved=moved)).split())
    assert "Since 2026-10-17, in points (the configuration has changed in between)" in text
    assert "licence_use 52.00 40.90 -11.10 rounding 0.00 0.10 +0.10" in text
    assert "in all 52.00 41.00 -11.00" in text


def test_facts_stand_with_the_age_of_their_evidence() -> None:
    """What was read on the day itself bears the day."""
    facts = {"active_days": 12.0, "satisfaction": 71.5}
    text = _text(_receipt(facts=facts, evidence={"satisfaction": "2026-10-01"}))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "active_days 12 2026-11-16" in lines
    assert "satisfaction 71.5 2026-10-01" in lines
