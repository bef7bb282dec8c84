"""The first sync of a CRM that has not met crm-health before, and the customers after it."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.crms import Crm
from connectors.sandbox.demo_text import Screen, account_line, selection, written
from connectors.sandbox.demo_worker import Worker

_HEADINGS = ("account", "name", ">score", "band", "trend", "top reason")


def first_sync(screen: Screen, worker: Worker, crm: Crm) -> list[dict[str, Any]]:
    """Set up, sync, and show a dozen customers of every band; returns them all."""
    screen.command("crm-health setup")
    made = worker.json("setup")
    screen.say(f"{len(made['missing'])} things made: {crm.things} of our own.")
    result = worker.sync(screen)
    screen.say(
        f"{sum(result['read'].values()):,} records read. {result['customers']:,} of "
        f"{result['accounts']:,} accounts are customers."
    )
    screen.say(written(result))
    screen.command("crm-health accounts")
    accounts: list[dict[str, Any]] = worker.json("accounts")
    chosen = selection(accounts)
    screen.table(_HEADINGS, [account_line(row) for row in chosen])
    screen.say(f"{len(chosen)} of {len(accounts):,} customers are shown.")
    return accounts
