"""The sandbox with many records: a company by size, the index by stamp, rows written by the slice.

Sizes are small here: what is checked is that the quick ways answer as the plain ones do.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from sandbox_help import VERSION, Client

from connectors.sandbox import people
from connectors.sandbox.cli import sandbox
from connectors.sandbox.errors import WireError
from connectors.sandbox.handle import ControlError, Sandbox
from connectors.sandbox.records import Records
from connectors.sandbox.soql import Found, execute, parse
from connectors.sandbox.story.volume import edits, volume

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
SIZES = {"Account": 60, "Contact": 120, "Case": 600, "Opportunity": 30, "Task": 210, "Event": 90}
IN_ORDER = "SELECT Id, SystemModstamp FROM Case {} ORDER BY SystemModstamp, Id"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in a thread with a company of 60 accounts."""
    with Sandbox.start(now=NOW, frozen=True) as running:
        running.volume(60)
        yield running


@pytest.fixture
def store(box: Sandbox) -> Records:
    """Its records."""
    assert box.org is not None
    return box.org.records


def company(accounts: int, seed: int = 1) -> dict[str, list[dict[str, Any]]]:
    """The volume company, made whole."""
    tables = volume(seed=seed, accounts=accounts, now=NOW)
    return {name: list(rows) for name, rows in tables.items()}


def found(store: Records, text: str, *, everything: bool = True) -> Found:
    """What a query by the integration user finds."""
    return execute(parse(text), store, people.SYNC, everything).rows


def scan(store: Records, name: str) -> list[tuple[datetime, str]]:
    """(stamp, id) of every row, by no index."""
    return sorted((row["SystemModstamp"], row["Id"]) for row in store.tables.of(name).values())


def undone(store: Records, id18: str) -> None:
    """A save that is undone with the refused one behind it."""
    with store.transaction():
        store.update("Case", id18, {"Priority": "Low"}, people.PERSON)
        store.update("Case", id18, {"Nonsense": 1}, people.PERSON)


def test_sizes_follow_from_the_number_of_accounts(box: Sandbox) -> None:
    """For N accounts: 2N contacts, 10N cases, N/2 opportunities, 5N activities, 50 users."""
    loaded = box.status()["records"]
    assert {name: loaded[name] for name in SIZES} == SIZES
    assert loaded["User"] == 50 + len(people.USERS)


def test_the_same_arguments_make_the_same_company() -> None:
    """Seed, size and instant decide every value; another seed makes another company."""
    assert company(40) == company(40)
    assert company(40)["Case"] != company(40, seed=2)["Case"]


def test_unread_values_are_those_that_reading_gives(store: Records) -> None:
    """Loaded without reading, each row is the one that the checks and conversions make of it."""
    careful = Records(store.clock)
    waiting = careful.load(company(60))
    assert set(waiting) == {"Account", "Contact", "Case"}
    for name, size in SIZES.items():
        assert careful.count(name) == size  # counting marks old activities as archived
        rows, read = store.tables.of(name), careful.tables.of(name)
        assert rows == read
        for id18, row in rows.items():
            assert {k: type(v) for k, v in row.items()} == {
                k: type(v) for k, v in read[id18].items()
            }
    for kind in careful.objects():
        assert store.object(kind.name) == kind


def test_a_company_needs_an_account_and_an_instant(box: Sandbox) -> None:
    """No accounts, or a time without a zone: refused, in Python and by the control API."""
    with pytest.raises(ValueError, match="an account"):
        volume(seed=1, accounts=0, now=NOW)
    with pytest.raises(ValueError, match="time zone"):
        volume(seed=1, accounts=1, now=NOW.replace(tzinfo=None))
    with pytest.raises(ControlError, match="an account"):
        box.volume(0)


