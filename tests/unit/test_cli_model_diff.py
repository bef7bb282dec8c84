"""`model diff` and `plan --model`: two models on the same customers, without a CRM."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk_kit import Shell, changed, desk
from sync_kit import Org, config, reason

from crm_health.config.load import load

WEIGHTS = [{"name": "standard", "weights": {"given": 90, "second": 10}}]


@pytest.fixture
def org(tmp_path: Path) -> Org:
    """Three customers: one that the new weights turn red, one that they lift, one they leave."""
    org = Org(tmp_path)
    org.account(50.0, Second=94.0, Name="Falls")
    org.account(80.0, Second=60.0, Name="Rises")
    org.account(75.0, Second=75.0, Name="Stays")
    org.sync()
    return org


@pytest.fixture
def folder(org: Org, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    return desk(org, capsys, monkeypatch)[1]


@pytest.fixture
def shell(
    org: Org, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    return Shell(capsys, monkeypatch, org.folder / "org.db")


def test_it_says_whose_score_moves_by_which_measure(org: Org, folder: Path, shell: Shell) -> None:
    """Scores, bands, parts and rules as a sync with the new model would have them."""
    calls = len(org.crm.calls)
    new = changed(folder, models=WEIGHTS, change=None)
    told = shell("model", "diff", "current", str(new), "--format", "json").json()
    assert len(org.crm.calls) == calls
    assert [c["path"] for c in told["changes"]] == [
        "models.standard.weights.given", "models.standard.weights.second",
    ]  # fmt: skip
    found = {row["name"]: row for row in told["accounts"]}
    assert {name: row["score"] for name, row in found.items()} == {
        "Falls": [72, 54], "Rises": [70, 78],
    }  # fmt: skip
    assert found["Falls"]["band_now"] == ["green", "red"]
    assert (found["Falls"]["part"], found["Falls"]["change"]) == ("second", -3760)
    assert told["bands"] == [{"from": "green", "to": "red", "accounts": 1}]
    assert [(s["from"], s["accounts"]) for s in told["scores"]["moved"] if s["accounts"]] == [
        (0, 1), (6, 1), (11, 1),
    ]  # fmt: skip
    parts = {part["part"]: part for part in told["parts"]}
    assert (parts["given"]["up"], parts["second"]["down"]) == (82.0, -91.6)
    assert told["rules"] == [
        {"rule": "dropped", "does": "task", "opens": 1, "opens_no_more": 0, "closes": 0,
         "closes_no_more": 0},
    ]  # fmt: skip
    assert "does not say who changed it and why" in told["objection"]


def test_what_it_foretells_is_what_a_sync_then_does(org: Org, folder: Path, shell: Shell) -> None:
    """The scores and bands written by a sync with the new model are those of the difference."""
    new = changed(folder, models=WEIGHTS)
    told = shell("plan", "--model", str(new), "--json").json()
    org.config = config(model={"models": WEIGHTS, "change": reason("Given counts most.")})
    org.sync()
    for row in told["accounts"]:
        shown = org.shown(row["account_id"])
        assert (shown["HScore"], shown["HBand"].lower()) == (row["score"][1], row["band"][1])
    tasks = [row.values["Subject"] for row in org.crm.tables["Task"].rows.values()]
    assert tasks == ["Falls: health is now red"]


def test_the_tables_end_with_what_matters(folder: Path, shell: Shell) -> None:
    """Farthest first, by which part, and the sum in the last line."""
    new = changed(folder, models=WEIGHTS, change=reason("Given counts most."))
    told = shell("model", "diff", "current", str(new))
    lines = [" ".join(line.split()) for line in told.out.splitlines()]
    assert lines[-1].startswith("2 of 3 scores move, 1 change band.")
    assert "refuse" not in told.out
    rows = [line for line in lines if line.startswith("mem") or "Falls" in line]
    assert rows
    assert rows[0].endswith("Falls 72 -> 54 Green -> Red second -37.60")


def test_the_same_model_moves_nobody(shell: Shell) -> None:
    """Current against current is nothing; a file that is not there is said."""
    told = shell("model", "diff", "current", "current")
    assert told.out.splitlines()[-1] == "None of 3 scores moves."
    assert shell("model", "diff", "current", "nowhere.yaml").code == 2


def test_the_packaged_model_needs_no_reason(org: Org, folder: Path, shell: Shell) -> None:
    """A sync would take it as it is, though it says what the one before said."""
    change = load().model.change
    assert change is not None
    org.config = config(
        model={"models": WEIGHTS, "change": change.model_dump(mode="json", by_alias=True)}
    )
    org.sync()
    # A playbook that only goes with this company's model: the packaged one goes with its own.
    told = shell("model", "diff", "default", "default", "--format", "json").json()
    assert told["objection"] is None


def test_check_holds_the_model_against_the_customers(org: Org, shell: Shell) -> None:
    """Findings and how the values lie, for people and as JSON, without a call."""
    calls = len(org.crm.calls)
    told = shell("model", "check", "--json").json()
    assert told == shell("model", "check", "--format", "json").json()
    assert told["customers"] == 3
    assert [(f["kind"], f["model"]) for f in told["findings"]] == [("size", "standard")]
    given = {row["measure"]: row for row in told["measures"]}["given"]
    assert (given["known"], given["lowest"], given["most"]) == (3, 50.0, 80.0)
    text = shell("model", "check")
    assert "2 measures count; 5 to 10 can be held in mind" in text.out
    assert text.out.splitlines()[-1] == "1 thing to look at, on 3 customers."
    assert len(org.crm.calls) == calls


def test_the_history_tells_why(org: Org, shell: Shell) -> None:
    """Every model that counted, with its reason."""
    org.config = config(model={"models": WEIGHTS, "change": reason("Given counts most.")})
    org.days(1)
    told = shell("model", "history", "--json").json()
    assert [entry["change"] and entry["change"]["reason"] for entry in told] == [
        None, "Given counts most.",
    ]  # fmt: skip
    assert "Given counts most." in shell("model", "history").out
