"""Odd configurations, and accounts that must not be mixed up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sync_kit import NOW, Org, config, setting_of

from crm_health.store import Scope


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


# -- configurations of other companies -------------------------------------------------------------


def test_outputs_that_nobody_maps_are_not_written_and_not_missed(tmp_path: Path) -> None:
    """The four that hold the state are enough: a second sync writes nothing, on any day."""
    given = config(
        mapping={"write": {"account": {}, "edits": {}}},
    )
    kept = {n: p for n, p in given.mapping.write.account.items() if n in ("score", "band")}
    kept |= {"band_since": "HSince", "memory": "HMemory"}
    write = given.mapping.write.model_copy(update={"account": kept, "edits": {}})
    mapping = given.mapping.model_copy(update={"write": write})
    org = Org(tmp_path, type(given)(mapping, given.model, given.playbook, "d", {}))
    account = org.account(80)
    org.sync()
    assert set(org.shown(account)) >= {"HScore", "HMemory"}
    assert not {"HWhy", "HTrend", "HWeeks"} & set(org.shown(account))
    for _ in range(10):
        report = org.sync(full=True)
        assert (org.plan(report).height, report.edits.height) == (0, 0)
        org.crm.clock.advance(timedelta(days=1))
        org.store.history.thin(report.setting.day)


@pytest.mark.parametrize("names", [["bad"], ["a", "b", "c", "d", "at_risk"]])
def test_a_company_has_two_bands_or_six(tmp_path: Path, names: list[str]) -> None:
    """Bands are theirs: the worst one first, the last one holds the rest."""
    step = 90 // len(names)
    bands: list[dict[str, Any]] = [
        {"name": name, "below": step * (place + 1)} for place, name in enumerate(names)
    ]
    bands.append({"name": "fine"})
    quiet = {"alerts": {"dropped": {"when": "score < 5", "clear": "score > 5"}}}
    org = Org(tmp_path, config(model={"bands": bands}, playbook=quiet))
    ids = [org.account(step * (place + 1) - 1.0) for place in range(len(names))]
    ids.append(org.account(99))
    org.sync()
    shown = [org.shown(account)["HBand"] for account in ids]
    assert shown == [name.replace("_", " ").title() for name in [*names, "fine"]]
    assert org.sync().outcomes == {}
    org.edit("Account", ids[-1], Given=1.0)
    org.pass_time(hours=1)
    org.sync()
    assert org.shown(ids[-1])["HBand"] == names[0].title()
    assert org.sync().outcomes == {}


def test_a_company_without_alerts(tmp_path: Path) -> None:
    """Fields alone are a use as well."""
    given = config()
    playbook = given.playbook.model_copy(update={"alerts": {}})
    org = Org(tmp_path, type(given)(given.mapping, given.model, playbook, "d", {}))
    org.case(org.account(30))
    assert org.sync().outcomes == {"done": 1}
    assert org.sync().outcomes == {}


def test_the_instant_of_a_run_is_a_whole_minute_of_the_crm(org: Org) -> None:
    """Not of this machine."""
    org.pass_time(seconds=59, milliseconds=7)
    setting = org.setting()
    assert setting.as_of == NOW
    assert setting.as_of.tzinfo is not None
    assert setting_of(org.config).day == NOW.date()


def test_every_account_gets_its_own(org: Org) -> None:
    """Frames that are laid side by side have the same order, however ids and pages fall."""
    org.page, org.batch = 3, 4
    ids = [f"{(n * 7919) % 1000:03d}{'z' if n % 2 else 'A'}" for n in range(40)]
    for place, account in enumerate(ids):
        org.account(30.0 + place, id=account, Name=f"N{place}", at=org.ago(minutes=place % 5))
        if place % 4 == 0:
            org.crm.put("Account", {**org.shown(account), "id": account, "Override": 99.0 - place})
        if place % 5 == 0:
            org.case(account)
    org.sync()
    for place, account in enumerate(ids):
        shown = org.shown(account)
        expected = 99 - place if place % 4 == 0 else 30 + place
        assert (shown["HScore"], shown["HComputed"]) == (expected, 30 + place)
        assert shown["HOpen"] == (1 if place % 5 == 0 else 0)
        assert shown["HWeeks"].endswith(f" {expected}, to 2 Mar 2026")
        assert shown["HWhy"].startswith(str(expected))
        assert ("|o=f:" in shown["HMemory"]) is (place % 4 == 0)
        told = {"green": "Green", "yellow": "Yellow", "red": "Red"}
        assert told[shown["HMemory"].split("|b=")[1].split("|")[0]] == shown["HBand"]
    assert org.sync().outcomes == {}
    edited = ids[::3]
    for account in edited:
        org.edit("Account", account, HTrend="Falling")
    report = org.sync()
    assert sorted(report.edits["account_id"]) == sorted(edited)
    assert sorted(org.plan(report)["account_id"]) == sorted(edited)
    assert org.store.mirror.load("account", [], Scope.all()).height == 40
