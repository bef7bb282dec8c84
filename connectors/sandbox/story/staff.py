"""The vendor's own people: the users who own accounts, cases and activities."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random

from connectors.sandbox.story.names import person
from connectors.sandbox.story.rows import Rows
from connectors.sandbox.story.timeline import Timeline

_TENURE_DAYS = 1500
_MAIL_DOMAIN = "vendor.example.com"


@dataclass(frozen=True)
class Staff:
    """User ids by job."""

    csms: tuple[str, ...]
    sellers: tuple[str, ...]
    agents: tuple[str, ...]
    managers: tuple[str, ...]
    left: str

    def csm(self, plan: str, rng: Random) -> str | None:
        """The CSM of a new account; one in five digital accounts has none."""
        named = {"strategic": self.csms[:3], "growth": self.csms[3:6]}
        if plan in named:
            return rng.choice(named[plan])
        return None if rng.random() < 0.2 else rng.choice(self.csms[6:])


def hire(rows: Rows, timeline: Timeline, rng: Random) -> Staff:
    """Add the users: a head, two managers, 8 CSMs, 6 sellers, 4 agents, and one who has left."""
    start = timeline.stamp(timeline.day(_TENURE_DAYS), rng)

    def add(title: str, department: str, manager: str | None, *, active: bool = True) -> str:
        first, last = person(rng)
        number = len(rows.records["User"]) + 1
        mail = f"{first}.{last}.{number}".lower() + f"@{_MAIL_DOMAIN}"
        return rows.add(
            "User",
            start,
            start + timedelta(days=rng.randrange(_TENURE_DAYS - 60)),
            FirstName=first,
            LastName=last,
            Name=f"{first} {last}",
            Alias=f"{first[:3]}{last[:3]}{number}".lower()[:8],
            Username=mail,
            Email=mail,
            Title=title,
            Department=department,
            IsActive=active,
            ManagerId=manager,
            UserType="Standard",
            TimeZoneSidKey="America/New_York",
        )

    head = add("Chief Customer Officer", "Customer Success", None)
    success = add("Director, Customer Success", "Customer Success", head)
    sales = add("Director, Sales", "Sales", head)
    return Staff(
        managers=(head, success, sales),
        csms=tuple(add("Customer Success Manager", "Customer Success", success) for _ in range(8)),
        sellers=tuple(add("Account Executive", "Sales", sales) for _ in range(6)),
        agents=tuple(add("Support Engineer", "Support", success) for _ in range(4)),
        left=add("Account Executive", "Sales", sales, active=False),
    )
