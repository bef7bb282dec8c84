"""The sandbox's SOQL: what a query selects, filters, sorts and counts."""

from __future__ import annotations

import pytest
from soql_org import ACME, BOLT, CITY, OWNER, Runner, names, small_org

from connectors.sandbox import people
from connectors.sandbox.errors import WireError
from connectors.sandbox.records import Records
from connectors.sandbox.schema import Field


@pytest.fixture
def records() -> Records:
    """The small org."""
    return small_org()


@pytest.fixture
def run(records: Records) -> Runner:
    """Queries of that org."""
    return Runner(records)


def refused(run: Runner, text: str) -> str:
    """The code of the error a query ends in."""
    with pytest.raises(WireError) as caught:
        run(text)
    return caught.value.code


def test_row_has_the_wire_shape(run: Runner) -> None:
    """Attributes come first, names are canonical, datetimes and currency are the service's."""
    result = run(
        "select id, NAME, annualrevenue, createddate, isdeleted, Industry from account "
        f"where id = '{CITY}'",
        version="v60.0",
    )
    assert result.rows[:] == [
        {
            "attributes": {
                "type": "Account",
                "url": f"/services/data/v60.0/sobjects/Account/{CITY}",
            },
            "Id": CITY,
            "Name": "City's",
            "AnnualRevenue": None,
            "CreatedDate": "2026-01-02T03:04:05.000+0000",
            "IsDeleted": False,
            "Industry": None,
        }
    ]
    assert list(result.rows[0]) == [
        "attributes",
        "Id",
        "Name",
        "AnnualRevenue",
        "CreatedDate",
        "IsDeleted",
        "Industry",
    ]
    assert (result.total, result.aggregate) == (1, False)


def test_parents_nest_and_a_missing_parent_is_null(run: Runner) -> None:
    """A dotted path becomes a nested object with attributes; without a parent it is null."""
    result = run(
        "SELECT Name, Parent.Name, Parent.Owner.Name, Owner.Name FROM Account ORDER BY Name"
    )
    assert names(result, "Parent")[0] is None
    parent = result.rows[1]["Parent"]
    assert parent["attributes"]["url"].endswith(f"/Account/{ACME}")
    assert parent["Name"] == "Acme"
    assert parent["Owner"]["Name"] == "Olga Owner"
    assert result.rows[0]["Owner"]["attributes"]["type"] == "User"


def test_child_subqueries_filter_sort_and_are_null_when_empty(run: Runner) -> None:
    """Children answer totalSize, done and records; no child at all is null."""
    result = run(
        "SELECT Name, (SELECT LastName FROM Contacts WHERE LastName != 'x' "
        "ORDER BY LastName DESC LIMIT 1), (SELECT Id FROM Tasks) FROM Account ORDER BY Name"
    )
    acme, _bolt, city = result.rows
    assert acme["Contacts"]["totalSize"] == 1
    assert acme["Contacts"]["done"] is True
    assert [row["LastName"] for row in acme["Contacts"]["records"]] == ["Bob"]
    assert acme["Tasks"]["totalSize"] == 1  # the archived one is not among them
    assert city["Contacts"] is None


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Name = 'ACME'", ["Acme"]),
        ("Name != 'acme'", ["bolt 50%_off", "City's"]),
        ("Name <> 'acme'", ["bolt 50%_off", "City's"]),
        ("Name > 'acme'", ["bolt 50%_off", "City's"]),
        (r"Name = 'City\'s'", ["City's"]),
        (r"Name = '\u0041cme'", ["Acme"]),
        ("Name LIKE 'A%'", ["Acme"]),
        ("Name LIKE 'a_m_'", ["Acme"]),
        (r"Name LIKE '%50\%\_%'", ["bolt 50%_off"]),
        (r"Name LIKE '%\_\%%'", []),
        ("(NOT Name LIKE 'a%')", ["bolt 50%_off", "City's"]),
        ("Industry = 'ENERGY'", ["Acme", "bolt 50%_off"]),
        ("Industry = null", ["City's"]),
        ("Industry = ''", ["City's"]),
        ("Industry != null", ["Acme", "bolt 50%_off"]),
        ("Industry != 'x'", ["Acme", "bolt 50%_off", "City's"]),
        ("Industry IN ('energy', null)", ["Acme", "bolt 50%_off", "City's"]),
        ("Industry NOT IN ('energy')", ["City's"]),
        ("AnnualRevenue > 100", ["bolt 50%_off"]),
        ("AnnualRevenue >= 1e2 AND AnnualRevenue < 250.6", ["Acme", "bolt 50%_off"]),
        ("IsDeleted = FALSE AND Name = 'acme'", ["Acme"]),
        ("IsDeleted = true", []),
        ("Parent.Name = 'acme'", ["bolt 50%_off"]),
        ("Account.Name = 'acme'", ["Acme"]),
        (
            "Owner.Name LIKE 'olga%' AND (Name = 'acme' OR ParentId != null)",
            ["Acme", "bolt 50%_off"],
        ),
        (f"Id = '{ACME[:15]}'", ["Acme"]),
        (f"Id IN ('{ACME}', '{CITY}')", ["Acme", "City's"]),
        (f"Id > '{ACME}'", ["bolt 50%_off", "City's"]),
        ("Id > ''", ["Acme", "bolt 50%_off", "City's"]),
        ("Id IN (SELECT AccountId FROM Contact WHERE Email != null)", ["Acme"]),
        ("Id NOT IN (SELECT AccountId FROM Contact)", ["City's"]),
        ("CreatedDate = 2026-01-02T04:04:05+01:00", ["Acme", "bolt 50%_off", "City's"]),
        ("CreatedDate > 2026-01-02T03:04:05.000Z", []),
        ("CreatedDate = THIS_YEAR", ["Acme", "bolt 50%_off", "City's"]),
        ("CreatedDate < LAST_N_DAYS:30", ["Acme", "bolt 50%_off", "City's"]),
        ("CreatedDate >= YESTERDAY", []),
    ],
)
def test_where(run: Runner, where: str, expected: list[str]) -> None:
    """Conditions: text without case, null and empty alike, `!=` holds for null."""
    assert names(run(f"SELECT Name FROM Account WHERE {where} ORDER BY Name")) == expected