def test_the_company_is_plausible() -> None:
    """Most accounts are customers, cases are open and closed, and nobody's parent is missing."""
    made = company(400)
    customers = [a for a in made["Account"] if a["Type"].startswith("Customer")]
    assert 0.65 < len(customers) / 400 < 0.85
    ids = {name: {row["Id"] for row in rows} for name, rows in made.items()}
    assert all(len(ids[name]) == len(rows) for name, rows in made.items())
    for case in made["Case"]:
        assert case["AccountId"] in ids["Account"]
        assert case["ContactId"] in ids["Contact"]
        assert (case["Status"] == "Closed") == (case["ClosedDate"] is not None)
        assert case["CreatedDate"] <= (case["ClosedDate"] or NOW) <= NOW
    is_open = sum(case["ClosedDate"] is None for case in made["Case"])
    assert 0.003 < is_open / len(made["Case"]) < 0.1
    assert {case["Priority"] for case in made["Case"]} == {"Critical", "High", "Medium", "Low"}
    owners: dict[str, set[str]] = {id18: set() for id18 in ids["Account"]}
    for contact in made["Contact"]:
        owners[contact["AccountId"]].add(contact["Id"])
    assert all(case["ContactId"] in owners[case["AccountId"]] for case in made["Case"])


def test_stamps_spread_over_a_year_and_many_share_one() -> None:
    """Nothing was saved in the last hour, nothing before it was made, and a mass edit shows."""
    for name, rows in company(400).items():
        stamps = [row["SystemModstamp"] for row in rows]
        assert max(stamps) <= NOW - timedelta(hours=1)
        assert all(row["CreatedDate"] <= row["SystemModstamp"] for row in rows)
        if name not in ("User", "Opportunity"):
            assert max(stamps) - min(stamps) > timedelta(days=300)
            assert Counter(stamps).most_common(1)[0][1] > 0.01 * len(rows)


def test_what_setup_makes_finds_its_values(box: Sandbox) -> None:
    """Values of custom fields wait until somebody makes the field."""
    waiting = box.call("POST", "volume", {"accounts": 5, "seed": 3})["waiting"]
    assert waiting["Case"] == ["Health_SLA_Due__c"]
    fields = [{"name": "Health_SLA_Due__c", "type": "datetime"}]
    box.call("POST", "schema", {"name": "Case", "fields": fields})
    due = [row.get("Health_SLA_Due__c") for row in box.records("Case")]
    assert any(due)
    assert not all(due)  # cases of the lowest priority carry no promise


def test_usage_rows_come_by_night(box: Sandbox, store: Records) -> None:
    """Asked for, each customer has so many usage rows; all of one night share a stamp."""
    box.reset()
    loaded = box.volume(60, usage=4)
    customers = [a for a in store.rows("Account") if str(a["Type"]).startswith("Customer")]
    assert loaded["Health_Usage__c"] == 4 * len(customers)
    stamps = Counter(row["SystemModstamp"] for row in store.rows("Health_Usage__c"))
    assert len(stamps) <= 4
    assert all(count % len(customers) == 0 for count in stamps.values())
    text = "SELECT Account__r.Name, Metric__c, Value__c, Day__c FROM Health_Usage__c LIMIT 1"
    (row,) = found(store, text)
    assert row["Account__r"]["Name"]
    assert row["Metric__c"] == "active_users"


def test_people_touch_a_share_of_the_cases(box: Sandbox, store: Records) -> None:
    """One percent of the cases is saved now, with another status or priority; the rest rests."""
    before = {row["Id"]: row for row in store.rows("Case")}
    box.advance(3_600)
    assert box.touch(5) == 30
    moved = list(store.stamped("Case", NOW + timedelta(hours=1)))
    assert len(moved) == 30
    for row in moved:
        old = before[row["Id"]]
        assert (row["Status"], row["Priority"]) != (old["Status"], old["Priority"])
    assert box.touch(10, "Account") == 6


def test_touching_picks_by_its_seed(store: Records) -> None:
    """The same seed changes the same cases in the same way."""
    rows = list(store.rows("Case"))
    assert edits("Case", rows, share=0.1, seed=1) == edits("Case", rows, share=0.1, seed=1)
    assert edits("Case", rows, share=0.1, seed=1) != edits("Case", rows, share=0.1, seed=2)
    assert edits("Case", rows, share=0, seed=1) == []


def test_the_command_line_fills_a_running_sandbox(box: Sandbox) -> None:
    """`sandbox load --volume N` makes the company in the sandbox that runs on the port."""
    box.reset()
    port = box.url.rpartition(":")[2]
    result = CliRunner().invoke(sandbox, ["load", "--port", port, "--volume", "5"])
    assert result.exit_code == 0
    assert "50 Case" in result.output
    assert box.status()["records"]["Account"] == 5


def test_in_a_process_it_is_made_there() -> None:
    """A sandbox started with a volume holds it when the call returns."""
    with Sandbox.start_process(now=NOW, frozen=True, volume=5) as running:
        assert running.status()["records"]["Case"] == 50


