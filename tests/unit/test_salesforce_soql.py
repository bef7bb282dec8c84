"""Nothing gets into a query but checked names and quoted values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from simple_salesforce.format import format_soql

from connectors.salesforce import soql
from crm_health.errors import BrokenInvariant, ConfigError

HOSTILE = [
    "001000000000001' OR Name != '",
    "\\' OR Id != null",
    "'x' OR Id != null OR Name = 'y'",
    "%27 OR Id != null",
    "\u2018 OR Id != null OR Name = \u2019",
    "%_",
    "12/../../owners/v3",
    "1?archived=true",
    "001000000000001AAA\n",
    "a\r\n\t\b\f\"'\\",
]


def unquoted(text: str) -> str:
    """What the service reads between the quotes; fails where the literal ends early."""
    assert text[0] == text[-1] == "'"
    back = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
    out, inner = "", iter(text[1:-1])
    for char in inner:
        assert char != "'", "the literal ends early"
        if char == "\\":
            following = next(inner)
            out += back.get(following, following)
        else:
            out += char
    return out


@pytest.mark.parametrize("value", HOSTILE)
def test_a_text_stays_a_text(value: str) -> None:
    """The service reads back what went in, and simple-salesforce quotes it alike."""
    assert unquoted(soql.literal(value)) == value
    assert soql.literal(value) == format_soql("{}", value)


@pytest.mark.parametrize("value", ["x" * 4001, "a\x00b"])
def test_a_text_that_cannot_be_quoted_is_refused(value: str) -> None:
    """Too long for the service, or with a NUL."""
    with pytest.raises(BrokenInvariant):
        soql.literal(value)


@pytest.mark.parametrize(
    "value", [*HOSTILE, "", "001", "0" * 16, "0" * 19, "001000000000001AA\u0661"]
)
def test_only_ids_pass_as_ids(value: str) -> None:
    """15 or 18 letters and digits, nothing around them."""
    with pytest.raises(BrokenInvariant):
        soql.record_id(value)


@pytest.mark.parametrize("value", ["001000000000001", "001000000000001AAA"])
def test_ids_pass(value: str) -> None:
    """Both forms."""
    assert soql.record_id(value) == f"'{value}'"


@pytest.mark.parametrize(
    "name",
    [
        "Id, (SELECT Id FROM Contacts)",
        "Name FROM Account --",
        "Na me",
        "",
        "1Name",
        "Name\n",
        "Owner..Name",
        ".Name",
        "a.b.c.d.e.f.g",
        "N\u0430me",
    ],
)
def test_hostile_field_names_are_refused(name: str) -> None:
    """A mistake or an attack in the mapping never becomes a query."""
    with pytest.raises(ConfigError):
        soql.select([name], "Account")


@pytest.mark.parametrize("name", ["Account WHERE Id != null", "Account, Contact", "", "A.B"])
def test_hostile_object_names_are_refused(name: str) -> None:
    """Objects have no dots."""
    with pytest.raises(ConfigError):
        soql.select(["Id"], name)


def test_the_keyset_condition_takes_ties() -> None:
    """Rows of the same stamp follow by id."""
    stamp = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
    assert soql.after("SystemModstamp", stamp, "001000000000001AAA") == (
        "((SystemModstamp = 2026-03-01T12:00:00Z AND Id > '001000000000001AAA') "
        "OR SystemModstamp > 2026-03-01T12:00:00Z)"
    )


def test_instants_are_utc_and_exact() -> None:
    """Other zones are converted; milliseconds stay; year 1 has four digits."""
    east = timezone(timedelta(hours=2))
    assert soql.instant(datetime(2026, 3, 1, 1, 0, tzinfo=east)) == "2026-02-28T23:00:00Z"
    assert (
        soql.instant(datetime(2026, 3, 1, 1, 0, 0, 123456, tzinfo=UTC))
        == "2026-03-01T01:00:00.123Z"
    )
    assert soql.instant(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"
    with pytest.raises(BrokenInvariant):
        soql.instant(datetime(2026, 3, 1))


def test_a_select_is_whole() -> None:
    """Fields, conditions, order."""
    assert soql.select(["Id", "Owner.Name"], "Task", [soql.live()], ["Id"]) == (
        "SELECT Id, Owner.Name FROM Task WHERE IsDeleted = false ORDER BY Id"
    )
    assert soql.among("Key__c", ["a", "b'c"]) == "Key__c IN ('a', 'b\\'c')"
