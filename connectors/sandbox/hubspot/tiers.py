"""What a subscription allows: calls, pipelines, properties, custom objects."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tier:
    """The allowances of one edition. The service changes them: these are for tests to meet."""

    name: str
    burst: int
    """Calls in ten seconds, for each app."""
    daily: int | None
    """Calls a day for the account, all apps together; None where no such figure is told."""
    pipelines: int
    """Of deals, and as many of tickets."""
    properties: int
    """Of the portal's own, for each object type."""
    custom_objects: int = 0
    search: int = 5
    """Searches a second for the account, whoever asks."""
    labels: int = 10
    """Association labels of the portal's own, for each pair of object types."""
    records: int = 15_000_000
    """Of each object type."""

    @property
    def secondly(self) -> int:
        """The figure of the deprecated header; nothing holds a client to it."""
        return self.burst // 10


TIERS = {
    tier.name: tier
    for tier in (
        Tier("free", 100, 250_000, pipelines=1, properties=10, records=1_000_000),
        Tier("starter", 100, 250_000, pipelines=2, properties=1_000),
        Tier("professional", 190, 625_000, pipelines=15, properties=1_000),
        Tier("enterprise", 190, 1_000_000, pipelines=100, properties=1_000, custom_objects=10),
        # Enterprise with the limit increase that is for sale.
        Tier("increased", 250, 2_000_000, pipelines=100, properties=1_000, custom_objects=10),
        # An app of the marketplace has an allowance of its own, and is told no daily one.
        Tier("marketplace", 110, None, pipelines=15, properties=1_000),
    )
}


def tier(name: str) -> Tier:
    """The tier of that name. Raises ValueError with the names that there are."""
    if name not in TIERS:
        raise ValueError(f"unknown tier {name!r}: one of {', '.join(TIERS)}")
    return TIERS[name]
