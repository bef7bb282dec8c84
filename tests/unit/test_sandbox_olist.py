"""The Olist data as CRM records: what is read, what it becomes, and what is never read."""

from __future__ import annotations

import gzip
import os
import shutil
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from connectors.sandbox import datasets
from connectors.sandbox.datasets import Dataset, UnknownDatasetError, olist

PANEL = """\
seller_active_quarter,year,quarter,seller_id,is_churn,n_orders,n_approved_orders,\
n_delivered_carrier,n_orders_late_to_carrier,n_delivered_customers,sales,n_orders_late_to_customer,\
median_approve_time,median_review_score,tenure_months,last_month_active_quarter,\
n_months_active_quarter,seller_city,seller_state
2017Q1,2017,1,seller_1,True,6,6,6,2,5,563.67,1,11.15,4.5,2,2,2,cotia,SP
2017Q2,2017,2,seller_1,True,3,3,3,0,3,120.5,0,9.0,0.0,5,2,1,cotia,SP
2017Q3,2017,3,seller_2,False,1,1,1,0,1,59.0,0,0.0,1.0,1,3,1,suzano,SP
"""
DEALS = """\
mql_id,seller_id,sdr_id,sr_id,won_date,business_segment,lead_type,lead_behaviour_profile,\
has_company,has_gtin,average_stock,business_type,declared_product_catalog_size,\
declared_monthly_revenue
m1,aaa,s1,r1,2018-02-26 19:58:54,pet,online_big,cat,,,,reseller,,0.0
m2,bbb,s1,r2,2018-05-08 20:17:59,,,eagle,,,,reseller,,30000.0
"""
LEADS = """\
mql_id,first_contact_date,landing_page_id,origin
m1,2018-02-01,x,social
m2,2018-05-20,x,
m3,2018-05-21,x,email
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a panel of three quarters and two deals."""
    write(tmp_path, PANEL)
    return tmp_path


def write(folder: Path, panel: str) -> None:
    for name, text in ((olist.PANEL, panel), (olist.DEALS, DEALS), (olist.LEADS, LEADS)):
        # Polars reads a plain file under a .gz name as well: it looks at the bytes.
        (folder / name).write_text(text)


def real_folder() -> Path:
    root = Path(os.environ.get("CRM_HEALTH_DATA", "../shared/data"))
    if not (root / "olist" / olist.PANEL).is_file():
        pytest.skip(f"no Olist data at {root / 'olist'}")
    return root / "olist"


@pytest.fixture(scope="module")
def real() -> Dataset:
    return datasets.load(real_folder())


def account(data: Dataset, name: str) -> dict[str, Any]:
    return next(a for a in data.records["Account"] if a["Name"] == name)


def of(data: Dataset, object_name: str, owner: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        r
        for r in data.records[object_name]
        if owner["Id"] in (r.get("AccountId"), r.get("Account__c"))
    ]


def test_sellers_become_customers_from_their_first_month(folder: Path) -> None:
    """A tenure of 2 months in February began in January; one of 1 month in that month."""
    data = datasets.load(folder)
    first, second = account(data, "Seller 1"), account(data, "Seller 2")
    assert first["CreatedDate"].date() == date(2017, 1, 1)
    assert second["CreatedDate"].date() == date(2017, 9, 1)
    assert first["Type"] == second["Type"] == "Customer - Direct"


def test_quarters_become_usage_of_the_last_active_month(folder: Path) -> None:
    """A quarter gives orders, sales and active months on its last active month's last day."""
    data = datasets.load(folder)
    usage = of(data, "Health_Usage__c", account(data, "Seller 1"))
    assert {(u["Metric__c"], u["Day__c"], u["Value__c"]) for u in usage} == {
        ("orders", date(2017, 2, 28), 6.0),
        ("sales", date(2017, 2, 28), 563.67),
        ("active_months", date(2017, 2, 28), 2.0),
        ("orders", date(2017, 5, 31), 3.0),
        ("sales", date(2017, 5, 31), 120.5),
        ("active_months", date(2017, 5, 31), 1.0),
    }


def test_reviews_become_answers_and_no_review_none(folder: Path) -> None:
    """A median of 4.5 of 5 is 87.5 points, 1 is 0 points, and 0 is not an answer."""
    data = datasets.load(folder)
    answers = of(data, "Health_Survey__c", account(data, "Seller 1"))
    assert [(a["Points__c"], a["Answered_On__c"]) for a in answers] == [(87.5, date(2017, 3, 31))]
    assert [a["Points__c"] for a in of(data, "Health_Survey__c", account(data, "Seller 2"))] == [0]


def test_late_orders_become_closed_cases(folder: Path) -> None:
    """Two hand-overs and one delivery that were late are three closed cases of medium priority."""
    data = datasets.load(folder)
    cases = of(data, "Case", account(data, "Seller 1"))
    assert Counter("carrier" in c["Subject"] for c in cases) == {True: 2, False: 1}
    assert {(c["Priority"], c["Status"]) for c in cases} == {("Medium", "Closed")}
    assert not of(data, "Case", account(data, "Seller 2"))