def test_polymorphic_references_show_as_name(run: Runner) -> None:
    """What.Type filters; the nested object is a Name whose url leads to the real record."""
    result = run(
        "SELECT Subject, What.Name, What.Type, Who.Name FROM Task WHERE What.Type = 'Account'"
    )
    assert names(result, "Subject") == ["Call"]
    assert result.rows[0]["What"] == {
        "attributes": {"type": "Name", "url": f"/services/data/v59.0/sobjects/Account/{ACME}"},
        "Name": "Acme",
        "Type": "Account",
    }


def test_query_hides_what_query_all_shows(records: Records, run: Runner) -> None:
    """Deleted rows and archived activities come from queryAll only."""
    records.delete("Account", CITY, people.ADMIN, enforce=False)
    assert run("SELECT Id FROM Account").total == 2
    assert run(f"SELECT Id FROM Account WHERE Id = '{CITY}'").total == 0
    assert run("SELECT Id FROM Account WHERE IsDeleted = true", include_deleted=True).total == 1
    assert names(run("SELECT Subject FROM Task ORDER BY Subject"), "Subject") == ["Call", "Deal"]
    archived = run("SELECT Subject FROM Task WHERE IsArchived = true", include_deleted=True)
    assert names(archived, "Subject") == ["Old"]


def test_order_puts_nulls_first_unless_told(run: Runner) -> None:
    """Nulls come first in both directions; NULLS LAST moves them; ties keep the next key."""
    by = "SELECT Name FROM Account ORDER BY"
    assert names(run(f"{by} AnnualRevenue")) == ["City's", "Acme", "bolt 50%_off"]
    assert names(run(f"{by} AnnualRevenue DESC")) == ["City's", "bolt 50%_off", "Acme"]
    assert names(run(f"{by} AnnualRevenue DESC NULLS LAST")) == ["bolt 50%_off", "Acme", "City's"]
    assert names(run(f"{by} AnnualRevenue ASC NULLS LAST")) == ["Acme", "bolt 50%_off", "City's"]
    assert names(run(f"{by} OwnerId, Name DESC")) == ["City's", "bolt 50%_off", "Acme"]


def test_limit_and_offset(run: Runner) -> None:
    """totalSize counts what LIMIT and OFFSET leave."""
    result = run("SELECT Name FROM Account ORDER BY Name LIMIT 1 OFFSET 1")
    assert (names(result), result.total) == (["bolt 50%_off"], 1)
    assert refused(run, "SELECT Id FROM Account OFFSET 2001") == "NUMBER_OUTSIDE_VALID_RANGE"


def test_count_has_a_total_and_no_rows(run: Runner) -> None:
    """COUNT() answers with totalSize alone; COUNT(Id) with an AggregateResult."""
    counted = run("select count() from Account where Industry != null")
    assert (counted.total, len(counted.rows), counted.columns) == (2, 0, ())
    assert counted.aggregate
    assert run("SELECT COUNT(Id) FROM Account").rows[:] == [
        {"attributes": {"type": "AggregateResult"}, "expr0": 3}
    ]
    assert run("SELECT COUNT(Id) FROM Account WHERE Name = 'x'").rows[0]["expr0"] == 0