def test_order_by_stamp_is_a_sort(store: Records) -> None:
    """The index answers ORDER BY SystemModstamp, Id as a sort of all rows does."""
    ordered = [row["Id"] for row in found(store, IN_ORDER.format(""))]
    assert ordered == [id18 for _, id18 in scan(store, "Case")]


@pytest.mark.parametrize("op", ["<", "<=", "=", ">=", ">"])
def test_a_bound_on_the_stamp_is_a_filter(store: Records, op: str) -> None:
    """Each comparison finds the rows that a look at every row finds, with any ORDER BY."""
    places = scan(store, "Case")
    at = Counter(stamp for stamp, _ in places).most_common(1)[0][0]  # shared by many
    holds = {"<": at.__gt__, "<=": at.__ge__, "=": at.__eq__, ">=": at.__le__, ">": at.__lt__}[op]
    expected = [id18 for stamp, id18 in places if holds(stamp)]
    where = f"WHERE SystemModstamp {op} {at:%Y-%m-%dT%H:%M:%SZ}"
    assert [row["Id"] for row in found(store, IN_ORDER.format(where))] == expected
    unordered = found(store, f"SELECT Id FROM Case {where}")
    assert [row["Id"] for row in unordered] == sorted(expected)


@pytest.mark.parametrize("size", [7, 200])
def test_keyset_paging_sees_each_row_once(store: Records, size: int) -> None:
    """Pages by (stamp, Id) > the last, LIMIT n: every row once, in order, ties included."""
    seen: list[str] = []
    where = ""
    while True:
        page = found(store, IN_ORDER.format(where) + f" LIMIT {size}")[:]
        seen += [row["Id"] for row in page]
        if len(page) < size:
            break
        at = page[-1]["SystemModstamp"].replace(".000+0000", "Z")
        last = page[-1]["Id"]
        where = f"WHERE (SystemModstamp = {at} AND Id > '{last}') OR SystemModstamp > {at}"
    assert seen == [id18 for _, id18 in scan(store, "Case")]


@pytest.mark.parametrize(
    "where",
    [
        "WHERE NOT SystemModstamp > {}",
        "WHERE SystemModstamp > {} OR Priority = 'High'",
        "WHERE (SystemModstamp > {} OR Priority = 'High') AND IsClosed = true",
        "WHERE SystemModstamp != {}",
    ],
)
def test_where_the_stamp_binds_nothing_all_rows_are_looked_at(store: Records, where: str) -> None:
    """NOT, OR and != keep rows beyond the instant named."""
    at = NOW - timedelta(days=40)
    text = where.format(f"{at:%Y-%m-%dT%H:%M:%SZ}")
    plain = {
        "NOT": lambda row: row["SystemModstamp"] <= at,
        "!=": lambda row: row["SystemModstamp"] != at,
        "AND": lambda row: row["SystemModstamp"] > at or row["Priority"] == "High",
    }
    kind = next((k for k in ("NOT", "!=") if k in where), "AND")
    expected = [
        row["Id"]
        for row in store.rows("Case")
        if plain[kind](row) and ("AND" not in where or row["IsClosed"])
    ]
    assert sorted(row["Id"] for row in found(store, f"SELECT Id FROM Case {text}")) == expected


def test_the_index_follows_every_kind_of_change(store: Records) -> None:
    """After random saves, deletes, purges, undone transactions and held saves it is still a sort.

    The clock moves by fits, so some changes share a stamp and released ones bring an old one.
    """
    rng = random.Random(5)
    ids = [row["Id"] for row in store.rows("Case")]
    ordered = IN_ORDER.format("")
    for step in range(400):
        store.clock.advance(rng.choice((0, 0, 1, 60)))
        id18 = rng.choice(ids)
        if store.tables.of("Case")[id18]["IsDeleted"]:
            store.undelete("Case", id18, people.PERSON)
        match rng.randrange(6):
            case 0:
                store.delete("Case", id18, people.PERSON)
            case 1:
                store.purge("Case", id18)
                ids.remove(id18)
            case 2:
                with pytest.raises(WireError):
                    undone(store, id18)
            case 3:
                store.hold("Case", id18, {"Priority": "High"}, people.PERSON)
                store.clock.advance(5)
                store.release()
            case 4:
                ids.append(store.create("Case", {"Subject": "new"}, people.PERSON))
            case _:
                store.update("Case", id18, {"Priority": "Low"}, people.PERSON)
        if step % 20 == 0:
            places = scan(store, "Case")
            assert [row["Id"] for row in found(store, ordered)] == [i for _, i in places]


