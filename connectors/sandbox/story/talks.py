"""Conversations: calls and meetings at the pace of the customer's plan, until they stopped."""

from __future__ import annotations

from datetime import date, timedelta

from connectors.sandbox.story.archetypes import Span, between, whole
from connectors.sandbox.story.customer import Customer, Person
from connectors.sandbox.story.rows import Rows
from connectors.sandbox.story.timeline import HISTORY_DAYS, Timeline

#: Days between two conversations, by plan.
_PACE: dict[str, int] = {"strategic": 26, "growth": 70, "digital": 150}
_REVIEW_EVERY = 90
_TRAINING_SHARE = 0.12
_CALLS = ("Call: check-in", "Call: open points", "Call: adoption of the new reports")
_MEETINGS = ("Check-in meeting", "Roadmap session", "Working session: dashboards")
_SENIOR = ("Sponsor", "Decision Maker")
_VALUE_REVIEW: Span = (10, 80)
# What a renewal this near asks for, in days: a value review, and a word with the sponsor.
_REVIEW_BEFORE, _SPONSOR_BEFORE = 90, 60


class Diary:
    """Writes the activities of one customer; the newest day of all is its last activity."""

    def __init__(self, customer: Customer, rows: Rows, timeline: Timeline) -> None:
        self._customer, self._rows, self._timeline = customer, rows, timeline
        self._owner = customer.csm or customer.owner
        self.last: date | None = None

    def meeting(self, days_ago: int, person: Person | None, subject: str) -> None:
        """A meeting; negative days are ahead, and planned."""
        rng, timeline = self._customer.rng, self._timeline
        day = timeline.workday(timeline.day(days_ago))
        # A planned day may have been moved back over a weekend into the past: then it took place.
        start = timeline.stamp(day, rng) if day <= timeline.today else None
        begins = start or timeline.now + timedelta(days=-timeline.ago(day))
        booked = min(timeline.now, begins) - timedelta(days=rng.randrange(1, 12))
        minutes = rng.choice((30, 45, 60, 90))
        self._rows.add(
            "Event",
            booked,
            start,
            Subject=subject,
            StartDateTime=begins,
            EndDateTime=begins + timedelta(minutes=minutes),
            ActivityDateTime=begins,
            ActivityDate=begins.date(),
            DurationInMinutes=minutes,
            IsAllDayEvent=False,
            IsChild=False,
            OwnerId=self._owner,
            AccountId=self._customer.id,
            WhatId=self._customer.id,
            WhoId=person.id if person else None,
        )
        self._note(begins.date())

    def call(self, days_ago: int, person: Person | None, subject: str) -> None:
        """A call that took place."""
        self._task(days_ago, person, subject, "Call", self._customer.rng.randrange(240, 2700))

    def mail(self, days_ago: int, person: Person | None, subject: str) -> None:
        """A mail we sent: no conversation."""
        self._task(days_ago, person, subject, "Email", None)

    def _task(
        self,
        days_ago: int,
        person: Person | None,
        subject: str,
        subtype: str,
        seconds: int | None,
    ) -> None:
        timeline = self._timeline
        day = timeline.workday(timeline.day(days_ago))
        done = timeline.stamp(day, self._customer.rng)
        self._rows.add(
            "Task",
            done,
            Subject=subject,
            Status="Completed",
            Priority="Normal",
            IsClosed=True,
            TaskSubtype=subtype,
            CallDurationInSeconds=seconds,
            CallType="Outbound" if seconds else None,
            ActivityDate=day,
            CompletedDateTime=done,
            OwnerId=self._owner,
            AccountId=self._customer.id,
            WhatId=self._customer.id,
            WhoId=person.id if person else None,
        )
        self._note(day)

    def _note(self, day: date) -> None:
        # The CRM's last activity is the newest that is over.
        if day <= self._timeline.today and (self.last is None or day > self.last):
            self.last = day


def talk(customer: Customer, diary: Diary) -> None:
    """Write two years of conversations, the reviews among them, and what is planned."""
    if not customer.people:
        return
    rng, kind = customer.rng, customer.archetype
    span = min(customer.age, HISTORY_DAYS)
    runway = customer.runway if customer.runway is not None else HISTORY_DAYS
    senior = customer.with_role(*_SENIOR)
    silent = min(span - 1, whole(rng, kind.talked))
    with_sponsor = min(span - 1, whole(rng, kind.sponsor_talked))
    if customer.prepared and runway <= _SPONSOR_BEFORE:
        with_sponsor = min(with_sponsor, rng.randrange(8, 40))
    days_ago = silent
    reviewed = span
    while days_ago < span:
        people = [
            p
            for p in customer.reachable(days_ago)
            if days_ago > with_sponsor or p.role not in _SENIOR
        ]
        person = rng.choice(people) if people else None
        if customer.plan == "strategic" and reviewed - days_ago > _REVIEW_EVERY:
            reviewed = days_ago
            diary.meeting(days_ago, person, "QBR: results and next quarter")
        elif rng.random() < _TRAINING_SHARE:
            diary.meeting(days_ago, person, "Training: reports and dashboards")
        elif rng.random() < 0.45:
            diary.meeting(days_ago, person, rng.choice(_MEETINGS))
        else:
            diary.call(days_ago, person, rng.choice(_CALLS))
        days_ago += max(3, round(_PACE[customer.plan] * rng.uniform(0.7, 1.3)))
    if senior and with_sponsor > silent:
        diary.meeting(with_sponsor, rng.choice(senior), "Meeting with the sponsor")
    if customer.prepared and runway <= _REVIEW_BEFORE:
        person = rng.choice(customer.reachable(0))
        diary.meeting(max(silent, round(between(rng, _VALUE_REVIEW))), person, "Value review")
    for _ in range(rng.randrange(4)):
        about = rng.choice(("Email: release notes", "Email: dates of the next training"))
        diary.mail(rng.randrange(1, max(2, span)), rng.choice(customer.reachable(0)), about)
    if rng.random() < 0.3 and silent < _REVIEW_EVERY:
        diary.meeting(-rng.randrange(3, 30), rng.choice(customer.reachable(0)), "Check-in meeting")
