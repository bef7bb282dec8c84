"""The same company in Salesforce and in HubSpot: the same scores, tasks and escalations.

Both sandboxes hold the story of 60 accounts; both are synced with the default mappings, through
five weeks in which people work. After each sync all that the two CRMs say is compared, value by
value, and so are the receipts: facts, parts of the score, dates of evidence.

What may differ, and does:

- ids, and the checksums over ids that seal a task, an escalation and a memory;
- an account of which nothing was written for a fortnight gets its weekly scores anew on a day
  that goes by its id;
- what HubSpot's search doesn't tell (archived records, associations that moved) is seen within a
  week there, at once on Salesforce.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from parity import Side, differences, sides

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.ids import sf_id
from connectors.sandbox.people import ORG_ID
from connectors.sandbox.story import Change, Story, build_story, second_day

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
_DAY = timedelta(days=1).total_seconds()
#: Longer than HubSpot's search lags behind.
_MINUTE = 60.0
_ACCOUNTS, _CUSTOMERS = 60, 45
#: Where the stories' working day begins at night: a day must not slip on its way.
_ZONE = "America/Los_Angeles"


class Company:
    """The two CRMs, and the people who work in them."""

    def __init__(self, box: Sandbox, both: tuple[Side, Side], story: Story) -> None:
        self.box, self.both, self.story = box, both, story
        #: Accounts that something happened to: each change has one of its own.
        self._met: set[str] = set()
        self.silent: set[str] = set()
        self.edits = 0

    def account(self, *labels: str) -> str:
        """A customer of such a kind that nothing happened to yet."""
        found = next(
            a for a, label in self.story.labels.items() if label in labels and a not in self._met
        )
        self._met.add(found)
        return found

    def row(self, object_name: str, **fields: Any) -> dict[str, Any]:
        """The first record of the story with these values, of an account not met yet."""
        found = next(
            row
            for row in self.story.records[object_name]
            if row["AccountId"] in self.story.labels.keys() - self._met
            and all(row[name] == value for name, value in fields.items())
        )
        self._met.add(found["AccountId"])
        return found

    def save(
        self,
        object_name: str,
        record: str | None,
        account: str,
        /,
        *,
        named: str = "",
        **fields: Any,
    ) -> None:
        """A person saves the same in both; with `named` a new record gets that name."""
        kind = "create" if record is None else "update"
        self.meet(Change(kind, object_name, record, fields, "", account), named)

    def meet(self, change: Change, named: str = "") -> None:
        """A change of the story's own."""
        self._met.add(change.account)
        if change.object == "Health_Usage__c":
            self.silent.add(change.account)
        for side in self.both:
            side.save(change, named)

    def compare(self, told: str) -> None:
        """Sync both, and once more a minute later: all is alike, and nothing more is written."""
        first, second = (side.sync() for side in self.both)
        assert {r.setting.calendar.time_zone for r in (first, second)} == {_ZONE}
        self.edits += first.edits.height
        assert first.edits.height == second.edits.height, told
        self.box.advance(_MINUTE)
        self.box.clear_calls()
        again = [side.sync() for side in self.both]
        one, other = self.both
        assert differences(one.truth(), other.truth()) == [], told
        assert [report.outcomes for report in again] == [{}, {}], told
        assert self.box.counters()["writes"] == 0, told
        for account in self.story.labels:
            receipt = one.receipt(account)
            assert receipt is not None
            assert receipt == other.receipt(account), (told, account)

    def pass_days(self, days: int = 1) -> None:
        """Time goes on, and each night the product reports the use of the day before.

        It is that of the same weekday a week ago; but of those whose use people changed, nothing
        more comes.
        """
        for _ in range(days):
            self.box.advance(_DAY)
            day = self.box.clock().date() - timedelta(days=1)
            fed = datetime.combine(day + timedelta(days=1), time(4), UTC)
            usage = self.story.records["Health_Usage__c"]
            again = [
                {
                    **row,
                    "Id": sf_id("a0U", len(usage) + n),
                    "Day__c": day,
                    "CreatedDate": fed,
                    "LastModifiedDate": fed,
                    "SystemModstamp": fed,
                }
                for n, row in enumerate(usage, 1)
                if row["Day__c"] == day - timedelta(days=7) and row["Account__c"] not in self.silent
            ]
            usage += again
            self.load("Health_Usage__c", again)

    def load(self, object_name: str, rows: list[dict[str, Any]]) -> None:
        """Records come as they are, or replace those of their ids."""
        part = Story({object_name: rows}, {}, self.story.now)
        for side in self.both:
            side.crm.load(self.box, part)