def test_a_walked_over_index_is_built_anew(store: Records) -> None:
    """A row saved again and again leaves one place behind, not thousands."""
    id18 = next(iter(store.tables.of("Case")))
    found(store, IN_ORDER.format(""))
    for _ in range(2_500):
        store.clock.advance(1)
        store.update("Case", id18, {"Priority": "Low"}, people.PERSON)
    assert [row["Id"] for row in found(store, IN_ORDER.format(""))] == [
        i for _, i in scan(store, "Case")
    ]


def test_old_activities_leave_the_index_of_a_query(store: Records) -> None:
    """Archived tasks and events are queryAll's alone, by index as by scan."""
    text = "SELECT Id FROM Task ORDER BY SystemModstamp, Id"
    kept = {row["Id"] for row in store.rows("Task", include_archived=False)}
    assert {row["Id"] for row in found(store, text, everything=False)} == kept
    assert 0 < len(kept) < SIZES["Task"]
    assert len(found(store, text)) == SIZES["Task"]


def test_found_rows_stay_as_they_were_found(store: Records) -> None:
    """A slice written later shows the rows of the moment of the query, deleted ones too."""
    rows = found(store, IN_ORDER.format("").replace("Id,", "Id, Priority,"), everything=False)
    before = rows[:]
    for record in before[:10]:
        store.update("Case", record["Id"], {"Priority": "Critical"}, people.PERSON)
        store.delete("Case", record["Id"], people.PERSON)
    assert rows[:] == before
    assert rows[5] == before[5]
    assert rows[3:8] == before[3:8]


def test_values_of_a_slice_are_columns(store: Records) -> None:
    """`values` gives one list a selected field, of stored values, parents' fields included."""
    rows = found(store, "SELECT Id, Account.Name, Contact.Account.Name, CreatedDate FROM Case")
    assert [one.path for one in rows.selected] == [
        "Id",
        "Account.Name",
        "Contact.Account.Name",
        "CreatedDate",
    ]
    assert [one.type for one in rows.selected] == ["id", "string", "string", "datetime"]
    ids, names, through_contact, made = rows.values(10, 15)
    records = rows[10:15]
    assert ids == [record["Id"] for record in records]
    assert names == through_contact == [record["Account"]["Name"] for record in records]
    assert all(isinstance(value, datetime) for value in made)


def test_pages_of_one_query_add_up(box: Sandbox) -> None:
    """nextRecordsUrl leads through all rows, in order, while people go on saving."""
    crm = Client(box)
    text = "SELECT Id FROM Case WHERE IsDeleted = false ORDER BY SystemModstamp, Id"
    small = {"Sforce-Query-Options": "batchSize=200"}
    answer = crm.send("GET", f"queryAll?q={quote(text)}", headers=small).json()
    seen = [record["Id"] for record in answer["records"]]
    while not answer["done"]:
        box.touch(20)
        answer = crm.send("GET", answer["nextRecordsUrl"]).json()
        seen += [record["Id"] for record in answer["records"]]
    assert len(seen) == len(set(seen)) == answer["totalSize"] == SIZES["Case"]


def test_updated_and_deleted_ask_the_index(box: Sandbox, store: Records) -> None:
    """Only what was saved in the window is named, what was deleted by `deleted` alone."""
    crm = Client(box)
    box.advance(600)
    first, second, third = (row["Id"] for row in list(store.rows("Case"))[:3])
    store.update("Case", third, {}, people.PERSON)
    store.update("Case", first, {}, people.PERSON)
    store.delete("Case", second, people.PERSON)
    box.advance(120)
    times = (NOW + timedelta(minutes=5), NOW + timedelta(minutes=12))
    span = "start={}&end={}".format(*(f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in times))
    base = f"/services/data/{VERSION}/sobjects/Case"
    assert crm.send("GET", f"{base}/updated/?{span}").json()["ids"] == [first, third]
    gone = crm.send("GET", f"{base}/deleted/?{span}").json()["deletedRecords"]
    assert [one["id"] for one in gone] == [second]
