"""A receipt as text: its parts, their sum, what is missing, what the CRM shows."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from crm_health.report.explain import explain


def _receipt(**given: Any) -> dict[str, Any]:
    receipt: dict[str, Any] = {
        "account": "001A", "model": "standard", "score": 59, "computed": 71, "band": "red",
        "band_since": "2026-11-16", "coverage": 90.0, "dimensions": 4, "capped": "sev1",
        "override": None, "held": None, "missing": ["satisfaction"], "stale": [],
        "cap_h": -1170, "override_h": 0, "clamp_h": 0, "rounding_h": -20,
        "drivers": [
            {"measure": "licence_use", "dimension": "adoption", "value": 0.5, "points": 500,
             "weight": 18.0, "share": 4090, "lost": 4090, "evidence": "2026-11-15"},
            {"measure": "case_burden", "dimension": "experience", "value": 12.0, "points": 820,
             "weight": 10.0, "share": 3000, "lost": 660, "evidence": None},
        ],
    }  # fmt: skip
    return receipt | given


def _text(receipt: dict[str, Any], shown: dict[str, Any] | None = None) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=160)
    for part in explain(receipt, "Acme", shown or {}, "2026-11-16"):
        console.print(part, markup=False)
    return stream.getvalue()


def test_the_parts_stand_above_their_sum() -> None:
    """Shares, the cap with its name and the rounding add up to the last line."""
    lines = [" ".join(line.split()) for line in _text(_receipt()).splitlines()]
    assert "licence_use adoption 0.5 50.0 18 40.90 -40.90 2026-11-15" in lines
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
