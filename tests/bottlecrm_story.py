"""The story in BottleCRM: what it can hold of it, and how people and an import put it there.

`held` leaves out of a story what BottleCRM has no place for, so that the rest can be told in both.
`tell` then tells it by BottleCRM's own API. What the API dates itself (when an account, a case or a
deal was made, when a case was solved) is set afterwards, past it, as an import would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from bottlecrm_org import Org

from connectors.sandbox.ids import number_of
from connectors.sandbox.story import Change, Story

Row = dict[str, Any]
_PRIORITIES = {"Critical": "Urgent", "High": "High", "Medium": "Normal", "Low": "Low"}
_STAGES = {
    "Prospecting": "PROSPECTING",
    "Qualification": "QUALIFICATION",
    "Proposal/Price Quote": "PROPOSAL",
    "Negotiation/Review": "NEGOTIATION",
    "Closed Won": "CLOSED_WON",
    "Closed Lost": "CLOSED_LOST",
}
_KINDS = {
    "New Customer": "NEW_BUSINESS",
    "Existing Customer - Upgrade": "UPSELL",
    "Existing Customer - Replacement": "RENEWAL",
}
#: Its own fields bear the same names in both CRMs, but for their style.
_CUSTOM = {
    "Health_Renewal_Date__c": "health_renewal_date",
    "Health_Contract_Value__c": "health_contract_value",
    "Health_Band__c": "health_band",
}
_LATER = (
    "UPDATE accounts SET created_at = %s WHERE id = %s",
    'UPDATE "case" SET created_at = %s, resolved_at = %s, sla_resolution_hours = %s WHERE id = %s',
    "UPDATE opportunity SET created_at = %s WHERE id = %s",
)


def held(story: Story) -> Story:
    """The story without what BottleCRM can't hold, in Salesforce records as before.

    Left out or made coarser:

    - answers to surveys;
    - subscription lines: one an account is left, of all seats, without the day it began;
    - use: the newest figure of each account;
    - who of the customer took part in a conversation;
    - deals about fewer seats;
    - managers of users, and parents of accounts;
    - promises of a case but in whole hours.
    """
    records = {name: [dict(row) for row in rows] for name, rows in story.records.items()}
    records["Health_Survey__c"] = []
    for user in records["User"]:
        user["ManagerId"] = None
    for account in records["Account"]:
        account["ParentId"] = None
    for talk in (*records["Task"], *records["Event"]):
        talk["WhoId"] = None
    newest = {row["Account__c"]: row for row in sorted(records["Health_Usage__c"], key=_day)}
    records["Health_Usage__c"] = sorted(newest.values(), key=lambda row: str(row["Id"]))
    records["Asset"] = _one_line_each(records["Account"], records["Asset"])
    records["Opportunity"] = [r for r in records["Opportunity"] if r["Type"] in _KINDS]
    deals = {row["Id"] for row in records["Opportunity"]}
    roles = records["OpportunityContactRole"]
    records["OpportunityContactRole"] = [r for r in roles if r["OpportunityId"] in deals]
    for case in records["Case"]:
        if case["Health_SLA_Due__c"] is not None:
            case["Health_SLA_Due__c"] = case["CreatedDate"] + timedelta(hours=promised(case))
    return Story(records, story.labels, story.now)


def promised(case: Mapping[str, Any]) -> int:
    """Hours that a case may take, as BottleCRM counts them."""
    took = case["Health_SLA_Due__c"] - case["CreatedDate"]
    return max(1, math.ceil(took / timedelta(hours=1)))


def _day(row: Row) -> Any:
    return row["Day__c"]


def _one_line_each(accounts: list[Row], lines: list[Row]) -> list[Row]:
    found: dict[str, Row] = {}
    value = {row["Id"]: row["Health_Contract_Value__c"] for row in accounts}
    ends = {row["Id"]: row["Health_Renewal_Date__c"] for row in accounts}
    for line in lines:
        if line["Status"] == "Obsolete":
            continue
        account = line["AccountId"]
        seats = found[account]["Quantity"] if account in found else 0.0
        found[account] = {
            **line,
            "Name": "subscription",
            "Quantity": seats + line["Quantity"],
            "Price": value[account],
            "InstallDate": None,
            "UsageEndDate": ends[account],
        }
    return list(found.values())


class Told:
    """A story that BottleCRM holds: which record there is which of the story's."""

    def __init__(self, org: Org) -> None:
        self.org = org
        #: The story's ids, by those of BottleCRM.
        self.names: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def tell(self, story: Story) -> None:
        """Put a held story in, after setup."""
        records = story.records
        self._users(records["User"])
        seats = {row["AccountId"]: row["Quantity"] for row in records["Asset"]}
        used = {row["Account__c"]: row for row in records["Health_Usage__c"]}
        won = {r["AccountId"] for r in records["Opportunity"] if r["IsWon"]}
        for row in records["Account"]:
            self._account(row, seats.get(row["Id"]), used.get(row["Id"]), won)
        for row in records["Contact"]:
            self._contact(row)
        for row in records["Opportunity"]:
            self._deal(row)
        for row in records["Case"]:
            self._case(row)
        for row in (*records["Task"], *records["Event"]):
            self._talk(row, story.now)
        left = [(self._ids[row["Id"]],) for row in records["User"] if not row["IsActive"]]
        self.org.crm.many("UPDATE profile SET is_active = false WHERE id = %s", left)

    def meet(self, change: Change, now: datetime) -> None:
        """A person makes a change of the story's."""
        fields = change.fields
        if change.object == "Case" and change.id is None:
            number = {"CaseNumber": "late", "Id": "late", "IsClosed": False, "ClosedDate": None}
            self._case({**fields, **number, "CreatedDate": now})
        elif change.object == "Case":
            path = f"/api/cases/{self._ids[str(change.id)]}/"
            self.org.person("PATCH", path, {"status": fields["Status"]})
        else:
            if change.object == "Health_Usage__c":
                custom = {"health_active_users": fields["Value__c"]}
            else:
                custom = {_CUSTOM[name]: value for name, value in fields.items()}
            path = f"/api/accounts/{self._ids[change.account]}/"
            self.org.person("PATCH", path, {"custom_fields": custom})

    def _know(self, name: str, record: str) -> str:
        self.names[record] = name
        self._ids[name] = record
        return record

    def _users(self, rows: list[Row]) -> None:
        """Its API sends invitations, which nobody here could accept."""
        made, users = datetime.now(UTC), []
        for row in rows:
            record = str(UUID(int=number_of(row["Id"])))
            users.append((self._know(row["Id"], record), row["Email"], row["Name"]))
        self.org.crm.many(
            "INSERT INTO users (id, email, name, password, is_active, is_staff, is_superuser)"
            " VALUES (%s, %s, %s, '', true, false, false)",
            users,
        )
        self.org.crm.many(
            "INSERT INTO profile (id, user_id, org_id, created_at, updated_at, role, is_active,"
            " is_organization_admin, has_sales_access, has_marketing_access)"
            " VALUES (%s, %s, %s, %s, %s, 'USER', true, false, true, true)",
            [(record, record, self.org.crm.org, made, made) for record, *_ in users],
        )

    def _account(self, row: Row, seats: float | None, used: Row | None, won: set[str]) -> None:
        custom: Row = {theirs: _plain(row.get(ours)) for ours, theirs in _CUSTOM.items()}
        custom["health_seats"] = seats
        if row["Health_CSM__c"]:
            custom["health_csm_id"] = self._ids[row["Health_CSM__c"]]
        if used is not None:
            custom["health_active_users"] = used["Value__c"]
            custom["health_usage_day"] = str(used["Day__c"])
        customer = row["Type"].startswith("Customer")
        body = {
            "name": row["Name"],
            # Who was a customer once, and is none now.
            "is_active": customer or row["Id"] not in won,
            "assigned_to": [self._ids[row["OwnerId"]]],
            "number_of_employees": row["NumberOfEmployees"],
            "custom_fields": {name: value for name, value in custom.items() if value is not None},
        }
        made = self.org.person("POST", "/api/accounts/", body)["id"]
        self.org.crm.sql(_LATER[0], row["CreatedDate"], self._know(row["Id"], str(made)))

    def _contact(self, row: Row) -> None:
        left = row.get("EmailBouncedDate")
        custom = {"health_role": row["Health_Role__c"], "health_left_on": left and _day_of(left)}
        body = {
            "first_name": row["FirstName"],
            "last_name": row["LastName"],
            "email": row["Email"],
            "account": self._ids[row["AccountId"]],
            "is_active": left is None,
            "custom_fields": {name: value for name, value in custom.items() if value},
        }
        self.org.person("POST", "/api/contacts/", body)

    def _deal(self, row: Row) -> None:
        number = number_of(row["Id"])
        body = {
            # A name may stand once only.
            "name": f"{row['Name']} ({number})",
            "account": self._ids[row["AccountId"]],
            "stage": _STAGES[row["StageName"]],
            "opportunity_type": _KINDS[row["Type"]],
            "amount": row["Amount"],
            "closed_on": str(row["CloseDate"]),
        }
        self.org.person("POST", "/api/opportunities/", body)
        name = body["name"]
        found = self.org.crm.sql("SELECT id FROM opportunity WHERE name = %s", name)
        self.org.crm.sql(_LATER[2], row["CreatedDate"], found[0]["id"])

    def _case(self, row: Row) -> None:
        closed = row["ClosedDate"]
        body = {
            "name": f"{row['Subject']} ({row['CaseNumber']})",
            "account": self._ids[row["AccountId"]],
            "status": {"New": "New", "Closed": "Closed"}.get(row["Status"], "Assigned"),
            "priority": _PRIORITIES[row["Priority"]],
            **({"closed_on": _day_of(closed)} if closed else {}),
        }
        made = str(self.org.person("POST", "/api/cases/", body)["id"])
        self._know(row["Id"], made)
        hours = promised(row) if row["Health_SLA_Due__c"] else None
        self.org.crm.sql(_LATER[1], row["CreatedDate"], closed, hours, made)

    def _talk(self, row: Row, now: datetime) -> None:
        account, day = self._ids[row["AccountId"]], row["ActivityDate"]
        if day > now.date():
            # What lies ahead is no conversation yet: BottleCRM refuses it.
            plan = {"title": row["Subject"], "status": "New", "priority": "Low"}
            self.org.person(
                "POST", "/api/tasks/", {**plan, "account": account, "due_date": str(day)}
            )
            return
        kind = {"Call": "call", "Email": "email"}.get(row.get("TaskSubtype", ""), "meeting")
        noon = min(datetime.combine(day, time(12), UTC), now)
        body = {"kind": kind, "account": account, "subject": row["Subject"]}
        self.org.person("POST", "/api/interactions/", {**body, "occurred_at": noon.isoformat()})


def _day_of(moment: datetime) -> str:
    return moment.date().isoformat()


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | str) else str(value)
