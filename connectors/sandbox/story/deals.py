"""What was bought: opportunities from the first one on, and the assets that came of them."""

from __future__ import annotations

from datetime import timedelta

from connectors.sandbox.story.archetypes import whole
from connectors.sandbox.story.customer import Customer
from connectors.sandbox.story.people import DEAL_ROLES
from connectors.sandbox.story.rows import Rows
from connectors.sandbox.story.timeline import HISTORY_DAYS, Timeline

#: Stage: chance of winning in percent, forecast category.
STAGES: dict[str, tuple[int, str]] = {
    "Prospecting": (10, "Pipeline"),
    "Qualification": (10, "Pipeline"),
    "Proposal/Price Quote": (75, "BestCase"),
    "Negotiation/Review": (90, "Forecast"),
    "Closed Won": (100, "Closed"),
    "Closed Lost": (0, "Omitted"),
}
NEW, RENEWAL = "New Customer", "Existing Customer - Replacement"
UPGRADE, DOWNGRADE = "Existing Customer - Upgrade", "Existing Customer - Downgrade"
_RENEWAL_OPENS = 120
_GROWING = ("thriving", "noisy but growing")
_SHRINKING = "green that churns"
_ADD_ONS = ("Analytics add-on", "Automation add-on", "Data connector")


class Deals:
    """Writes the opportunities and assets of one account."""

    def __init__(self, account: str, owner: str, rows: Rows, timeline: Timeline) -> None:
        self._account, self._owner = account, owner
        self._rows, self._timeline = rows, timeline

    def opportunity(
        self, name: str, kind: str, stage: str, days_ago: int, amount: int, lead: int
    ) -> str:
        """Add an opportunity that closes so many days ago and was opened `lead` days before."""
        timeline = self._timeline
        chance, forecast = STAGES[stage]
        closed = stage.startswith("Closed")
        opened = timeline.now - timedelta(days=max(days_ago + lead, 0), hours=3)
        saved = timeline.now - timedelta(days=max(days_ago, 0), hours=1) if closed else None
        return self._rows.add(
            "Opportunity",
            opened,
            saved,
            AccountId=self._account,
            OwnerId=self._owner,
            Name=name,
            Type=kind,
            StageName=stage,
            CloseDate=timeline.day(days_ago),
            Amount=float(amount),
            Probability=float(chance),
            ForecastCategory=forecast,
            IsClosed=closed,
            IsWon=stage == "Closed Won",
        )

    def asset(
        self,
        name: str,
        quantity: int,
        price: int,
        bought: int,
        ends: int | None,
        status: str,
    ) -> None:
        """Add a subscription line: `price` is the line's yearly value, days count back."""
        timeline = self._timeline
        made = timeline.now - timedelta(days=bought, hours=2)
        self._rows.add(
            "Asset",
            made,
            timeline.now - timedelta(days=ends, hours=1) if ends is not None and ends > 0 else None,
            AccountId=self._account,
            Name=name,
            Quantity=float(quantity),
            Price=float(price),
            Status=status,
            InstallDate=timeline.day(bought),
            UsageEndDate=None if ends is None else timeline.day(ends),
        )


def buy(customer: Customer, rows: Rows, timeline: Timeline) -> None:
    """Add everything the customer bought, renewed, extended, or talks of."""
    rng, kind, name = customer.rng, customer.archetype, customer.name
    deals = Deals(customer.id, customer.owner, rows, timeline)
    first = round(customer.value * rng.uniform(0.6, 0.95))
    deal = deals.opportunity(
        f"{name} - First contract",
        NEW,
        "Closed Won",
        customer.age,
        first,
        rng.randrange(30, 120),
    )
    if not customer.evident:
        return
    _name_people(customer, deal, rows)
    ends = None if customer.runway is None else -customer.runway
    deals.asset(
        "Platform seats",
        customer.seats,
        customer.value,
        customer.age,
        ends,
        "Installed",
    )
    if customer.age > HISTORY_DAYS:
        deals.asset(
            "Starter package", customer.seats // 3 + 1, customer.value // 5,
            customer.age, customer.age - 365, "Obsolete",
        )  # fmt: skip
    for anniversary in customer.anniversaries():
        won = min(customer.age, anniversary + rng.randrange(2, 20))
        year = timeline.day(anniversary).year
        label = f"{name} - Renewal {year}"
        deals.opportunity(label, RENEWAL, "Closed Won", won, customer.value, rng.randrange(40, 100))
    if customer.prepared and customer.runway is not None and customer.runway <= _RENEWAL_OPENS:
        year = timeline.day(-customer.runway).year
        stage = "Negotiation/Review" if customer.runway < 45 else "Proposal/Price Quote"
        lead = customer.runway + rng.randrange(5, 60)
        label = f"{name} - Renewal {year}"
        deal = deals.opportunity(label, RENEWAL, stage, -customer.runway, customer.value, lead)
        _name_people(customer, deal, rows)
    if kind.new_value is not None:
        days_ago = min(whole(rng, kind.new_value), customer.age)
        more = max(1, customer.value // rng.randrange(5, 12))
        if rng.random() < 0.5:
            deals.opportunity(f"{name} - More seats", UPGRADE, "Closed Won", days_ago, more, 40)
        else:
            # One licence for all, so that the seats bought stay the seats of the platform.
            deals.asset(rng.choice(_ADD_ONS), 1, more, days_ago, ends, "Installed")
    if kind.name in _GROWING and rng.random() < 0.35:
        deals.opportunity(f"{name} - Second team", UPGRADE, "Qualification", -60, first // 3, 75)
    elif rng.random() < 0.08:
        lost = rng.randrange(20, 400)
        deals.opportunity(f"{name} - Second team", UPGRADE, "Closed Lost", lost, first // 3, 50)
    if kind.name == _SHRINKING and rng.random() < 0.4:
        deals.opportunity(f"{name} - Fewer seats", DOWNGRADE, "Qualification", -50, first // 2, 62)


def _name_people(customer: Customer, deal: str, rows: Rows) -> None:
    """Name the deciding contacts on the deal just added."""
    named = rows.records["Opportunity"][-1]["CreatedDate"]
    people = [p for p in customer.people if p.role]
    for number, person in enumerate(people):
        rows.add(
            "OpportunityContactRole",
            named,
            OpportunityId=deal,
            ContactId=person.id,
            Role=DEAL_ROLES[person.role],
            IsPrimary=number == 0,
        )
