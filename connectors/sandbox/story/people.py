"""The customer's people: champions, sponsors, deciders, and everybody else."""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.sandbox.story.archetypes import Span, whole
from connectors.sandbox.story.customer import Customer, Person
from connectors.sandbox.story.names import person, slug
from connectors.sandbox.story.rows import Rows
from connectors.sandbox.story.timeline import Timeline

_PEOPLE: dict[str, Span] = {"strategic": (5, 8), "growth": (3, 5), "digital": (2, 3)}
_TITLES = {
    "Champion": ("Head of Operations", "Operations Manager", "Product Owner"),
    "Sponsor": ("Chief Operating Officer", "VP Operations", "Managing Director"),
    "Decision Maker": ("Chief Financial Officer", "Procurement Manager", "IT Director"),
    "Influencer": ("Team Lead", "Business Analyst"),
    "": ("Analyst", "Coordinator", "Specialist", "Administrator"),
}
#: How a contact's role shows on an opportunity.
DEAL_ROLES = {
    "Champion": "Business User",
    "Sponsor": "Executive Sponsor",
    "Decision Maker": "Decision Maker",
    "Influencer": "Influencer",
}
_LEFT_DAYS: Span = (6, 60)
CHAMPION_GONE = "champion gone"


def _roles(customer: Customer) -> list[str]:
    """One role a contact, the empty one for most."""
    rng, kind = customer.rng, customer.archetype
    roles = []
    if rng.random() < kind.champion:
        roles.append("Champion")
    if rng.random() < kind.sponsor:
        roles.append("Sponsor")
    # Who never had a sponsor never reached anybody who decides, either.
    if kind.sponsor and customer.plan != "digital" and rng.random() < 0.3:
        roles.append("Decision Maker")
    count = max(len(roles), whole(rng, _PEOPLE[customer.plan]))
    return roles + [rng.choice(("Influencer", "", "", "")) for _ in range(count - len(roles))]


def meet(customer: Customer, rows: Rows, timeline: Timeline) -> None:
    """Add the contacts, and name them on the customer."""
    if not customer.evident:
        return
    rng = customer.rng
    host = slug(customer.name)
    for number, role in enumerate(_roles(customer), 1):
        met = timeline.stamp(timeline.day(customer.age - rng.randrange(min(30, customer.age))), rng)
        left = role == "Champion" and customer.archetype.name == CHAMPION_GONE
        bounced: datetime | None = None
        if left:
            bounced = timeline.stamp(timeline.day(whole(rng, _LEFT_DAYS)), rng)
        first, last = person(rng)
        contact = rows.add(
            "Contact",
            met,
            bounced or met + timedelta(days=rng.randrange(min(400, customer.age))),
            AccountId=customer.id,
            FirstName=first,
            LastName=last,
            Name=f"{first} {last}",
            Title=rng.choice(_TITLES[role]),
            # The number keeps two people of one name apart.
            Email=f"{first}.{last}.{number}@{host}.example.com".lower(),
            OwnerId=customer.csm or customer.owner,
            Health_Role__c=role or None,
            EmailBouncedDate=bounced,
            EmailBouncedReason="550 5.1.1 no such mailbox" if left else None,
        )
        customer.people.append(Person(contact, role, left))
