"""What a portal is besides its records: the account, who may call and how often, its people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.clock import Clock
from connectors.sandbox.hubspot.limiter import Limiter
from connectors.sandbox.hubspot.owner import Owner, Owners
from connectors.sandbox.hubspot.pipeline import Pipeline, Pipelines
from connectors.sandbox.hubspot.schema import Schema, Schemas
from connectors.sandbox.hubspot.tiers import Tier, tier
from connectors.sandbox.hubspot.tokens import Tokens

PORTAL_ID = 20858235


@dataclass(frozen=True)
class Account:
    """The account as its details show it."""

    portal_id: int = PORTAL_ID
    kind: str = "STANDARD"
    zone: str = "UTC"
    currency: str = "USD"
    other_currencies: tuple[str, ...] = ()
    hosting: str = "na1"


@dataclass(frozen=True)
class Saved:
    """What goes with a portal's snapshots. Tokens, limits and the account stay as they are."""

    pipelines: dict[str, dict[str, Pipeline]]
    owners: dict[str, Owner]
    schemas: dict[str, Schema]


class Service:
    """The parts of a portal that are no records."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.account = Account()
        self.tokens = Tokens(clock)
        self.limiter = Limiter(clock, tier("professional"), self.account.zone)
        self.pipelines = Pipelines()
        self.owners = Owners()
        self.schemas = Schemas()

    @property
    def tier(self) -> Tier:
        """What the account's subscription allows."""
        return self.limiter.tier

    def now(self) -> datetime:
        """The present instant in the account's zone."""
        return self.clock.now().astimezone(ZoneInfo(self.account.zone))

    def set(self, **changes: Any) -> None:
        """Change the account's details, or with `tier` and `burst` what it allows, by name.

        Raises ValueError, TypeError or ZoneInfoNotFoundError for what there is not.
        """
        allowed = tier(changes.pop("tier")) if "tier" in changes else self.tier
        if "burst" in changes:
            allowed = replace(allowed, burst=int(changes.pop("burst")))
        account = replace(self.account, **changes)
        ZoneInfo(account.zone)
        self.account, self.limiter.zone, self.limiter.tier = account, account.zone, allowed

    def save(self) -> Saved:
        """A copy of what belongs to snapshots."""
        return Saved(self.pipelines.save(), self.owners.save(), self.schemas.save())

    def restore(self, saved: Saved) -> None:
        """Back to a copy."""
        self.pipelines.restore(saved.pipelines)
        self.owners.restore(saved.owners)
        self.schemas.restore(saved.schemas)

    def reset(self) -> None:
        """As in a new portal."""
        self.account = Account()
        self.limiter = Limiter(self.clock, tier("professional"), self.account.zone)
        for part in (self.tokens, self.pipelines, self.owners, self.schemas):
            part.reset()
