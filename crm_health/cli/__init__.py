"""The command line, `crm-health`: data on stdout, talk on stderr, an exit code for each end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from crm_health import logs, settings
from crm_health.cli import boundary
from crm_health.cli.commands import Commands
from crm_health.cli.context import Context


@click.group(
    cls=Commands,
    context_settings={
        "auto_envvar_prefix": "CRM_HEALTH",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
)
@click.option("--crm", show_envvar=True, help="Name of the connector. [default: salesforce]")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    show_envvar=True,
    help="Folder of <crm>.yaml, model.yaml and playbook.yaml; ours stand in for those it lacks.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    show_envvar=True,
    help="The local database file. [default: crm-health/<crm>.db in the user's state folder]",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    show_envvar=True,
    help="JSON log lines on stderr. [default: none on a terminal, else info]",
)
@click.option("-v", "--verbose", is_flag=True, help="The same as --log-level info.")
@click.version_option(package_name="crm-health")
@click.pass_context
def cli(
    ctx: click.Context,
    crm: str | None,
    config: Path | None,
    state: Path | None,
    log_level: str | None,
    *,
    verbose: bool,
) -> None:
    """Works out the health of your customers and keeps it in your CRM's own fields."""
    level = log_level or ("info" if verbose else None)
    found = settings.load(crm=crm, config=config, state=state, log_level=level)
    fallback = None if sys.stderr.isatty() else "info"
    logs.setup(found.log_level or fallback, sys.stderr)
    ctx.obj = Context(found)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(boundary.run(cli, argv))
