"""`escalations report`: how many, of whom, how long, how late, better or worse."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from desk_kit import Shell, desk
from sync_kit import Org, config

from crm_health.cli.book import person_names


@pytest.fixture
def org(tmp_path: Path) -> Org:
    names = {"read": {"user": {"columns": {"name": {"field": "Name", "optional": True}}}}}
    return Org(tmp_path, config(mapping=names))


@pytest.fixture
def shell(org: Org, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return desk(org, capsys, monkeypatch)[0]


def test_a_quarter_is_told_by_every_part(org: Org, shell: Shell) -> None:
    """From the local database alone: reasons, departments, tiers and managers, in each format."""
    csms = [org.crm.put("User", {"IsActive": True, "Name": name}) for name in ("Ada", "Grace")]
    # The third one has an owner alone, who sells.
    theirs = (csms[0], csms[1], None, csms[1])
    accounts = [org.account(80.0, Name=f"A{n}", Csm=csm) for n, csm in enumerate(theirs)]
    first, second = org.case(accounts[0]), org.case(accounts[1])
    org.sync()
    org.edit("Case", first, IsClosed=True)
    org.pass_time(hours=4)
    org.sync()
    own = {"Account": accounts[2], "Reason": "Odd", "Department": "Sales", "Status": "Open"}
    org.crm.put("Escalation", own)
    org.days(4)
    assert second

    told = shell("escalations", "report", "--format", "json").json()
    assert told["period"] == {"first": "2026-01-01", "last": "2026-03-06"}
    assert told["before"] == {"first": "2025-10-01", "last": "2025-12-04"}
    support, odd = told["groups"]
    assert (support["group"], support["opened"], support["accounts"]) == ("Support issue", 2, 2)
    assert (support["customers"], support["of_customers"]) == (4, 0.5)
    assert (support["resolved"], support["median_hours"], support["overdue"]) == (1, 4.0, 1)
    # Four hours are a quarter of the due: the first was taken up in time, the second never was.
    assert support["slow"] == 1
    assert (odd["group"], odd["opened"], odd["open"], told["other"]) == ("Odd", 1, 1, 1 / 3)

    by_csm = shell("escalations", "report", "--by", "csm", "--format", "json").json()
    counts = {row["group"]: (row["opened"], row["customers"]) for row in by_csm["groups"]}
    assert counts == {csms[0]: (1, 1), csms[1]: (1, 2), "(none)": (1, 1)}
    # People read names; namesakes are told apart.
    text = shell("escalations", "report", "--by", "csm").out
    assert "no clear change" in text
    assert ("Ada" in text, "Grace" in text, csms[0] in text) == (True, True, False)
    other = org.crm.put("User", {"IsActive": True, "Name": "Ada"})
    org.sync()
    ada, grace = csms
    names = {ada: f"Ada ({ada})", grace: "Grace", other: f"Ada ({other})"}
    assert person_names(org.store) == names

    text = " ".join(shell("escalations", "report", "--by", "department").out.split())
    assert "Escalations opened from 1 Jan 2026 to 6 Mar 2026" in text
    assert "Who had them, in business hours" in text
    assert "a reason is missing there" in text

    lines = shell("escalations", "report", "--by", "tier", "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert [row["tier"] for row in rows] == ["(none)", ""]
    assert rows[-1]["opened"] == "3"


def test_nothing_to_tell_is_said(org: Org, shell: Shell) -> None:
    """No sync, or no escalation: each in a sentence."""
    assert shell("escalations", "report").code == 65
    org.account(80.0)
    org.sync()
    said = shell("escalations", "report", "--period", "month")
    assert said.code == 0
    assert "No escalation was opened from 1 Mar 2026 to 2 Mar 2026" in said.out
