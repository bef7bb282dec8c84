"""`explain --as-of`: a kept reading as it was, whatever came after."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk_kit import Shell, desk
from sync_kit import NOW, Org, config


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


@pytest.fixture
def shell(org: Org, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return desk(org, capsys, monkeypatch)[0]


def parts(told: dict[str, object]) -> int:
    total = sum(driver["share"] for driver in told["drivers"])
    return total + sum(told[name] for name in ("cap_h", "override_h", "clamp_h", "rounding_h"))


def test_a_kept_reading_is_what_was_written_on_its_day(org: Org, shell: Shell) -> None:
    """After other data and another model it answers to the last digit as it did on the day."""
    mine = org.account(82.0, Second=70.0)
    day = NOW.date().isoformat()
    org.sync()
    written = dict(org.shown(mine))
    then = shell("explain", mine, "--as-of", day, "--json").json()
    assert (then["score"], then["computed"]) == (written["HScore"], written["HComputed"])
    assert then["band"].title() == written["HBand"]
    assert then["band_since"] == str(written["HSince"])
    assert then["coverage"] == pytest.approx(written["HCoverage"], abs=5)
    assert parts(then) == 100 * written["HScore"]
    assert f"{then['score']}." in written["HWhy"] or f"{then['score']}," in written["HWhy"]

    org.edit("Account", mine, Given=20.0, Second=10.0)
    org.days(2)
    weights = [{"name": "standard", "weights": {"given": 90, "second": 10}}]
    org.config = config(model={"models": weights})
    org.days(1)
    assert shell("explain", mine, "--json").json()["score"] == org.shown(mine)["HScore"] == 19
    (change,) = shell("explain", mine, "--json").json()["model_changes"]
    assert (change["score"], change["was"]) == (19, 15)
    assert "19 that day, and the one before would have given 15" in shell("explain", mine).out
    assert shell("explain", mine, "--as-of", day, "--json").json() == then
    assert then["version_of_model"]["since"] == day
    told = shell("explain", mine, "--as-of", day)
    assert (told.code, told.err) == (0, "")
    assert "in the CRM" not in told.out


def test_a_day_without_a_reading_names_the_nearest(org: Org, shell: Shell) -> None:
    """It says which day it shows instead."""
    mine = org.account(82.0)
    org.sync()
    told = shell("explain", mine, "--as-of", "2026-03-09")
    assert "reading of 2026-03-02" in told.out
    assert "No reading of 2026-03-09 is kept: this is the nearest, of 2026-03-02." in told.err


def test_it_shows_places_on_curves_shared_weights_and_facts(org: Org, shell: Shell) -> None:
    """A missing measure's weight goes to the others; each value has its place on its curve."""
    mine = org.account(None, Second=40.0)
    org.sync()
    told = shell("explain", mine, "--json").json()
    assert told["missing"] == ["given"]
    (driver,) = told["drivers"]
    assert (driver["weight"], driver["weight_shared"]) == (50.0, 100.0)
    assert driver["between"] == [[0.0, 0.0], [100.0, 100.0]]
    lines = [" ".join(line.split()) for line in shell("explain", mine).out.splitlines()]
    assert "second experience 40 0:0 to 100:100 40.0 50, 100.0 % 40.00 -60.00 2026-03-02" in lines
    assert "p1_late 0 2026-03-02" in lines


def test_the_change_over_thirty_days_is_an_exact_sum(org: Org, shell: Shell) -> None:
    """Its parts add up to the difference of the two scores."""
    mine = org.account(80.0, Second=80.0)
    org.sync()
    org.edit("Account", mine, Given=40.0)
    org.pass_time(days=31)
    org.sync()
    told = shell("explain", mine, "--json").json()
    assert told["moved_since"]["score"] == 80
    assert [(m["part"], m["change"]) for m in told["moved"]] == [("given", -2000)]
    assert told["score"] == 60
