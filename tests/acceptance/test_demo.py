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


def test_off_a_terminal_the_text_is_plain(told: str) -> None:
    """No escape codes, no bar."""
    assert "\x1b" not in told


@pytest.mark.slow
def test_the_text_is_the_same_each_time(told: str, tmp_path: Path) -> None:
    """No time of day of the machine: the same seed, the same text."""
    assert _demo(tmp_path) == told


@pytest.mark.slow
def test_a_small_company_works_as_well(tmp_path: Path) -> None:
    """Of four customers two move far on the second day: so few are no pattern, no guard speaks."""
    told = _demo(tmp_path, "--accounts", "5", "--seed", "7")
    assert "writes:" in _after(told, "crm-health sync", 2)
    assert "guard" not in told
    assert _after(told, "crm-health sync", 3).strip().startswith("0 writes.")


def _alike(told: str) -> str:
    """What must be the same in every CRM: all but its name, ids, and calls; wherever lines end."""
    lines = [line for line in told.splitlines() if "search knows" not in line]
    text = " ".join(" ".join(lines).replace("─", "").split())
    for pattern, word in (
        (r"\b(001\w{15}|102\d{9})\b", "ID"),
        (r"\b(Salesforce|HubSpot)\b", "CRM"),
        (r"\d+ API calls", "calls"),
        (r"\d+ things made: [a-z, ]+ of our own", "things made"),
        # The users of the sandbox itself are among them.
        (r"[\d,]+ records read", "records read"),
    ):
        text = re.sub(pattern, word, text)
    return text


def test_hubspot_tells_the_same_story(told: str, tmp_path: Path) -> None:
    """The same accounts, scores, reasons, tasks and escalations; then nothing more to write."""
    if not entry_points(group="crm_health.connectors", name="hubspot"):
        pytest.skip("crm-health was installed before it had this connector: pip install -e .")
    there = _demo(tmp_path, "--crm", "hubspot")
    assert "in a HubSpot sandbox on this machine" in there
    assert _alike(there) == _alike(told)
    assert "escalation opened" in there
    assert "put back to Red" in there


def _data(name: str, file: str) -> Path:
    given = os.environ.get("CRM_HEALTH_DATA")
    root = Path(given) if given else Path(__file__).parents[2] / ".." / "shared" / "data"
    if not (root / name / file).is_file():
        pytest.skip(f"no {name} data in CRM_HEALTH_DATA, nor in ../shared/data")
    return root / name


def _tally(told: str) -> tuple[int, int]:
    """Accounts scored, accounts unknown."""
    found = re.search(r"([\d,]+) scored, ([\d,]+) unknown for lack of evidence", told)
    assert found
    scored, unknown = (int(text.replace(",", "")) for text in found.groups())
    return scored, unknown


@pytest.mark.slow  # the subscriptions below go the same way
def test_the_same_job_runs_on_real_data(tmp_path: Path) -> None:
    """Olist's sellers are scored, the funnel's are unknown, and a second sync is quiet."""
    told = _demo(tmp_path, "--data", str(_data("olist", OLIST)))
    scored, unknown = _tally(told)
    assert scored + unknown == 2196
    assert scored > 1200
    # The 842 of the funnel have a won deal and nothing else.
    assert unknown >= 842
    assert _after(told, "crm-health sync", 2).strip().startswith("0 writes.")


def test_contradictory_data_are_told_and_survived(tmp_path: Path) -> None:
    """RavenStack: each contradiction is in the report, all 500 accounts are scored, once."""
    told = _demo(tmp_path, "--data", str(_data("ravenstack", "ravenstack_accounts.csv.gz")))
    for count, of, what in (
        ("277", "390", "kept accounts have a churn event"),
        ("35", "110", "churned accounts have none"),
        ("500", "500", "accounts hold an open subscription"),
        ("19,432", "25,000", "uses lie outside their subscription's dates"),
        ("1,077", "2,000", "tickets came before their account signed up"),
        ("21", "25,000", "usage ids were given before, to another use"),
    ):
        assert re.search(rf"^ *{count} +{of} .*{re.escape(what)}", told, flags=re.M), what
    assert _tally(told) == (500, 0)
    assert _after(told, "crm-health sync", 2).strip().startswith("0 writes.")
    assert "Quarantined: nothing." in _after(told, "crm-health status")


