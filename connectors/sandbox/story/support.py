"""Support cases: the ordinary ones of two years, those still open, and the graver few."""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.sandbox.story.archetypes import Span, between, whole
from connectors.sandbox.story.customer import Customer
from connectors.sandbox.story.rows import Rows
from connectors.sandbox.story.staff import Staff
from connectors.sandbox.story.timeline import HISTORY_DAYS, Timeline

SEV1 = "sev-1 past SLA"
#: Priority: weight among past cases, hours to a solution, business days of the promise.
_PRIORITIES: dict[str, tuple[int, Span, int | None]] = {
    "Critical": (4, (2, 30), 1),
    "High": (18, (6, 96), 3),
    "Medium": (46, (20, 300), 10),
    "Low": (32, (40, 600), None),
}
_SUBJECTS = {
    "Critical": ("Nobody can sign in", "All exports fail", "Data missing after import"),
    "High": (
        "Report totals are wrong",
        "Sync with the warehouse stopped",
        "Pages time out",
    ),
    "Medium": (
        "Filter is ignored in the export",
        "Cannot add a user",
        "Alert mails arrive twice",
    ),
    "Low": (
        "How do I share a dashboard?",
        "Typo on the settings page",
        "Change our logo",
    ),
}
#: Hours from now to the promised end of an open sev-1 case, taken in turn: broken for more than a
#: day, for some hours, and about to break.
_SEV1_DUE: tuple[Span, ...] = ((-80, -30), (-10, -2), (6, 30))


def ask(customer: Customer, rows: Rows, timeline: Timeline, staff: Staff) -> None:
    """Add the customer's cases."""
    if not customer.evident:
        return
    rng, kind = customer.rng, customer.archetype

    def add(priority: str, opened: datetime, closed: datetime | None, due: datetime | None) -> None:
        status = "Closed" if closed else rng.choice(("New", "Working"))
        rows.add(
            "Case",
            opened,
            closed or min(timeline.now, opened + timedelta(hours=rng.uniform(0.2, 8))),
            CaseNumber=f"{len(rows.records['Case']) + 1:08d}",
            Subject=rng.choice(_SUBJECTS[priority]),
            Status=status,
            Priority=priority,
            Origin=rng.choice(("Email", "Web", "Phone")),
            IsClosed=closed is not None,
            ClosedDate=closed,
            AccountId=customer.id,
            ContactId=rng.choice(customer.reachable(timeline.ago(opened.date()))).id,
            OwnerId=rng.choice(staff.agents),
            Health_SLA_Due__c=due,
        )

    def promised(priority: str, opened: datetime) -> datetime | None:
        workdays = _PRIORITIES[priority][2]
        if workdays is None:
            return None
        day = timeline.later(opened.date(), workdays)
        return opened + timedelta(days=(day - opened.date()).days)

    span = min(customer.age, HISTORY_DAYS)
    weights = [weight for weight, *_ in _PRIORITIES.values()]
    for _ in range(round(between(rng, kind.cases_a_year) * span / 365)):
        priority = rng.choices(tuple(_PRIORITIES), weights)[0]
        day = timeline.workday(timeline.day(rng.randrange(1, max(span, 2))))
        opened = timeline.stamp(day, rng)
        solved = opened + timedelta(minutes=round(60 * between(rng, _PRIORITIES[priority][1])))
        add(priority, opened, min(solved, timeline.now), promised(priority, opened))
    for priority, chance, ages in (
        ("High", kind.open_high, (1, 6)),
        ("Medium", kind.open_medium, (1, 12)),
    ):
        if rng.random() < chance:
            days_ago = min(whole(rng, ages), customer.age)
            opened = timeline.stamp(timeline.workday(timeline.day(days_ago)), rng)
            add(priority, opened, None, promised(priority, opened))
    if kind.name == SEV1:
        hours = between(rng, _SEV1_DUE[customer.ordinal % len(_SEV1_DUE)])
        due = timeline.now + timedelta(minutes=round(hours * 60))
        opened = min(due - timedelta(hours=8), timeline.now) - timedelta(hours=rng.uniform(1, 20))
        add("Critical", opened, None, due)
