"""Alerts that can't open, because the mapping brings nothing for them, are named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from sync_kit import config

from crm_health.config.load import Config, load

MAPPINGS = Path(__file__).parents[2] / "mappings"


def _notes(found: Config) -> list[str]:
    return [note.text() for note in found.notes]


def test_what_nothing_is_mapped_for_is_named(tmp_path: Path) -> None:
    """By entity, through facts and derived facts; once it is mapped it is named no more."""
    (note,) = _notes(load())
    assert note.startswith("playbook.yaml:")
    assert ": note: alerts: never open, since the mapping reads nothing for them: " in note
    assert "incident, outage_impact (no incident)" in note
    assert "survey" not in note
    mapping = yaml.safe_load((MAPPINGS / "salesforce.yaml").read_text())
    columns = {"account_id": "Account__c", "happened_at": "When__c", "minutes": "Minutes__c"}
    mapping["read"]["incident"] = {"object": "Outage__c", "columns": columns}
    del mapping["read"]["survey"]
    (tmp_path / "salesforce.yaml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    (note,) = _notes(load(tmp_path))
    assert "incident" not in note
    assert "key_unhappy, unhappy, comfort_zone, promoter (no survey)" in note


@pytest.mark.parametrize(
    ("when", "named"),
    [
        ("seen > 1", "(no usage.contact_id)"),
        ("seen > 1 and given > 5", "(no usage.contact_id)"),
        ("seen > 1 or given > 5", None),
        ("coalesce(seen, 2) > 1", None),
        ("seen is null", None),
        ("twice > 3", "(no usage.contact_id)"),
        # Nobody can know it, whatever stands in for it.
        ("whole > 3", "(no usage.contact_id)"),
        ("placed > 0.5", "(no usage.contact_id)"),
        ("renewal_days > -9", "(no account.renewal_at)"),
        ("customer_since_days > 9", "(no account.customer_since)"),
        ("age_days > 9", "(no account.customer_since)"),
        ("renewal_at < as_of", "(no account.renewal_at)"),
        ("passed > 3", "(no account.renewal_at)"),
        ("heads > 0", "(no usage.contact_id)"),
        ("late > 0", None),
    ],
)
def test_a_column_that_no_feed_brings(when: str, named: str | None) -> None:
    """Where another column decides as well, the alert may open."""
    facts = {
        "seen": {"from": "usage", "take": "count(contact_id)"},
        "late": {"from": "case", "where": "sla_due_at < as_of", "take": "count(*)"},
        "heads": {"from": "usage", "where": "contact_role = 'sponsor'", "take": "count(*)"},
    }
    derived = {
        "twice": "2 * seen",
        "whole": "coalesce(seen, 0)",
        "placed": "rank_seen",
        "passed": "case when renewal_at < as_of then 5 end",
    }
    task = {"subject": "Act", "body": "Now"}
    alert = {"when": when, "severity": "low", "does": "task", "task": task}
    found = config(model={"facts": facts, "derived": derived}, playbook={"alerts": {"odd": alert}})
    notes = _notes(found)
    assert [named in note for note in notes] == ([True] if named else [])


def test_the_packaged_mappings_and_their_copy_say_the_same(tmp_path: Path) -> None:
    """A note stops nothing and is no warning."""
    shutil.copy(MAPPINGS / "playbook.yaml", tmp_path)
    found = load(tmp_path)
    assert found.warnings == ()
    assert _notes(found) == _notes(load())
