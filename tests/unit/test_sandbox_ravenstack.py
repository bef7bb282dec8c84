"""RavenStack as CRM records: what goes in, dirty as it is; what is counted; what is never read."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from connectors.sandbox import datasets
from connectors.sandbox.datasets import Dataset, DatasetError, Finding, ravenstack

TABLES = {
    "accounts": """\
account_id,account_name,industry,country,signup_date,referral_source,plan_tier,seats,is_trial,\
churn_flag
A-1,Alpha,EdTech,US,05-03-2024,partner,Basic,9,FALSE,TRUE
A-2,Beta,FinTech,IN,31-02-2024,other,Pro,many,TRUE,FALSE
""",
    "subscriptions": """\
subscription_id,account_id,start_date,end_date,plan_tier,seats,mrr_amount,arr_amount,is_trial,\
upgrade_flag,downgrade_flag,churn_flag,billing_frequency,auto_renew_flag
S-1,A-1,01-04-2024,30-06-2024,Pro,5,100,1200,FALSE,FALSE,FALSE,TRUE,monthly,TRUE
S-2,A-1,01-05-2024,,Enterprise,7,200,2400,FALSE,TRUE,TRUE,FALSE,monthly,TRUE
S-3,A-2,01-05-2024,,Basic,3,50,600,FALSE,FALSE,FALSE,FALSE,annual,TRUE
""",
    "feature_usage": """\
usage_id,subscription_id,usage_date,feature_name,usage_count,usage_duration_secs,error_count,\
is_beta_feature
U-1,S-1,15-05-2024,feature_1,4,60,0,FALSE
U-1,S-2,16-05-2024,feature_2,2,60,5,FALSE
U-3,S-1,01-01-2024,feature_1,3,60,0,FALSE
U-4,S-9,15-05-2024,feature_1,3,60,0,FALSE
U-5,S-1,15-05-0001,feature_1,nan,60,0,FALSE
U-6,S-3,15-05-2061,feature_1,1,60,0,FALSE
""",
    "support_tickets": """\
ticket_id,account_id,submitted_at,closed_at,resolution_time_hours,priority,\
first_response_time_minutes,satisfaction_score,escalation_flag
T-1,A-1,01-02-2024,02-02-2024 03:00,27,urgent,74,,TRUE
T-2,A-1,01-06-2024,01-06-2024 01:00,1,high,200,5,FALSE
T-3,A-8,01-06-2024,,1,blocker,20,9,maybe
""",
    "churn_events": """\
churn_event_id,account_id,churn_date,reason_code,refund_amount_usd,preceding_upgrade_flag,\
preceding_downgrade_flag,is_reactivation,feedback_text
C-1,A-2,25-06-2024,pricing,0,FALSE,FALSE,FALSE,
""",
}


def write(folder: Path, **changed: str) -> Path:
    """The tables in a folder; the first with a byte order mark, as the real ones have it."""
    for name, text in {**TABLES, **changed}.items():
        mark = b"\xef\xbb\xbf" if name == "accounts" else b""
        (folder / ravenstack.file(name)).write_bytes(gzip.compress(mark + text.encode()))
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Dataset:
    """Two accounts with every kind of dirt."""
    return datasets.load(write(tmp_path))


def real_folder() -> Path:
    root = Path(os.environ.get("CRM_HEALTH_DATA", "../shared/data"))
    if not (root / "ravenstack" / ravenstack.file("accounts")).is_file():
        pytest.skip(f"no RavenStack data at {root / 'ravenstack'}")
    return root / "ravenstack"


@pytest.fixture(scope="module")
def real() -> Dataset:
    return datasets.load(real_folder())


def found(data: Dataset, what: str) -> Finding:
    """The one finding whose words begin so."""
    (one,) = [finding for finding in data.findings if finding.what.startswith(what)]
    return one


def rows(data: Dataset, what: str) -> tuple[int, int]:
    one = found(data, what)
    return one.rows, one.of


def by(data: Dataset, object_name: str, field: str) -> dict[str, dict[str, Any]]:
    return {row[field]: row for row in data.records[object_name]}


def test_a_byte_order_mark_is_no_part_of_a_name(small: Dataset) -> None:
    """The first column is read though the file begins with a mark, and the mark is counted."""
    assert by(small, "Account", "Name")["Alpha"]["AccountNumber"] == "A-1"
    assert rows(small, "files begin with a byte order mark") == (1, 5)


def test_dates_are_read_day_first(small: Dataset) -> None:
    """05-03-2024 is the fifth of March."""
    assert by(small, "Account", "Name")["Alpha"]["CreatedDate"].date() == date(2024, 3, 5)


def test_dates_written_another_way_are_not_taken_for_ours(tmp_path: Path) -> None:
    """2024-03-05 among days first is no date here: counted as none, and not as day first."""
    changed = TABLES["accounts"].replace("05-03-2024", "2024-03-05")
    before, after = (
        datasets.load(write(tmp_path)),
        datasets.load(write(tmp_path, accounts=changed)),
    )
    told = "dates are written DD-MM-YYYY"
    assert found(after, told).rows == found(before, told).rows - 1
    assert found(after, "dates that are none").rows == found(before, "dates that are none").rows + 1


def test_what_is_no_date_number_or_flag_is_counted_and_left_empty(small: Dataset) -> None:
    """31 February, the year 1, `many` seats, `nan` uses and `maybe` fit no typed field."""
    assert found(small, "dates that are none").rows == 2
    assert found(small, "numbers that are none").rows == 2
    assert found(small, "TRUE/FALSE cells that are none").rows == 1
    (bad,) = [u for u in small.records["Health_Usage__c"] if u["Day__c"] is None]
    assert bad["Value__c"] is None


def test_an_account_without_a_sign_up_is_as_old_as_the_oldest(small: Dataset) -> None:
    """A CRM's record has to have been made some day."""
    accounts = by(small, "Account", "Name")
    assert accounts["Beta"]["CreatedDate"] == accounts["Alpha"]["CreatedDate"]


