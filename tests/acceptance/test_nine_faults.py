"""Of nine inputs that broke other people's syncs, those that are a matter of the wire.

The table with all of them is `docs/nine-faults.md`; calls and rows are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from world import NOW

from connectors.salesforce.client import Client
from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.settings import Settings
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Batch, FieldRead, Op, Page, Request, Stream
from crm_health.entities import Kind
from crm_health.errors import Unavailable
from crm_health.testing.ports import make_ports

ACCOUNT = Stream("Account", (FieldRead("Name", Kind.TEXT), FieldRead("OwnerId", Kind.TEXT)))
CASE = Stream(
    "Case",
    (
        FieldRead("AccountId", Kind.TEXT),
        FieldRead("Priority", Kind.TEXT),
        FieldRead("CreatedDate", Kind.INSTANT),
        FieldRead("ClosedDate", Kind.INSTANT),
    ),
)


@contextmanager
def connected(
    sandbox: Sandbox, page_rows: int | None = None, **settings: Any
) -> Iterator[SalesforceConnector]:
    """A connector that has said hello and seen the objects; its pauses take no time."""
    env = {
        name.removeprefix("CRM_HEALTH_SALESFORCE_").lower(): value
        for name, value in sandbox.environment.items()
    }
    client = Client(Settings(**{**env, **settings}), make_ports(), "62.0")
    with closing(SalesforceConnector(client, page_rows)) as made:
        made.identity()
        made.describe(["Account", "Case"])
        yield made


def read(connector: SalesforceConnector, stream: Stream, cursor: str | None = None) -> list[Page]:
    return list(connector.changes([Request(stream, cursor)]))


def ids(pages: list[Page]) -> list[str]:
    return [name for page in pages for name in page.rows["id"]]


def spent(connector: SalesforceConnector, work: Callable[[], Any]) -> tuple[Any, int]:
    """What the work gives, and the calls it took."""
    before = connector.usage().calls
    return work(), connector.usage().calls - before


def _before(bulk_from: int) -> int:
    """Calls before the first page: for open transactions' marks, and where jobs may be, a count."""
    return 2 if bulk_from else 1


def account_ids(count: int) -> list[str]:
    return [f"001{n:012}AAA" for n in range(count)]


def accounts(count: int, stamp: Callable[[int], datetime]) -> dict[str, list[dict[str, Any]]]:
    """Accounts with stamps of ours."""
    rows = []
    for n, name in enumerate(account_ids(count)):
        at = stamp(n).isoformat()
        rows.append({"Id": name, "Name": f"A{n}", "SystemModstamp": at, "LastModifiedDate": at})
    return {"Account": rows}


@pytest.fixture
def org() -> Iterator[Sandbox]:
    """An empty org, in a process of its own."""
    with Sandbox.start_process(now=NOW, frozen=True) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def large() -> Iterator[Sandbox]:
    """10,000 accounts and 100,000 cases among what else they have, over more than a year."""
    with Sandbox.start_process(now=NOW, frozen=True, volume=10_000) as sandbox:
        yield sandbox


# -- 1: one stamp for all -------------------------------------------------------------------------


