"""`crm-health demo` as people start it: a process of its own, and what it must show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

#: Seconds after which a test gives up: other tests may share the machine.
LIMIT = 240
OLIST = "seller_quarter_2017Q1_2017Q3.csv.gz"

pytestmark = pytest.mark.skipif(
    not entry_points(group="crm_health.commands", name="demo"),
    reason="crm-health is not installed: pip install -e .",
)


def _demo(folder: Path, *words: str) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CRM_HEALTH_")}
    # A real org's settings of whoever runs this must not matter.
    clean |= {"CRM_HEALTH_SALESFORCE_DOMAIN": "real.my", "CRM_HEALTH_STATE": str(folder / "x.db")}
    done = subprocess.run(
        [sys.executable, "-m", "crm_health", "demo", *words],
        env=clean,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (folder / "x.db").exists()
    return done.stdout


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demo prints."""
    return _demo(tmp_path_factory.mktemp("demo"))


def _after(told: str, command: str, nth: int = 1) -> str:
    """What stands between the nth time of a command and the next command."""
    parts = re.split(r"^\$ (.*)$", told, flags=re.M)
    answers = [text for name, text in zip(parts[1::2], parts[2::2], strict=True) if name == command]
    return answers[nth - 1]


def test_the_first_sync_scores_all_customers(told: str) -> None:
    """300 of 400 accounts get their fields, and open severity 1 cases past SLA an escalation."""
    first = _after(told, "crm-health sync")
    assert "300 of 400 accounts are customers" in first
    assert "300 accounts' health fields" in first
    assert re.search(r"\d+ escalations? opened", first)


def test_a_dozen_accounts_of_every_band_are_shown(told: str) -> None:
    """The table spreads over the bands, and the bands of all add up."""
    table = _after(told, "crm-health accounts")
    for band in ("Red", "Yellow", "Green", "Unknown"):
        assert f" {band} " in table
    tally = re.search(r"All: (\d+) green, (\d+) yellow, (\d+) red, (\d+) unknown", table)
    assert tally
    green, yellow, red, unknown = map(int, tally.groups())
    assert green + yellow + red + unknown == 300
    assert 0.5 <= green / 300 <= 0.7
    assert min(yellow, red, unknown) >= 10


def test_the_second_day_shows_just_its_changes(told: str) -> None:
    """What people did and the clock brought shows; hardly anybody else is written."""
    second = _after(told, "crm-health sync", 2)
    assert "escalation opened" in second
    assert "escalation resolved" in second
    assert "task created" in second
    assert "band said Green; put back to" in second
    written = re.search(r"(\d+) writes:", second)
    assert written
    fields = re.search(r"(\d+) accounts' health fields", second)
    assert fields
    # The changes of the day, and at most one in twenty of the others.
    assert int(fields[1]) <= 15 + 4


def test_the_third_sync_writes_nothing(told: str) -> None:
    """Nothing new, zero writes."""
    assert _after(told, "crm-health sync", 3).strip().startswith("0 writes.")


def test_off_a_terminal_the_text_is_plain_and_the_same_each_time(told: str, tmp_path: Path) -> None:
    """No escape codes, no bar, no time of day of the machine: the same seed, the same text."""
    assert "\x1b" not in told
    assert _demo(tmp_path) == told


def test_a_small_company_works_as_well(tmp_path: Path) -> None:
    """Of four customers two move far on the second day: so few are no pattern, no guard speaks."""
    told = _demo(tmp_path, "--accounts", "5", "--seed", "7")
    assert "writes:" in _after(told, "crm-health sync", 2)
    assert "guard" not in told
    assert _after(told, "crm-health sync", 3).strip().startswith("0 writes.")


def _olist() -> Path:
    given = os.environ.get("CRM_HEALTH_DATA")
    root = Path(given) if given else Path(__file__).parents[2] / ".." / "shared" / "data"
    return root / "olist"


@pytest.mark.skipif(
    not (_olist() / OLIST).is_file(),
    reason="the Olist data are neither in CRM_HEALTH_DATA nor in ../shared/data",
)
def test_the_same_job_runs_on_real_data(tmp_path: Path) -> None:
    """Olist's sellers are scored, the funnel's are unknown, and a second sync is quiet."""
    told = _demo(tmp_path, "--data", str(_olist()))
    found = re.search(r"([\d,]+) scored, ([\d,]+) unknown for lack of evidence", told)
    assert found
    scored, unknown = (int(text.replace(",", "")) for text in found.groups())
    assert scored + unknown == 2196
    assert scored > 1200
    # The 842 of the funnel have a won deal and nothing else.
    assert unknown >= 842
    assert _after(told, "crm-health sync", 2).strip().startswith("0 writes.")


def test_a_folder_without_data_is_a_usage_error(tmp_path: Path) -> None:
    """It says what it looked for, and ends with 2."""
    done = subprocess.run(
        [sys.executable, "-m", "crm_health", "demo", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 2
    assert OLIST in done.stderr
