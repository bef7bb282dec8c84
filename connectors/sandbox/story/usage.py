"""Usage as a nightly feed leaves it: a row a week for old times, a row a day for recent ones."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta

from connectors.sandbox.story.customer import Customer
from connectors.sandbox.story.rows import Rows
from connectors.sandbox.story.timeline import HISTORY_DAYS, Timeline

METRIC = "active_users"
_FEED_HOUR = time(4)
_FRIDAY = 4


def _rhythm(customer: Customer, day: date, peak: int) -> float:
    """The yearly swing of a seasonal business: 1 on its peak day, least half a year away."""
    if not customer.archetype.rhythm:
        return 1.0
    turn = math.tau * (day.timetuple().tm_yday - peak) / 365
    return 1 - customer.archetype.rhythm * (1 - math.cos(turn)) / 2


def use(customer: Customer, rows: Rows, timeline: Timeline) -> None:
    """Add the usage rows: people active on a day, or on an average day of the week before."""
    if customer.level is None:
        return
    rng = customer.rng
    peak = rng.randrange(365)
    for days_ago in range(min(customer.age, HISTORY_DAYS), 0, -1):
        day = timeline.day(days_ago)
        if days_ago > timeline.daily:
            if day.weekday() != _FRIDAY:
                continue
        elif not timeline.works(day) or rng.random() > customer.days.at(days_ago):
            continue
        share = customer.level.at(days_ago) * timeline.season(day) * _rhythm(customer, day, peak)
        value = round(customer.seats * min(1.0, share) * rng.uniform(0.85, 1.0))
        if value <= 0:
            continue
        # The feed runs once a night for all accounts: their rows share a stamp, as they do in life.
        fed = min(timeline.now, datetime.combine(day + timedelta(days=1), _FEED_HOUR, UTC))
        rows.add(
            "Health_Usage__c",
            fed,
            Account__c=customer.id,
            Metric__c=METRIC,
            Day__c=day,
            Value__c=float(value),
        )