@pytest.mark.slow  # the incidents go the same way
def test_a_help_desk_goes_through_in_full(tmp_path: Path) -> None:
    """4,580 cases of 395 customers; who had no case in a year is unknown."""
    told = _demo(tmp_path, "--data", str(_data("helpdesk", "events.csv.gz")))
    assert "4,580 Case" in told
    scored, unknown = _tally(told)
    assert scored + unknown == 395
    assert scored > 100
    assert unknown > 100
    assert _after(told, "crm-health sync", 2).strip().startswith("0 writes.")


@pytest.mark.slow
def test_incidents_go_through_in_full(tmp_path: Path) -> None:
    """24,918 cases of 224 locations; the six that name none are in quarantine, by number."""
    told = _demo(tmp_path, "--data", str(_data("incident", "events.csv.gz")))
    assert "24,918 Case" in told
    assert sum(_tally(told)) == 224
    assert _after(told, "crm-health sync", 2).strip().startswith("0 writes.")
    assert re.search(r"^Case +no account +6$", _after(told, "crm-health status").rstrip(), re.M)


@pytest.mark.slow  # contradictory ones go the same way
def test_unusable_values_are_quarantined_and_shown(tmp_path: Path) -> None:
    """A use and a ticket of nobody, an unknown priority, days of 1801: counted, not fatal."""
    tables = {
        "accounts": (
            "account_id,account_name,industry,country,signup_date,plan_tier,seats,is_trial,"
            "churn_flag\n"
            + "".join(f"A-{n},C{n},I,US,05-03-2024,Pro,9,FALSE,TRUE\n" for n in range(9))
        ),
        "subscriptions": (
            "subscription_id,account_id,start_date,end_date,plan_tier,seats,arr_amount,"
            "upgrade_flag,downgrade_flag,churn_flag\n"
            "S-1,A-1,01-04-1801,,Pro,5,1200,TRUE,FALSE,FALSE\n"
        ),
        "feature_usage": (
            "usage_id,subscription_id,usage_date,feature_name,usage_count,error_count\n"
            "U-1,S-1,15-12-2024,f,4,0\nU-1,S-1,15-12-2024,f,4,0\nU-2,S-9,15-12-2024,f,4,0\n"
        ),
        "support_tickets": (
            "ticket_id,account_id,submitted_at,closed_at,priority,first_response_time_minutes,"
            "satisfaction_score,escalation_flag\n"
            "T-1,A-8888,01-06-2024,,urgent,20,9,FALSE\nT-2,A-1,01-06-2061,,blocker,20,9,FALSE\n"
        ),
        "churn_events": "churn_event_id,account_id\nC-1,A-1\n",
    }
    for name, text in tables.items():
        (tmp_path / f"ravenstack_{name}.csv.gz").write_text(text)
    told = _demo(tmp_path, "--data", str(tmp_path))
    quarantine = _after(told, "crm-health status")
    for line in (
        r"Asset +value not usable +1",
        r"Case +no account +1",
        r"Case +value not usable +1",
        r"Health_Survey__c +no account +1",
        r"Health_Usage__c +no account +1",
        r"Opportunity +value not usable +2",
    ):
        assert re.search(rf"^{line}$", re.sub(r" +$", "", quarantine, flags=re.M), re.M), line
    assert _after(told, "crm-health sync", 2).strip().startswith("0 writes.")


@pytest.mark.parametrize(("more", "said"), [([], OLIST), (["--crm", "hubspot"], "--data goes")])
def test_a_folder_without_data_is_a_usage_error(tmp_path: Path, more: list[str], said: str) -> None:
    """It says what it looked for, or that data sets are told on Salesforce, and ends with 2."""
    done = subprocess.run(
        [sys.executable, "-m", "crm_health", "demo", "--data", str(tmp_path), *more],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
