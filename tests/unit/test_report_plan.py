"""The plan as text: what changes, what opens, what a guard says; refusals without their words."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console, RenderableType

from crm_health.report import outcome
from crm_health.report.changes import Shown, changes


def _text(parts: list[RenderableType]) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=200)
    for part in parts:
        console.print(part, markup=False)
    return stream.getvalue()


def _row(**given: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": "fields", "account_id": "001A", "name": "Acme", "why": "score 72 to 58",
        "status": "planned", "code": None, "fields": {}, "score": [72.0, 58.0],
        "band": ["Green", "Red"], "trend": ["Steady", "Steady"], "reason": "Usage fell",
    }  # fmt: skip
    return row | given


def _result(**given: Any) -> dict[str, Any]:
    result: dict[str, Any] = {
        "customers": 300, "accounts": 400, "assessed": 300, "warnings": [], "quarantined": 0,
        "edits": [], "waiting": 0, "expired": 0, "ownerless": 0, "stood": 0, "refused": 0,
        "stops": [], "run": "abc", "counts": {"planned": 1}, "kinds": {"fields": {"planned": 1}},
        "calls_needed": 1, "calls_used": 7,
    }  # fmt: skip
    return result | given


def test_a_change_shows_from_what_to_what_and_why() -> None:
    """Score and band with an arrow, an unchanged trend once, the top reason."""
    text = _text(changes(Shown([], [_row()])))
    for part in ("Acme", "72 -> 58", "Green -> Red", "Usage fell"):
        assert part in text
    assert "Steady -> Steady" not in text


def test_work_for_people_names_record_and_due_date() -> None:
    """An escalation shows its reason, severity and due, by the names that its CRM has for them."""
    fields = {"due_at": "2026-11-24T17:00:00.000Z", "why": "Support issue", "grade": "S1"}
    rows = [_row(kind="escalation", fields=fields)]
    text = _text(changes(Shown(rows, [], told=("subject", "why", "grade", "due_at"))))
    assert "escalation opens" in text
    assert "Support issue, S1, 2026-11-24 17:00 UTC" in text


def test_a_long_plan_is_cut_and_says_so() -> None:
    """Beyond the limit a line counts the rest."""
    text = _text(changes(Shown([], [_row(name=f"N{i}") for i in range(40)], 0, 10)))
    assert "10 more" in text


def test_a_refusal_shows_its_code_only() -> None:
    """The CRM's own words, which may echo values, are not in the row's text."""
    text = _text(
        changes(Shown([], [_row(status="rejected", code="STRING_TOO_LONG", message="Acme's text")]))
    )
    assert "rejected STRING_TOO_LONG" in text
    assert "Acme's text" not in text


def test_terminal_commands_in_names_are_spelled_out() -> None:
    """A name with escape sequences is shown, not obeyed."""
    text = _text(changes(Shown([], [_row(name="a\x1b]0;x\x07b")])))
    assert "\x1b" not in text
    assert "a\\x1b]0;x\\x07b" in text


def test_the_last_line_says_what_matters() -> None:
    """A dry run ends with calls, guards and the next command; an empty one says so."""
    last = outcome.summary(_result(), dry_run=True)[-1]
    assert "1 account's health fields change: 1 API call." in last
    assert "No guard would stop it" in last
    nothing = outcome.summary(_result(counts={}, kinds={}), dry_run=False)[-1]
    assert nothing == "0 writes: the CRM says what it should (7 API calls)."


def test_a_guard_is_named_with_the_way_to_approve() -> None:
    """What stopped it, that nothing was written, and the command with the run's id."""
    lines = outcome.summary(_result(stops=["12 new tasks (limit 10)"]), dry_run=False)
    assert "Guard: 12 new tasks (limit 10)." in lines
    assert lines[-1].startswith("Nothing was written")
    assert "crm-health sync --approve abc" in lines[-1]


def test_partial_success_counts_every_state() -> None:
    """Rows that are not done are counted by state, with where to look."""
    last = outcome.summary(
        _result(
            counts={"done": 4, "rejected": 1, "unknown": 2},
            kinds={"fields": {"done": 4, "rejected": 1, "unknown": 2}},
        ),
        dry_run=False,
    )[-1]
    assert last.startswith("4 of 7 rows written")
    assert "1 rejected, 2 unknown: crm-health runs show abc" in last


def test_people_and_evidence_come_before_the_sum() -> None:
    """Edits, waiting and ownerless tasks, refusals, warnings and quarantine each get a line."""
    lines = outcome.summary(
        _result(
            edits=[{"account_id": "1"}], waiting=2, ownerless=1, stood=7, refused=3,
            quarantined=5, warnings=["X is not in this org"],
        ),
        dry_run=False,
    )  # fmt: skip
    text = "\n".join(lines)
    for part in ("1 edit by people", "2 new tasks wait", "7 alerts held already",
                 "people.retention_owner", "same content: 3 rows", "5 cells",
                 "Warning: X is not in this org."):  # fmt: skip
        assert part in text


def test_an_approval_without_effect_is_told() -> None:
    """How many rows waited, and that none of them is wanted now."""
    [line] = outcome.summary(_result(counts={}, kinds={}, approved=12), dry_run=False)[-1:]
    assert line.startswith("0 writes: 0 of 12 held rows still wanted, for what they rest on has")
