"""Escalations as cases of BottleCRM, by the mapping that the guide shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bottlecrm
import pytest
import yaml
from bottlecrm_org import Org, is_escalation, prepared

from crm_health.store import Store

if bottlecrm.environment() is None:
    pytest.skip(bottlecrm.ABSENT, allow_module_level=True)

ROOT = Path(__file__).parents[2]
_GUIDE = ROOT / "docs" / "bottlecrm.md"
_CASES = (
    "SELECT c.id, c.name, c.status, c.case_type, c.description, c.closed_on, c.account_id,"
    " c.custom_fields, (SELECT count(*) FROM case_contacts k WHERE k.case_id = c.id) AS contacts"
    ' FROM "case" c JOIN accounts a ON a.id = c.account_id'
    " WHERE c.custom_fields ? 'health_escalation_key' ORDER BY a.name"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration: the packaged mapping with what the guide says to put in."""
    shown = re.search(
        r"### Escalations as cases.*?```yaml\n(.*?)```", _GUIDE.read_text(), re.DOTALL
    )
    assert shown is not None
    mapping = yaml.safe_load((ROOT / "mappings" / "bottlecrm.yaml").read_text(encoding="utf-8"))
    made = tmp_path_factory.mktemp("config")
    merged = _merged(mapping, yaml.safe_load(shown[1]))
    (made / "bottlecrm.yaml").write_text(yaml.safe_dump(merged), encoding="utf-8")
    return made


def _merged(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return {**old, **{name: _merged(old.get(name), value) for name, value in new.items()}}


@pytest.fixture(scope="module")
def org(folder: Path) -> Iterator[Org]:
    """Two customers with a late case each, and one without."""
    with bottlecrm.running() as crm, prepared(crm, folder) as org:
        for n in range(2):
            org.late_case(org.customer(f"Customer {n}"), f"Down {n}")
        org.customer("Quiet")
        yield org


def _cases(org: Org) -> list[dict[str, Any]]:
    return org.crm.sql(_CASES)


def test_escalations_are_cases_where_the_mapping_says_so(
    org: Org, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each late customer has one, that is none of its own cases; it closes with its cause."""
    for name, value in org.variables.items():
        monkeypatch.setenv(name, value)
    place = tmp_path / "state.sqlite"
    assert set(org.sync(place).outcomes) == {"done"}
    made = _cases(org)
    assert not any(map(is_escalation, org.tasks())), "tasks are what has to be done"
    names = sorted(case["name"][:-9] for case in made)
    assert names == [f"Customer {n}: Support issue" for n in range(2)]
    assert len({case["name"] for case in made}) == len({case["account_id"] for case in made}) == 2
    for case in made:
        assert (case["status"], case["case_type"], case["contacts"]) == ("New", "Problem", 0)
        assert case["description"].startswith("Open severity 1 cases past their SLA: 1,")
        assert org.account(str(case["account_id"]))["health_open_escalations"] == 1

    # From an empty state: what was opened is read back, and feeds no score.
    again = tmp_path / "again.sqlite"
    for state in (place, again):
        assert org.sync(state).outcomes == {}
        assert org.wire.writes == []
    store = Store.open(again)
    try:
        assert (store.mirror.count("case"), store.mirror.count("escalation")) == (2, 2)
    finally:
        store.close()

    org.crm.sql("UPDATE \"case\" SET status = 'Closed' WHERE name = 'Down 0'")
    org.person("PATCH", f"/api/cases/{made[1]['id']}/", {"status": "Rejected"})
    assert set(org.sync(place).outcomes) == {"done"}
    assert [case["status"] for case in _cases(org)] == ["Closed", "Rejected"]
    assert _cases(org)[0]["closed_on"] is not None
    assert org.sync(place).outcomes == {}