def test_groups(run: Runner) -> None:
    """GROUP BY with HAVING, aliases, unnamed columns, and order by an aggregate."""
    result = run(
        "SELECT Account.Name who, SUM(Amount), COUNT(Id) n, MAX(CloseDate), AVG(Amount) "
        "FROM Opportunity WHERE Amount > 0 GROUP BY Account.Name "
        "HAVING SUM(Amount) > 100 ORDER BY SUM(Amount) DESC"
    )
    assert result.rows[:] == [
        {
            "attributes": {"type": "AggregateResult"},
            "who": "bolt 50%_off",
            "expr0": 370.0,
            "n": 2,
            "expr1": "2026-11-19",
            "expr2": 185.0,
        },
        {
            "attributes": {"type": "AggregateResult"},
            "who": "Acme",
            "expr0": 180.0,
            "n": 2,
            "expr1": "2026-11-17",
            "expr2": 90.0,
        },
    ]
    assert result.aggregate is True
    by_two = run(
        "SELECT AccountId, StageName, COUNT_DISTINCT(Amount) FROM Opportunity "
        "GROUP BY AccountId, StageName ORDER BY AccountId"
    )
    assert [row["expr0"] for row in by_two.rows] == [2, 2]
    grouped = run("SELECT Industry, MIN(AnnualRevenue) m FROM Account GROUP BY Industry")
    assert {row["Industry"]: row["m"] for row in grouped.rows}[None] is None


def test_fields_function(records: Records, run: Runner) -> None:
    """FIELDS(STANDARD) needs no limit; FIELDS(ALL) needs one of at most 200."""
    standard = run("SELECT FIELDS(STANDARD) FROM Account LIMIT 1").rows[0]
    assert {"Id", "Name", "SystemModstamp"} <= set(standard)
    assert run("SELECT FIELDS(ALL) FROM Account LIMIT 200").total == 3
    for text in ("SELECT FIELDS(ALL) FROM Account", "SELECT FIELDS(ALL) FROM Account LIMIT 201"):
        assert refused(run, text) == "MALFORMED_QUERY"


def test_field_security_makes_a_field_missing(records: Records, run: Runner) -> None:
    """A custom field that nobody granted is no column, selected or filtered; granted it is."""
    records.add_field("Account", Field("Score__c", "double", "Score", precision=3, custom=True))
    select, where = "SELECT Score__c FROM Account", "SELECT Id FROM Account WHERE score__c > 1"
    assert refused(run, select) == refused(run, where) == "INVALID_FIELD"
    assert "Score__c" not in run("SELECT FIELDS(ALL) FROM Account LIMIT 1").rows[0]
    records.grant("Health", "Account", "Score__c", read=True, edit=False)
    records.assign("Health", OWNER)
    records.update("Account", ACME, {"Score__c": 7}, people.ADMIN, enforce=False)
    assert run(where).total == 1
    assert names(run(f"{select} WHERE Score__c != null"), "Score__c") == [7.0]


def test_multipicklists_and_case_sensitive_text(records: Records, run: Runner) -> None:
    """INCLUDES takes sets joined by semicolons; a case-sensitive field minds case."""
    records.add_field("Account", Field("Tags__c", "multipicklist", "Tags", custom=True))
    records.add_field(
        "Account",
        Field(
            "Key__c",
            "string",
            "Key",
            length=40,
            custom=True,
            unique=True,
            external_id=True,
            case_sensitive=True,
        ),
    )
    for name in ("Tags__c", "Key__c"):
        records.grant("Health", "Account", name, read=True, edit=True)
    records.assign("Health", OWNER)
    for id_, tags, key in ((ACME, "a;b", "k1"), (BOLT, "b;c", "K1")):
        records.update(
            "Account", id_, {"Tags__c": tags, "Key__c": key}, people.ADMIN, enforce=False
        )
    by = "SELECT Name FROM Account WHERE"
    assert names(run(f"{by} Tags__c INCLUDES ('a;b', 'x')")) == ["Acme"]
    assert run(f"{by} Tags__c INCLUDES ('b')").total == 2
    assert run(f"{by} Tags__c EXCLUDES ('a')").total == 2
    assert names(run(f"{by} Key__c = 'K1'")) == ["bolt 50%_off"]
    assert names(run(f"{by} Key__c IN ('k1')")) == ["Acme"]
    assert names(run(f"{by} Key__c LIKE 'k%'")) == ["Acme"]