def test_deals_become_won_opportunities_before_the_end(folder: Path) -> None:
    """Deals keep their distance and their weekday, end before `as_of`, and name the real date."""
    data = datasets.load(folder)
    deals = data.records["Opportunity"]
    assert [d["StageName"] for d in deals] == ["Closed Won", "Closed Won"]
    assert deals[1]["CloseDate"] - deals[0]["CloseDate"] == date(2018, 5, 8) - date(2018, 2, 26)
    assert [d["CloseDate"].weekday() for d in deals] == [0, 1]
    assert all(d["CloseDate"] < data.as_of.date() for d in deals)
    assert deals[0]["Description"] == "Won on 2018-02-26 in the source."
    assert deals[1]["Description"].endswith("Declared monthly turnover: 30000 BRL.")
    assert [d["Amount"] for d in deals] == [None, None]


def test_deal_won_before_its_first_contact_is_opened_when_won(folder: Path) -> None:
    """No opportunity is closed before it was made."""
    for deal in datasets.load(folder).records["Opportunity"]:
        assert deal["CreatedDate"] <= deal["SystemModstamp"]
        assert deal["CreatedDate"].date() <= deal["CloseDate"]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda frame: frame.with_columns(~pl.col("is_churn")),
        lambda frame: frame.with_columns(is_churn=pl.lit("leak")),
        lambda frame: frame.drop("is_churn"),
    ],
    ids=["inverted", "replaced", "absent"],
)
def test_outcome_is_never_read(folder: Path, tamper: Any) -> None:
    """With the outcome inverted, replaced or absent the records are the same, value by value."""
    before = datasets.load(folder).records
    frame = pl.read_csv(folder / olist.PANEL)
    write(folder, tamper(frame).write_csv())
    assert datasets.load(folder).records == before


def test_real_records_do_not_depend_on_the_outcome(real: Dataset, tmp_path: Path) -> None:
    """On the whole real panel too, inverting the outcome changes not one value."""
    source = real_folder()
    for name in (olist.DEALS, olist.LEADS):
        shutil.copyfile(source / name, tmp_path / name)
    frame = pl.read_csv(source / olist.PANEL)
    assert frame["is_churn"].sum() > 0
    text = frame.with_columns(~pl.col("is_churn")).write_csv()
    (tmp_path / olist.PANEL).write_bytes(gzip.compress(text.encode()))
    assert datasets.load(tmp_path).records == real.records


def test_real_counts_add_up(real: Dataset) -> None:
    """Each panel row, review, late order and deal of the real files is found again."""
    frame = pl.read_csv(real_folder() / olist.PANEL)
    sellers = frame["seller_id"].n_unique()
    late = sum(frame["n_orders_late_to_carrier"]) + sum(frame["n_orders_late_to_customer"])
    panel, deals = real.sources
    made = {name: len(rows) for name, rows in real.records.items()}
    assert panel.read == panel.used == frame.height
    assert made["Health_Usage__c"] == 3 * frame.height
    reviewed = frame.filter(pl.col("median_review_score") >= 1).height
    assert made["Health_Survey__c"] == reviewed
    assert made["Case"] == late
    assert made["Opportunity"] == deals.read == deals.used
    assert made["Account"] == sellers + deals.read
    orders = [u for u in real.records["Health_Usage__c"] if u["Metric__c"] == "orders"]
    assert sum(u["Value__c"] for u in orders) == frame["n_orders"].sum()


def test_real_values_are_in_range_and_in_the_past(real: Dataset) -> None:
    """Points are 0 to 100, nothing was saved after `as_of`, names are distinct."""
    assert real.as_of == datetime(2017, 10, 1, tzinfo=UTC)
    for rows in real.records.values():
        for row in rows:
            assert row["CreatedDate"] <= row["SystemModstamp"] <= real.as_of
            assert row["CreatedDate"].utcoffset() == timedelta(0)
    assert all(0 <= s["Points__c"] <= 100 for s in real.records["Health_Survey__c"])
    names = [a["Name"] for a in real.records["Account"]]
    assert len(set(names)) == len(names)


def test_known_folder_is_found(folder: Path) -> None:
    """A folder with all files of a data set is known by them."""
    assert datasets.find(folder) is olist.load


def test_unknown_folder_is_refused_by_name(folder: Path) -> None:
    """A folder that lacks a file is not known, and the error names the file and the data set."""
    (folder / olist.DEALS).unlink()
    assert datasets.find(folder) is None
    with pytest.raises(UnknownDatasetError, match="closed_deals") as caught:
        datasets.load(folder)
    assert "olist" in str(caught.value)
    assert f"not there: {olist.DEALS})" in str(caught.value)


def test_missing_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    """A path that is no folder gets a message of its own."""
    with pytest.raises(UnknownDatasetError, match="not a folder"):
        datasets.load(tmp_path / "nowhere")
