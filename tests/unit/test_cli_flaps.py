"""`flaps`: bands that do not stay, and what moved them."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk_kit import Shell, desk
from sync_kit import Org


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


@pytest.fixture
def shell(org: Org, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return desk(org, capsys, monkeypatch)[0]


def test_a_band_that_falls_and_comes_back_is_listed_with_its_reasons(
    org: Org, shell: Shell
) -> None:
    """Two changes in the span: each with its day, its scores and the strongest part."""
    steady = org.account(80.0, Name="Steady")
    mine = org.account(80.0, Second=80.0, Name="Wobbly")
    once = org.account(90.0, Name="Once")
    org.sync()
    org.edit("Account", mine, Given=20.0)
    org.edit("Account", once, Given=20.0)
    org.days(1)
    assert org.shown(mine)["HBand"] == "Red"
    org.edit("Account", mine, Given=80.0)
    org.days(9)
    assert org.shown(mine)["HBand"] == "Green"
    told = shell("flaps", "--json").json()
    assert told["accounts"] == 3
    (found,) = told["flaps"]
    assert (found["account_id"], found["name"]) == (mine, "Wobbly")
    fall, rise = found["turns"]
    assert (fall["day"], fall["band"], fall["score"]) == ("2026-03-03", ["green", "red"], [80, 50])
    assert (fall["part"], fall["change"], fall["beside"]) == ("given", -3000, [])
    # It rose when its days were over: the score had long been there.
    assert (rise["band"], rise["part"]) == (["red", "green"], None)
    assert steady not in told["flaps"]

    text = " ".join(shell("flaps").out.split())
    assert "2026-03-03 Green -> Red 80 -> 50 given -30.00" in text
    assert "1 of 3 accounts changed band more than once between" in text
    assert "the readings and days it needed had passed" in text
    assert shell("flaps", "--days", "2", "--json").json()["flaps"] == []


def test_nothing_to_list_is_said(org: Org, shell: Shell) -> None:
    """A score that swings around a threshold changes its band once, and is no flap."""
    mine = org.account(71.0)
    org.sync()
    for day in range(12):
        org.edit("Account", mine, Given=69.0 if day % 2 else 71.0)
        org.days(1)
    told = shell("flaps")
    assert told.code == 0
    assert "No band of 1 account changed more than once" in told.out
