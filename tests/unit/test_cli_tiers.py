"""`tiers` and `explain`: the pyramid, what a review would change, and where an account stands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from desk_kit import Shell, desk
from standing_kit import customers, placed_org
from sync_kit import Org


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return placed_org(tmp_path)


@pytest.fixture
def shell(org: Org, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    found, folder = desk(org, capsys, monkeypatch)
    parts = {
        "salesforce": org.config.mapping,
        "model": org.config.model,
        "playbook": org.config.playbook,
    }
    for name, part in parts.items():
        held = part.model_dump(mode="json", by_alias=True)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(held, sort_keys=False))
    return found


def test_moves_are_shown_before_they_happen(org: Org, shell: Shell) -> None:
    """The review of the day then moves the very same customer, and nobody else."""
    ids = customers(org)
    org.sync()
    told = shell("tiers", "--json").json()
    assert [(t["label"], t["customers"]) for t in told["tiers"]] == [
        ("Top", 3), ("Middle", 9), ("Rest", 18)
    ]  # fmt: skip
    assert told["moves"] is None
    assert shell("tiers", "--simulate", "--json").json()["moves"] == []
    for place, account in enumerate(ids):
        org.edit("Account", account, Value=100.0 + place)
    org.pass_time(days=1)
    org.sync()
    moves = shell("tiers", "--simulate", "--json").json()["moves"]
    verdicts = {move["account_id"]: move["verdict"] for move in moves}
    assert verdicts[ids[0]] == "not long enough in its tier"
    (mover,) = [account for account, verdict in verdicts.items() if verdict == "moves"]
    text = " ".join(shell("tiers", "--simulate").out.split())
    assert "A review today would move 1 customer of at most 1;" in text
    assert "Rest -> Top" in text
    before = {account: org.shown(account)["PTier"] for account in ids}
    org.pass_time(days=14)
    org.sync()
    changed = [a for a in ids if org.shown(a)["PTier"] != before[a]]
    assert changed == [mover]
    lines = " ".join(shell("explain", mover).out.split())
    assert "Tier Top since 2026-04-01: up at the review of 2026-04." in lines


def test_explain_says_where_an_account_stands_and_why(org: Org, shell: Shell) -> None:
    """Stage, value stage and tier, each with its date, and a person's choice as one."""
    ids = customers(org)
    org.sync()
    lines = " ".join(shell("explain", ids[0]).out.split())
    assert "Stage Adopt since 2026-03-17: the first that holds is true." in lines
    assert "Value stage Using since 2026-03-17: They log in." in lines
    assert "Tier Top since 2026-03-17: placed by its rank." in lines
    org.edit("Account", ids[0], PTier="Rest")
    org.pass_time(days=1)
    org.sync()
    told = shell("explain", ids[0], "--json").json()["stands"]
    assert told[-1].endswith("a person chose it on 2026-03-18, and it stands until 2027-03-18.")