def test_what_reaches_no_account_goes_in_without_one(small: Dataset) -> None:
    """A use of an unknown subscription and a ticket of an unknown account stay, for the product."""
    assert sum(u["Account__c"] is None for u in small.records["Health_Usage__c"]) == 1
    assert by(small, "Case", "CaseNumber")["T-3"]["AccountId"] is None
    assert rows(small, "uses belong to no known subscription") == (1, 6)
    assert rows(small, "tickets belong to no known account") == (1, 3)


def test_an_id_given_twice_makes_two_records(small: Dataset) -> None:
    """Both uses called U-1 are there, and one is counted as a repetition."""
    values = [u["Value__c"] for u in small.records["Health_Usage__c"]]
    assert {4.0, 2.0} <= set(values)
    assert rows(small, "usage ids were given before") == (1, 6)


def test_dates_ahead_stay_ahead(small: Dataset) -> None:
    """A use in 2061 keeps its day, its record was saved by now, and it is counted."""
    ahead = [u for u in small.records["Health_Usage__c"] if u["Day__c"] == date(2061, 5, 15)]
    assert len(ahead) == 1
    assert ahead[0]["CreatedDate"] <= small.as_of
    assert found(small, "dates lie after the end").rows == 1


def test_values_out_of_range_and_unknown_words_stay(small: Dataset) -> None:
    """A satisfaction of 9 is 200 points, and a priority that nobody knows keeps its name."""
    assert [s["Points__c"] for s in small.records["Health_Survey__c"]] == [100, 200]
    assert by(small, "Case", "CaseNumber")["T-3"]["Priority"] == "Blocker"


def test_contradictions_between_tables_are_counted(small: Dataset) -> None:
    """Uses outside their subscription, tickets before the sign-up, answers after the end."""
    assert rows(small, "uses lie outside their subscription's dates") == (1, 6)
    assert rows(small, "tickets came before their account") == (1, 3)
    assert rows(small, "tickets were first answered after they were closed") == (1, 3)
    assert rows(small, "tickets have no satisfaction score") == (1, 3)
    assert rows(small, "uses met more errors") == (1, 6)
    assert rows(small, "accounts marked as trials pay") == (1, 1)


def test_outcomes_are_held_against_each_other(small: Dataset) -> None:
    """Each of the two has churned by one table and not by the other."""
    assert rows(small, "kept accounts have a churn event") == (1, 1)
    assert rows(small, "churned accounts have none") == (1, 1)
    assert rows(small, "churned accounts keep an open subscription") == (1, 1)


def test_subscriptions_become_assets_and_deals(small: Dataset) -> None:
    """A line that ended is obsolete; one that is up- and downgrade at once makes two deals."""
    assets = by(small, "Asset", "SerialNumber")
    assert [assets[f"S-{n}"]["Status"] for n in (1, 2, 3)] == ["Obsolete", "Installed", "Installed"]
    assert assets["S-2"]["Price"] == 2400
    assert sorted(deal["Type"] for deal in small.records["Opportunity"]) == [
        "Existing Customer - Downgrade",
        "Existing Customer - Upgrade",
    ]


