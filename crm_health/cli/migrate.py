"""`crm-health migrate`: bring the local database to this version's tables."""

from __future__ import annotations

import click

from crm_health.cli.context import Context
from crm_health.cli.output import show


@click.command()
@click.pass_obj
def migrate(context: Context) -> int:
    """Create the local database, or bring it up to date. A sync does the same when it starts."""
    with context.store() as store:
        show([f"{context.settings.state_path}: schema {store.schema_version()}"])
    return 0