@pytest.mark.parametrize(("bulk_from", "most"), [(0, 12_000 // 2_000), (5_000, 1 + 1 + 3)])
def test_twelve_thousand_rows_with_one_stamp_are_read_once(
    org: Sandbox, bulk_from: int, most: int
) -> None:
    """All come, none twice, in the calls of the formula; later only what the overlap repeats."""
    stamp = NOW - timedelta(days=3)
    org.load(accounts(12_000, lambda _: stamp))
    with connected(org, bulk_from=bulk_from, bulk_page=5_000) as connector:
        pages, calls = spent(connector, lambda: read(connector, ACCOUNT))
        found = ids(pages)
        assert len(found) == 12_000
        assert set(found) == set(account_ids(12_000))
        assert calls <= most + _before(bulk_from)
        org.advance(86_400)
        again, quiet = spent(connector, lambda: read(connector, ACCOUNT, pages[-1].cursor))
        assert ids(again) == []
        assert quiet <= 1 + 2, "the session of the day before is renewed"
    print(f"fault 1, bulk_from {bulk_from}: {len(found)} rows, {calls} calls, then {quiet}")


# -- 2: rows in no order, and a crash -------------------------------------------------------------


def test_rows_out_of_order_and_a_crash_skip_nothing(org: Sandbox) -> None:
    """Whatever page was the last one stored, the rest follows, and later changes as well."""
    days = [5, 60, 32, 2]
    org.load(accounts(400, lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days[n % 4], n)))
    with connected(org, bulk_from=5, bulk_page=100) as connector:
        pages = read(connector, ACCOUNT)
    stamps = {row["Id"]: row["SystemModstamp"] for row in org.records("Account")}
    order = [stamps[name] for name in ids(pages)]
    assert order != sorted(order), "the job gave them in the order of their stamps"
    assert len(pages) == 5, "the job's, and four with rows"
    for kept in range(len(pages)):
        had = pages[: kept + 1]
        with connected(org, bulk_from=5, bulk_page=100) as connector:
            rest = read(connector, ACCOUNT, had[-1].cursor)
        assert set(ids(had)) | set(ids(rest)) == set(account_ids(400)), f"after page {kept}"
    org.advance(3_600)
    changed = account_ids(400)[3]
    org.edit("Account", changed, {"Name": "later"})
    with connected(org, bulk_from=5, bulk_page=100) as connector:
        assert changed in ids(read(connector, ACCOUNT, pages[-1].cursor))
    print(f"fault 2: crashes after each of {len(pages)} pages, no row skipped")


# -- 5: failed rows of complete jobs ---------------------------------------------------------------


def test_each_of_several_jobs_names_its_failed_rows(org: Sandbox) -> None:
    """Four jobs, three bad rows in each: twelve receipts say so, the others say done."""
    org.load(accounts(400, lambda _: NOW))
    bad = (3, 50, 99)
    total: dict[str, int] = {}
    with connected(org, bulk_write_from=10) as connector:
        for first in range(0, 400, 100):
            names = ["x" * 300 if n in bad else f"new {first + n}" for n in range(100)]
            rows = pl.DataFrame(
                {"seq": range(1, 101), "id": account_ids(400)[first : first + 100], "Name": names},
                schema_overrides={"seq": pl.Int64},
            )
            receipts = connector.write(Batch(Op.UPDATE, "Account", rows))
            refused = receipts.filter(pl.col("outcome") == "rejected")
            assert sorted(refused["seq"]) == [n + 1 for n in bad]
            for outcome in receipts["outcome"]:
                total[outcome] = total.get(outcome, 0) + 1
    assert [job["state"] for job in org.jobs()] == ["JobComplete"] * 4
    assert total == {"done": 388, "rejected": 12}
    print(f"fault 5: 4 jobs, {total}")


# -- 6: a 503 on page 3 of 50 ---------------------------------------------------------------------

_LATER = r"/query(All)?/\w"


def test_one_503_between_pages_is_repeated(large: Sandbox) -> None:
    """All rows come, for one call more."""
    with connected(large, page_rows=200, bulk_from=0) as connector:
        _, plain = spent(connector, lambda: read(connector, ACCOUNT))
        large.faults({"kind": "unavailable", "path": _LATER, "nth": 2})
        pages, calls = spent(connector, lambda: read(connector, ACCOUNT))
    fired = large.faults()[0]["fired"]
    large.clear_faults()
    assert fired == 1
    assert len(pages) == 50
    assert len(set(ids(pages))) == len(ids(pages)) == 10_000
    assert calls == plain + 1
    print(f"fault 6: {len(ids(pages))} of 10,000 rows in {len(pages)} pages, {calls} calls")


def test_a_503_that_stays_is_an_error_and_no_short_read(large: Sandbox) -> None:
    """No page was marked as the last, and the next read goes on where this one broke off."""
    seen: list[Page] = []
    with connected(large, page_rows=200, bulk_from=0) as connector:
        with pytest.raises(Unavailable):  # noqa: PT012 - it breaks in the midst of the pages
            for page in connector.changes([Request(ACCOUNT)]):
                seen.append(page)
                if len(seen) == 2:
                    large.faults({"kind": "unavailable", "path": _LATER, "times": 0})
        large.clear_faults()
        assert [page.last for page in seen] == [False, False]
        rest = read(connector, ACCOUNT, seen[-1].cursor)
    assert len({*ids(seen), *ids(rest)}) == 10_000
    print(f"fault 6: a lasting 503 after {len(ids(seen))} rows is an error; the rest came later")


# -- 7 and 8: how many calls ----------------------------------------------------------------------


def test_a_hundred_thousand_rows_are_one_window(large: Sandbox) -> None:
    """Rows decide how a window is read, not days: one job, and the calls of the formula."""
    before = len(large.jobs())
    with connected(large) as connector:
        pages, calls = spent(
            connector, lambda: list(connector.changes([Request(ACCOUNT), Request(CASE)]))
        )
        looks = connector.usage().by_kind
    jobs = [job for job in large.jobs()[before:] if job["direction"] == "query"]
    assert len(set(ids(pages))) == len(ids(pages)) == 110_000
    span = pl.concat(page.rows["CreatedDate"] for page in pages if page.stream is CASE)
    assert (span.max() - span.min()) > timedelta(days=365)  # type: ignore[operator]
    assert [job["object"] for job in jobs] == ["Case"]
    # The accounts' pages; the job, one look, its pages; one for the counts, one for the marks.
    formula = 10_000 // 2_000 + (1 + 1 + 100_000 // 50_000) + 2
    assert calls <= formula
    print(f"fault 7: {len(ids(pages))} rows, {len(jobs)} job, {calls} calls, {dict(looks)}")


@pytest.mark.parametrize(("bulk_from", "most"), [(0, 10_000 // 2_000), (5_000, 1 + 1 + 1)])
def test_ten_thousand_companies_take_no_single_reads(
    large: Sandbox, bulk_from: int, most: int
) -> None:
    """Pages of 2,000, or a job: never a call for one record."""
    with connected(large, bulk_from=bulk_from) as connector:
        large.clear_calls()
        pages, calls = spent(connector, lambda: read(connector, ACCOUNT))
    assert len(set(ids(pages))) == 10_000
    single = [call for call in large.calls() if "/sobjects/Account/001" in call["path"]]
    assert single == []
    assert calls <= most + _before(bulk_from)
    print(f"fault 8, bulk_from {bulk_from}: 10,000 rows, {calls} calls, {len(single)} single")
