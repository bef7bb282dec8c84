"""`crm-health migrate`: bring the state to this version's tables."""

from __future__ import annotations

import click

from crm_health.cli.context import Context
from crm_health.cli.output import show


@click.command()
@click.pass_obj
def migrate(context: Context) -> int:
    """Create the state, or bring it up to date. A sync does the same when it starts."""
    with context.store() as store:
        show([f"{context.location}: schema {store.schema_version()}"])
    return 0