def test_errors_are_usage_of_their_own_metric(small: Dataset) -> None:
    """A use with five errors is one row of the feature and one of errors."""
    made = [(u["Metric__c"], u["Value__c"]) for u in small.records["Health_Usage__c"]]
    assert made.count(("errors", 5.0)) == 1
    assert made.count(("feature_2", 2.0)) == 1


@pytest.mark.parametrize("table", ["accounts", "subscriptions", "churn_events"])
def test_outcomes_are_never_loaded(tmp_path: Path, table: str) -> None:
    """With every outcome turned round or gone, the records are the same, value by value."""
    before = datasets.load(write(tmp_path)).records
    head, _, body = TABLES[table].partition("\n")
    turned = {
        "accounts": body.replace(",TRUE\n", ",?\n").replace(",FALSE\n", ",TRUE\n"),
        "subscriptions": body.replace(",TRUE,monthly", ",X,monthly"),
        "churn_events": "",
    }
    assert turned[table] != body
    after = datasets.load(write(tmp_path, **{table: f"{head}\n{turned[table]}"}))
    assert after.records == before


def test_a_file_that_is_no_csv_is_named_in_plain_words(tmp_path: Path) -> None:
    """A table without its columns ends with a message, not with a traceback."""
    write(tmp_path, accounts="name\nx\n")
    with pytest.raises(DatasetError, match="cannot be read"):
        datasets.load(tmp_path)
    (tmp_path / ravenstack.file("accounts")).write_bytes(b"\x1f\x8b\x08nothing")
    with pytest.raises(DatasetError, match="cannot be read"):
        datasets.load(tmp_path)


def test_real_contradictions_are_all_named(real: Dataset) -> None:
    """The counts are those that the data are known for."""
    assert rows(real, "accounts have churned, says the account") == (110, 500)
    assert rows(real, "accounts have churned, says a churn event") == (352, 500)
    assert rows(real, "subscriptions have churned") == (486, 5000)
    assert rows(real, "kept accounts have a churn event") == (277, 390)
    assert rows(real, "churned accounts have none") == (35, 110)
    assert rows(real, "accounts hold an open subscription") == (500, 500)
    assert rows(real, "usage ids were given before") == (21, 25000)
    assert rows(real, "files begin with a byte order mark") == (5, 5)
    outside, uses = rows(real, "uses lie outside their subscription's dates")
    assert round(outside / uses, 2) == 0.78
    early, tickets = rows(real, "tickets came before their account")
    assert round(early / tickets, 2) == 0.54
    blank, tickets = rows(real, "tickets have no satisfaction score")
    assert round(blank / tickets, 2) == 0.41
    assert found(real, "answers, and none but 3, 4, 5").rows == tickets - blank
    dates, of = rows(real, "dates are written DD-MM-YYYY")
    assert dates == of > 0


def test_real_tables_are_loaded_in_full(real: Dataset) -> None:
    """Each row of the four tables is a record; uses and seats add up to the file's."""
    folder = real_folder()
    tables = {name: pl.read_csv(folder / ravenstack.file(name)) for name in ravenstack.TABLES}
    made = {name: len(records) for name, records in real.records.items()}
    assert made["Account"] == tables["accounts"].height == 500
    assert made["Asset"] == tables["subscriptions"].height == 5000
    assert made["Case"] == tables["support_tickets"].height == 2000
    usage = real.records["Health_Usage__c"]
    counted = [u["Value__c"] for u in usage if u["Metric__c"] != "errors"]
    assert len(counted) == tables["feature_usage"].height == 25000
    assert sum(counted) == tables["feature_usage"]["usage_count"].sum()
    assert (
        sum(a["Quantity"] for a in real.records["Asset"]) == tables["subscriptions"]["seats"].sum()
    )
    sources = {source.name: (source.read, source.used) for source in real.sources}
    assert sources == {
        "accounts": (500, 500),
        "subscriptions": (5000, 5000),
        "feature_usage": (25000, 25000),
        "support_tickets": (2000, 2000),
        "churn_events": (600, 0),
    }


def test_real_stamps_lie_in_the_past(real: Dataset) -> None:
    """Nothing was saved after the clock's instant, and ids are distinct."""
    assert real.as_of == datetime(2025, 1, 1, tzinfo=UTC)
    for records in real.records.values():
        assert all(r["CreatedDate"] <= r["SystemModstamp"] <= real.as_of for r in records)
        assert len({r["Id"] for r in records}) == len(records)
