"""A believable small B2B software company, seeded: what the sandbox holds when it starts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.sandbox.story.changes import Change, second_day
from connectors.sandbox.story.company import Story, build_story

__all__ = ["Change", "Story", "build", "build_story", "second_day"]


def build(
    *, seed: int, accounts: int = 400, customers: int = 300, now: datetime
) -> dict[str, list[dict[str, Any]]]:
    """The company's records alone, by object name, ready to be loaded: see `build_story`."""
    return build_story(seed=seed, accounts=accounts, customers=customers, now=now).records
