"""Tells the whole company: staff, then account after account with all that belongs to it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from connectors.sandbox.story import names, others
from connectors.sandbox.story.archetypes import Archetype, assign
from connectors.sandbox.story.customer import draw
from connectors.sandbox.story.deals import buy
from connectors.sandbox.story.people import meet
from connectors.sandbox.story.rows import Rows
from connectors.sandbox.story.staff import Staff, hire
from connectors.sandbox.story.support import ask
from connectors.sandbox.story.surveys import answer
from connectors.sandbox.story.talks import Diary, talk
from connectors.sandbox.story.timeline import DAILY_DAYS, Timeline
from connectors.sandbox.story.usage import use

#: A group now and then: so many customers in a row share the first one as their parent.
_GROUP_EVERY, _GROUP_SIZE = 60, 3
#: Now and then an account whose owner has left the vendor.
_ORPHAN_EVERY = 90


@dataclass(frozen=True)
class Story:
    """A company as CRM records, and what the CRM does not know about it.

    `records` maps object names to records in the CRM's field names, each with its Id and stamps;
    `labels` maps the ids of the customers to the names of their archetypes.
    """

    records: dict[str, list[dict[str, Any]]]
    labels: dict[str, str]
    now: datetime


def build_story(
    *,
    seed: int,
    accounts: int = 400,
    customers: int = 300,
    now: datetime,
    daily: int = DAILY_DAYS,
) -> Story:
    """Tell the story of one company, the same for the same arguments.

    Args:
        seed: Any whole number.
        accounts: All accounts, of every type.
        customers: How many of them are customers, each an instance of one archetype.
        now: An aware instant; nothing in the story was saved after it.
        daily: For so many days back use has a row a day.

    Raises:
        ValueError: more customers than accounts, a negative number, or `now` without a time zone.
    """
    if not 0 <= customers <= accounts:
        raise ValueError(f"{customers} customers do not fit into {accounts} accounts")
    timeline = Timeline(now, daily)
    rows = Rows(timeline.now)
    rng = Random(f"{seed}/company")
    staff = hire(rows, timeline, rng)
    cast = assign(customers, rng)
    buyers = frozenset(rng.sample(range(accounts), customers))
    seen: Counter[str] = Counter()
    labels: dict[str, str] = {}
    ids: list[str] = []
    for number in range(accounts):
        # A generator of its own: what one account draws cannot shift the fate of the next.
        own = Random(f"{seed}/{number}")
        if number not in buyers:
            _add_other(number, rows, timeline, staff, own)
            continue
        archetype = cast[len(ids)]
        parent = _parent(ids)
        account = _add_customer(
            number, archetype, seen[archetype.name], parent, rows, timeline, staff, own
        )
        seen[archetype.name] += 1
        labels[account] = archetype.name
        ids.append(account)
    return Story(rows.records, labels, timeline.now)


def _parent(ids: list[str]) -> str | None:
    """The parent of the next customer, if it belongs to a group."""
    place = len(ids) % _GROUP_EVERY
    return ids[len(ids) - place] if 0 < place <= _GROUP_SIZE else None


def _add_customer(
    number: int,
    archetype: Archetype,
    ordinal: int,
    parent: str | None,
    rows: Rows,
    timeline: Timeline,
    staff: Staff,
    rng: Random,
) -> str:
    """Add one customer and everything that belongs to it; returns its account id."""
    customer = draw(archetype, ordinal, rng)
    customer.owner = staff.left if number % _ORPHAN_EVERY == 7 else rng.choice(staff.sellers)
    customer.csm = staff.csm(customer.plan, rng)
    created = timeline.now - timedelta(days=customer.age + rng.randrange(30, 150))
    direct = rng.random() < 0.85
    industry = rng.choice(names.INDUSTRIES)
    customer.name = names.company(number, industry)
    city, country = names.place(rng)
    customer.id = rows.add(
        "Account",
        created,
        timeline.now - timedelta(days=rng.randrange(2, 300), seconds=rng.randrange(86_400)),
        Name=customer.name,
        Type="Customer - Direct" if direct else "Customer - Channel",
        Industry=industry,
        NumberOfEmployees=customer.seats * rng.randrange(2, 12),
        BillingCity=city,
        BillingCountry=country,
        Website=f"https://{names.slug(customer.name)}.example.com",
        OwnerId=customer.owner,
        ParentId=parent,
        LastActivityDate=None,
        Health_CSM__c=customer.csm if customer.evident else None,
        Health_Renewal_Date__c=customer.renewal(timeline),
        Health_Contract_Value__c=float(customer.value) if customer.evident else None,
    )
    account = rows.records["Account"][-1]
    meet(customer, rows, timeline)
    ask(customer, rows, timeline, staff)
    buy(customer, rows, timeline)
    diary = Diary(customer, rows, timeline)
    talk(customer, diary)
    answer(customer, rows, timeline)
    use(customer, rows, timeline)
    account["LastActivityDate"] = diary.last
    return customer.id


def _add_other(number: int, rows: Rows, timeline: Timeline, staff: Staff, rng: Random) -> None:
    """Add one account that is no customer."""
    industry = rng.choice(names.INDUSTRIES)
    name = names.company(number, industry)
    city, country = names.place(rng)
    type_ = others.kind(rng)
    owner = rng.choice(staff.sellers)
    created = timeline.now - timedelta(days=rng.randrange(410, 800), seconds=rng.randrange(86_400))
    account = rows.add(
        "Account",
        created,
        created + timedelta(days=rng.randrange(400)),
        Name=name,
        Type=type_,
        Industry=industry,
        NumberOfEmployees=rng.randrange(10, 3000),
        BillingCity=city,
        BillingCountry=country,
        Website=f"https://{names.slug(name)}.example.com",
        OwnerId=owner,
        ParentId=None,
        LastActivityDate=None,
        Health_CSM__c=None,
        Health_Renewal_Date__c=None,
        Health_Contract_Value__c=None,
    )
    row = rows.records["Account"][-1]
    row["LastActivityDate"] = others.court(account, name, type_, owner, rows, timeline, rng)