@pytest.fixture
def company(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Company]:
    """Loaded and set up, never synced; the parameter says whether HubSpot's tasks may be unique."""
    story = build_story(seed=1, accounts=_ACCOUNTS, customers=_CUSTOMERS, now=NOW)
    managers = Counter(row["ManagerId"] for row in story.records["User"])
    manager = managers.most_common(1)[0][0]
    with Sandbox.start(now=NOW, frozen=True) as box, sides(tmp_path, box, manager) as both:
        for side in both:
            side.crm.load(box, story)
        # The connector's pauses take no time here, so nobody may be refused for haste.
        box.hubspot.settings(limits=False, zone=_ZONE, unique_tasks=request.param)
        box.load({"Organization": [{"Id": ORG_ID, "Name": "Acme", "TimeZoneSidKey": _ZONE}]})
        for side in both:
            side.set_up()
        yield Company(box, both, story)


@pytest.mark.parametrize(
    "company",
    [
        pytest.param(True, id="unique_tasks"),
        pytest.param(False, id="claims", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_both_crms_say_the_same_for_five_weeks(company: Company) -> None:
    """Scores, bands, reasons, evidence, tasks and escalations are equal to the last digit."""
    company.compare("the first sync")
    one = company.both[0]
    assert len(one.ours("escalation")) == 1

    for change in second_day(company.story):
        company.meet(change, "breach" if change.object == "Case" and change.id is None else "")
    company.pass_days()
    company.compare("the second day")
    assert one.ours("task")
    assert company.edits == 1

    _a_lively_day(company)
    company.pass_days()
    company.compare("the third day")

    _people_decide(company)
    company.pass_days()
    company.compare("people decide otherwise")
    company.pass_days()
    company.compare("nothing happens")

    # HubSpot's search tells of no archived record: they are listed once a week.
    _it_grows_quiet(company)
    # After thirty days there are trends.
    for days in (26, 2, 1):
        company.pass_days(days)
        company.compare(f"{days} days later")
    assert len(one.ours("task")) >= 10
    assert any(row["Status"] == "Completed" for row in one.ours("task").values())
    ends = {(key.split(":")[1], row["Status__c"]) for key, row in one.ours("escalation").items()}
    # The cases are solved; no new champion is named, and the use that stopped coming is not back.
    assert ends == {
        ("sev1_past_sla", "Resolved"),
        ("key_person_left", "Open"),
        ("usage_collapse", "Open"),
    }
    trends = {row["trend"] for row in one.truth()["account"].values()}
    assert trends >= {"Rising", "Falling", "Steady"}


def _a_lively_day(company: Company) -> None:
    """Use comes back, a case is solved, a renewal won, two people leave, a customer complains."""
    now = company.box.clock()
    today = now.date()
    declining = company.account("silent decline")
    for ago in (0, 1, 2):
        company.save(
            "Health_Usage__c",
            None,
            declining,
            Account__c=declining,
            Metric__c="active_users",
            Day__c=today - timedelta(days=ago),
            Value__c=40.0,
        )
    one, other = company.both
    one.edit("Case", one.made["breach"], {"Status": "Closed"})
    other.edit("tickets", other.made["breach"], {"hs_pipeline_stage": "4"})
    deal = company.row("Opportunity", Type="Existing Customer - Replacement", IsClosed=False)
    company.save(
        "Opportunity", deal["Id"], deal["AccountId"], StageName="Closed Won", CloseDate=today
    )
    for role in ("Champion", "Sponsor"):
        contact = company.row("Contact", Health_Role__c=role, EmailBouncedDate=None)
        company.save("Contact", contact["Id"], contact["AccountId"], EmailBouncedDate=now)
    person = company.row("Contact", Health_Role__c="Champion", EmailBouncedDate=None)
    for kind, points in (("nps", 30.0), ("csat", 0.0)):
        company.save(
            "Health_Survey__c",
            None,
            person["AccountId"],
            Account__c=person["AccountId"],
            Contact__c=person["Id"],
            Kind__c=kind,
            Points__c=points,
            Answered_On__c=today,
        )
    _odd_work(company)
    late = company.account("thriving")
    company.save(
        "Case",
        None,
        late,
        named="outage",
        Subject="All exports fail",
        Status="New",
        Priority="Critical",
        Origin="Web",
        AccountId=late,
        Health_SLA_Due__c=now + timedelta(hours=1),
    )


def _odd_work(company: Company) -> None:
    """A plan, a call that nobody took, and a case whose contact alone says whose it is."""
    now = company.box.clock()
    planning, calling = company.account("steady"), company.account("steady")
    common = {"OwnerId": company.story.records["User"][3]["Id"], "Priority": "Normal"}
    company.save(
        "Task",
        None,
        planning,
        named="plan",
        **common,
        WhatId=planning,
        Subject="Prepare the business review",
        Status="Not Started",
        TaskSubtype="Task",
        ActivityDate=now.date() + timedelta(days=2),
    )
    company.save(
        "Task",
        None,
        calling,
        **common,
        WhatId=calling,
        Subject="Call: QBR",
        Status="Completed",
        TaskSubtype="Call",
        CallType="Outbound",
        CallDurationInSeconds=0,
        ActivityDate=now.date(),
    )
    person = company.row("Contact", Health_Role__c="Sponsor", EmailBouncedDate=None)
    company.save(
        "Case",
        None,
        person["AccountId"],
        named="by contact",
        Subject="Report totals are wrong",
        Status="New",
        Priority="High",
        Origin="Email",
        ContactId=person["Id"],
    )


def _people_decide(company: Company) -> None:
    """Overrides, edits of our fields, work closed by hand, people who go, a customer lost."""
    now = company.box.clock()
    today = now.date()
    busiest = Counter(
        row["Health_CSM__c"] for row in company.story.records["Account"]
    ).most_common()
    left = next(user for user, _ in busiest if user is not None)
    row = next(row for row in company.story.records["User"] if row["Id"] == left)
    company.load("User", [{**row, "IsActive": False, "SystemModstamp": now}])
    trusted = company.account("stuck in adopt")
    company.save(
        "Account",
        trusted,
        trusted,
        Health_Override_Score__c=88.0,
        Health_Override_Reason__c="The new team starts on Monday",
        Health_Override_Until__c=today + timedelta(days=5),
    )
    doubted = company.account("steady")
    company.save("Account", doubted, doubted, Health_Score__c=31.0)
    painted = company.account("steady")
    company.save("Account", painted, painted, Health_Band__c="Yellow", Health_Why__c="Ask me")
    moved = company.account("steady")
    manager = company.story.records["User"][2]["Id"]
    company.save("Account", moved, moved, Health_CSM__c=manager, OwnerId=manager)
    lost = company.account("green that churns")
    company.save("Account", lost, lost, Type="Other")
    one, other = company.both
    one.edit("Task", one.made["plan"], {"Status": "Completed"})
    other.edit("tasks", other.made["plan"], {"hs_task_status": "COMPLETED"})
    task = min(one.ours("task"))
    one.edit("Task", one.ours("task")[task]["Id"], {"Status": "Completed"})
    other.edit("tasks", other.ours("task")[task]["id"], {"hs_task_status": "COMPLETED"})
    opened = max(key for key, row in one.ours("escalation").items() if row["Status__c"] == "Open")
    one.edit(
        "Health_Escalation__c", one.ours("escalation")[opened]["Id"], {"Status__c": "Resolved"}
    )
    record = other.ours("escalation")[opened]["id"]
    other.edit("tickets", record, {"hs_pipeline_stage": "health_resolved"})


def _it_grows_quiet(company: Company) -> None:
    """The last case is solved, one was none at all, and more seats are talked of."""
    one, other = company.both
    company.box.delete("Case", one.made["by contact"])
    company.box.hubspot.archive("tickets", other.made["by contact"])
    one.edit("Case", one.made["outage"], {"Status": "Closed"})
    other.edit("tickets", other.made["outage"], {"hs_pipeline_stage": "4"})
    account = company.account("noisy but growing")
    company.save(
        "Opportunity",
        None,
        account,
        AccountId=account,
        Name="A third team",
        Type="Existing Customer - Upgrade",
        StageName="Qualification",
        CloseDate=company.box.clock().date() + timedelta(days=40),
        Amount=12_345.5,
    )
