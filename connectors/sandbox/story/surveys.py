"""Answers to surveys: NPS in tens, CSAT as one of three faces, which every CRM can hold."""

from __future__ import annotations

from datetime import UTC, datetime, time

from connectors.sandbox.story.archetypes import between
from connectors.sandbox.story.customer import Customer
from connectors.sandbox.story.rows import Rows
from connectors.sandbox.story.timeline import HISTORY_DAYS, Timeline

_STEPS = {"nps": 10, "csat": 50}
_SPREAD = 13.0


def answer(customer: Customer, rows: Rows, timeline: Timeline) -> None:
    """Add the survey answers of up to two years, spread evenly, newest within their interval."""
    if not customer.people:
        return
    rng = customer.rng
    a_year = between(rng, customer.archetype.answers)
    if a_year < 0.5:
        return
    gap = 365 / a_year
    days_ago = rng.uniform(3, gap)
    while days_ago < min(customer.age, HISTORY_DAYS):
        kind = "nps" if rng.random() < 0.7 else "csat"
        step = _STEPS[kind]
        points = round(rng.gauss(customer.archetype.mood, _SPREAD) / step) * step
        day = timeline.workday(timeline.day(round(days_ago)))
        answered = min(timeline.now, datetime.combine(day, time(15, rng.randrange(60)), UTC))
        rows.add(
            "Health_Survey__c",
            answered,
            Account__c=customer.id,
            Contact__c=rng.choice(customer.reachable(round(days_ago))).id,
            Kind__c=kind,
            Points__c=float(min(100, max(0, points))),
            Answered_On__c=day,
        )
        days_ago += gap * rng.uniform(0.8, 1.2)
