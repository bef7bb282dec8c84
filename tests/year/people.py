"""What people do with what the product gives them: seeded, and the same in both CRMs.

Each task and each escalation has a fate, drawn from its key alone:

- One task in eight is never done. The others are done on a working day around their due date, from
  the day after they came on: up to two days early, mostly in time, some a week late.
- Most of those done bring a conversation: the work is logged, and the task closed (60 %), or logged
  only, and closing is left to the product (25 %). The rest is ticked off without any talk. Errands
  of an escalation are ticked off. One in three of the closed says whether it helped.
- What a task asks for is what is logged: a business review, a value review, a visit, a talk with
  the sponsor, else a call. A renewal that lacks its opportunity gets one.
- Nine escalations of ten are taken up within two working days, one in five of them waits for the
  customer for some days. Three of four are resolved by people, S1 within four working days, others
  within thirty; the rest is left to the rule.
- People open an escalation of their own now and then, set a score by hand, choose a tier or a
  stage, and meddle with a band. On weekends nobody works.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from connectors.sandbox.story.deals import RENEWAL
from connectors.sandbox.story.portal_fields import hub_id
from tests.year.records import Row, stamped
from tests.year.side import HAND, Truth, made_id
from tests.year.world import World

#: The hour of the vendor's day at which people work: after the morning's sync.
WORK = timedelta(hours=6)
_NEVER, _LEFT_TO_US = 1 / 8, 1 / 4
#: Working days from the due date, and how likely.
_DELAYS = ((-2, -1, 0, 1, 3, 7), (15, 25, 30, 15, 10, 5))
_LOGS, _ONLY_LOGS = 0.6, 0.25
_SAYS = 1 / 3
_ANSWERS = (("Useful", "Not Useful", "Knew Already"), (6, 2, 2))
#: Per 100 customers and working day.
_OWN_ESCALATIONS, _MEDDLES = 0.06, 0.25
#: What a rule's task leaves on record; else a call.
_MEETINGS = {
    "touch_review": "QBR: results and next quarter",
    "touch_value_review": "Value review",
    "touch_onsite": "On-site visit",
    "renewal_unready": "Value review",
    "sponsor_silent": "Meeting with the sponsor",
}
_SENIOR = {"touch_review", "touch_value_review", "renewal_unready", "sponsor_silent"}


@dataclass(frozen=True)
class Work:
    """What people do on one day: new records, then edits as (kind, key, roles)."""

    records: dict[str, list[Row]] = field(default_factory=dict)
    edits: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    #: Account, name, reason and severity of what people escalate.
    escalations: list[tuple[str, str, str, str]] = field(default_factory=list)


def after(day: date, workdays: int) -> date:
    """So many working days after a day (or the next one, for none); before it where negative."""
    step = timedelta(days=1 if workdays >= 0 else -1)
    left = abs(workdays)
    while left or day.weekday() >= 5:
        day += step
        left -= day.weekday() < 5 and left > 0
    return day


class People:
    """All who work at the vendor."""

    def __init__(self, world: World) -> None:
        self.world = world
        #: Tasks and escalations to the day on which they were first seen.
        self.seen: dict[tuple[str, str], date] = {}
        self._done: set[tuple[str, str]] = set()

    def day(self, truth: Truth, at: datetime) -> Work:
        """What they do on a day, given what the CRM says."""
        work = Work()
        today = at.date()
        for kind in ("task", "escalation"):
            for key in truth[kind]:
                self.seen.setdefault((kind, key), today)
        if today.weekday() >= 5:
            return work
        for key, task in sorted(truth["task"].items()):
            if task["open"]:
                self._task(work, key, task, at)
        for key, one in sorted(truth["escalation"].items()):
            if one["status"] in ("open", "in_progress", "waiting"):
                self._escalation(work, key, one, today)
        self._meddle(work, truth, at)
        return work

    def _dice(self, *what: object) -> Random:
        return Random("/".join(map(str, (self.world.seed, *what))))

    def _once(self, key: str, what: str) -> bool:
        """Whether this is the first time: the CRM shows an edit only after the next refresh."""
        new = (key, what) not in self._done
        self._done.add((key, what))
        return new

    # -- tasks --------------------------------------------------------------------------------

    def _task(self, work: Work, key: str, task: Row, at: datetime) -> None:
        dice, today = self._dice("task", key), at.date()
        if dice.random() < _NEVER:
            return
        came, due = self.seen["task", key], date.fromisoformat(task["due"])
        done = max(after(came, 1), after(due, dice.choices(*_DELAYS)[0]))
        if today < done or not self._once(key, "done"):
            return
        how, says = dice.random(), dice.random()
        if key.startswith("ch1") and how < _LOGS + _ONLY_LOGS:
            self._log(work, key, at)
            if how >= _LOGS:
                return
        roles: dict[str, Any] = {"status": "done"}
        if says < _SAYS:
            roles["feedback"] = dice.choices(*_ANSWERS)[0]
        work.edits.append(("task", key, roles))

    def _log(self, work: Work, key: str, at: datetime) -> None:
        _, hub, rule, _ = key.split(":")
        account = self.world.named[hub]
        people = self.world.people(account, at)
        senior = [p for p in people if p["Health_Role__c"] in ("Sponsor", "Decision Maker")]
        with_whom = (senior if rule in _SENIOR else people)[:1] or people[:1]
        who = with_whom[0]["Id"] if with_whom else None
        owner = self.world.manager(account, at)
        common = {"OwnerId": owner, "AccountId": account, "WhatId": account, "WhoId": who}
        if rule in _MEETINGS:
            end = at + timedelta(hours=1)
            row = {
                "Id": made_id("00U", key), "Subject": _MEETINGS[rule], "StartDateTime": at,
                "EndDateTime": end, "ActivityDateTime": at, "ActivityDate": at.date(),
                "DurationInMinutes": 60, "IsAllDayEvent": False, "IsChild": False, **common,
            }  # fmt: skip
            work.records.setdefault("Event", []).append(stamped(row, at))
        else:
            row = {
                "Id": made_id("00T", key), "Subject": "Call: open points", "Status": "Completed",
                "Priority": "Normal", "IsClosed": True, "TaskSubtype": "Call",
                "CallDurationInSeconds": 900, "CallType": "Outbound", "ActivityDate": at.date(),
                "CompletedDateTime": at, **common,
            }  # fmt: skip
            work.records.setdefault("Task", []).append(stamped(row, at))
        if rule == "renewal_unready":
            self._open_renewal(work, account, at)

    def _open_renewal(self, work: Work, account: str, at: datetime) -> None:
        row = self.world.accounts[account].at(at)
        assert row is not None
        ends = row["Health_Renewal_Date__c"]
        mine = self.world.deals.get(account, [])
        if ends is None or any(d.row["Type"] == RENEWAL and d.made <= at < d.ends for d in mine):
            return
        # The one that the story knows of comes sooner; of another one nobody knows the end.
        story = next((d for d in mine if d.row["Type"] == RENEWAL and d.made > at), None)
        deal = {
            **(story.row if story else {"Id": made_id("006", f"{account}/{ends}")}),
            "AccountId": account, "OwnerId": row["OwnerId"], "Name": f"{row['Name']} - Renewal",
            "Type": RENEWAL, "StageName": "Prospecting", "CloseDate": ends, "IsClosed": False,
            "Amount": row["Health_Contract_Value__c"] or 1000.0, "Probability": 10.0,
            "ForecastCategory": "Pipeline", "IsWon": False,
        }  # fmt: skip
        work.records.setdefault("Opportunity", []).append(stamped(deal, at))

    # -- escalations --------------------------------------------------------------------------

    def _escalation(self, work: Work, key: str, one: Row, today: date) -> None:
        dice, came = self._dice("escalation", key), self.seen["escalation", key]
        grave = one["severity"] == "S1"
        taken_up = after(came, dice.randint(0, 2))
        waits = after(taken_up, 3), after(taken_up, 7)
        resolved = after(came, dice.randint(1, 4) if grave else dice.randint(5, 30))
        seldom, for_customer, left = dice.random(), dice.random() < 0.2, dice.random()
        steps = []
        if seldom < 0.9:
            steps.append((taken_up, "in_progress"))
            if for_customer and not grave:
                steps += [(waits[0], "waiting"), (waits[1], "in_progress")]
        if left >= _LEFT_TO_US:
            steps.append((resolved, "resolved"))
        for number, (day, status) in enumerate(sorted(steps, key=lambda step: step[0])):
            if today >= day and self._once(key, f"{number}"):
                work.edits.append(("escalation", key, {"status": status}))

    # -- what else people do ------------------------------------------------------------------

    def _meddle(self, work: Work, truth: Truth, at: datetime) -> None:
        for account in self._chosen("escalates", _OWN_ESCALATIONS, at):
            reason, severity = self._dice("reason", account, at.date()).choice(
                [("Product gap", "S3"), ("Experience", "S3"), ("Product gap", "S2")]
            )
            name = f"{HAND}{account}:{at.date()}"
            work.escalations.append((account, name, reason, severity))
        for account in self._chosen("meddles", _MEDDLES, at):
            key = hub_id(account)
            if truth["account"].get(key, {}).get("band") is None:
                continue
            until = at.date() + timedelta(days=45)
            by_hand = {"override_score": 75, "override_until": until}
            choices: list[dict[str, Any]] = [
                {**by_hand, "override_reason": "Their new head starts next month"},
                {"tier": "Strategic"},
                {"stage": "Expand"},
                {"band": "Green"},
            ]
            roles = self._dice("how", account, at.date()).choice(choices)
            work.edits.append(("account", key, roles))

    def _chosen(self, what: str, a_day: float, at: datetime) -> Iterator[str]:
        """Customers that something happens to on this day."""
        for account in sorted(self.world.labels):
            row = self.world.accounts[account].at(at)
            if row is None or not row["Type"].startswith("Customer"):
                continue
            if self._dice(what, account, at.date()).random() < a_day / 100:
                yield account
