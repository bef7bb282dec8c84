"""A small org for the SOQL tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.ids import sf_id
from connectors.sandbox.records import Records
from connectors.sandbox.soql import Result, execute, parse

NOW = datetime(2026, 11, 18, 12, 0, 0, tzinfo=UTC)  # a Wednesday
ACME, BOLT, CITY = (sf_id("001", n) for n in (1, 2, 3))
ANN, BOB, CAT = (sf_id("003", n) for n in (1, 2, 3))
OWNER = sf_id("005", 7)


def small_org() -> Records:
    """Three accounts, three contacts, some children. The user is in UTC."""
    store = Records()
    store.clock.set(NOW)
    store.clock.freeze()
    stamp = {"CreatedDate": "2026-01-02T03:04:05Z", "SystemModstamp": "2026-01-02T03:04:05Z"}
    store.load(
        {
            "User": [
                {
                    "Id": OWNER,
                    "Username": "o@example.com",
                    "LastName": "Owner",
                    "FirstName": "Olga",
                    "Email": "o@example.com",
                    "TimeZoneSidKey": "Etc/UTC",
                },
            ],
            "Account": [
                {
                    "Id": ACME,
                    "Name": "Acme",
                    "Industry": "Energy",
                    "AnnualRevenue": 100,
                    "OwnerId": OWNER,
                    **stamp,
                },
                {
                    "Id": BOLT,
                    "Name": "bolt 50%_off",
                    "Industry": "energy",
                    "AnnualRevenue": 250,
                    "OwnerId": OWNER,
                    "ParentId": ACME,
                    **stamp,
                },
                {"Id": CITY, "Name": "City's", "OwnerId": OWNER, **stamp},
            ],
            "Contact": [
                {"Id": ANN, "LastName": "Ann", "AccountId": ACME, "Email": "ann@example.com"},
                {"Id": BOB, "LastName": "Bob", "AccountId": ACME},
                {"Id": CAT, "LastName": "Cat", "AccountId": BOLT},
            ],
            "Opportunity": [
                {
                    "Id": sf_id("006", n),
                    "Name": f"Deal {n}",
                    "StageName": "Prospecting",
                    "AccountId": account,
                    "Amount": n * 10,
                    "CloseDate": f"2026-11-{n:02d}",
                }
                for n, account in ((1, ACME), (17, ACME), (18, BOLT), (19, BOLT))
            ],
            "Task": [
                {
                    "Id": sf_id("00T", 1),
                    "Subject": "Call",
                    "WhatId": ACME,
                    "WhoId": ANN,
                    "OwnerId": OWNER,
                    "ActivityDate": "2026-11-18",
                    "Status": "Completed",
                },
                {
                    "Id": sf_id("00T", 2),
                    "Subject": "Old",
                    "WhatId": ACME,
                    "OwnerId": OWNER,
                    "ActivityDate": "2020-01-01",
                    "Status": "Completed",
                },
                {
                    "Id": sf_id("00T", 3),
                    "Subject": "Deal",
                    "WhatId": sf_id("006", 1),
                    "OwnerId": OWNER,
                    "ActivityDate": "2026-11-20",
                    "Status": "Not Started",
                },
            ],
        }
    )
    return store


class Runner:
    """Runs queries as the user in UTC."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def __call__(self, text: str, **options: Any) -> Result:
        """Parse and execute."""
        return execute(parse(text), self.records, OWNER, **options)


def names(result: Result, field: str = "Name") -> list[Any]:
    """One field of every row."""
    return [row[field] for row in result.rows]
