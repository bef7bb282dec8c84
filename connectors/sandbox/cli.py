"""`crm-health sandbox`: a CRM on this machine to try things on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, TypeVar

import click
import requests

if TYPE_CHECKING:
    from connectors.sandbox.handle import Sandbox

T = TypeVar("T")
DEFAULT_PORT = 8765
#: Usage rows a customer of a volume: enough for most to be scored.
_USAGE = 8
_data = click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Load a data set from this folder instead of the story.",
)


@click.group()
def sandbox() -> None:
    """A CRM on this machine that speaks Salesforce's and HubSpot's protocols."""


_crm = click.option(
    "--crm",
    # As `crms.CRMS`, which is not imported here: see `start`.
    type=click.Choice(["salesforce", "hubspot"]),
    default="salesforce",
    show_default=True,
    help="The CRM to fill, and to point crm-health at; the other one stays empty.",
)
_volume = click.option(
    "--volume",
    type=click.IntRange(min=1),
    help="Instead of the story a plain company of so many accounts, for measuring.",
)


@sandbox.command()
@click.option("--port", default=DEFAULT_PORT, show_default=True, help="Port on 127.0.0.1.")
@click.option("--accounts", default=400, show_default=True, help="Accounts of the story.")
@click.option("--seed", default=1, show_default=True, help="Same seed, same company.")
@_crm
@_data
@_volume
@click.option("--empty", is_flag=True, help="Start with no records.")
def start(
    port: int,
    accounts: int,
    seed: int,
    crm: str,
    data: Path | None,
    volume: int | None,
    *,
    empty: bool,
) -> None:
    """Serve until Ctrl-C. Nothing is kept when it stops."""
    # Imported here: the server and the story are heavy, and most commands need neither.
    from connectors.sandbox.crms import CRMS  # noqa: PLC0415
    from connectors.sandbox.handle import Sandbox  # noqa: PLC0415

    _check(crm, data)
    box = Sandbox.start(port)
    try:
        if not empty:
            counts = _fill(box, crm, accounts, seed, data, volume)
            click.echo(f"Loaded {sum(counts.values())} records: {_summary(counts)}.")
        click.echo(f"Sandbox at {box.url}. To use it, in another terminal:\n")
        for name, value in CRMS[crm].variables(box.url).items():
            click.echo(f"export {name}={value}")
        # Each sandbox is an org of its own, with its state.
        click.echo(f"export CRM_HEALTH_STATE={mkdtemp(prefix='crm-health-sandbox-')}/state.db\n")
        click.echo("These secrets are public and open nothing else. Stop with Ctrl-C.")
        box.wait()
    except KeyboardInterrupt:
        click.echo("Sandbox stopped.")
    finally:
        box.close()


@sandbox.command()
@click.option("--port", default=DEFAULT_PORT, show_default=True)
@click.option("--accounts", default=400, show_default=True)
@click.option("--seed", default=1, show_default=True)
@_crm
@_data
@_volume
def load(
    port: int, accounts: int, seed: int, crm: str, data: Path | None, volume: int | None
) -> None:
    """Load the story, or a data set, into a running sandbox."""
    # Imported here: see `start`.
    from connectors.sandbox.handle import Sandbox  # noqa: PLC0415

    _check(crm, data)
    box = Sandbox(f"http://127.0.0.1:{port}")
    counts = _reach(port, lambda: _fill(box, crm, accounts, seed, data, volume))
    click.echo(f"Loaded {sum(counts.values())} records: {_summary(counts)}.")


@sandbox.command()
@click.option("--port", default=DEFAULT_PORT, show_default=True)
def reset(port: int) -> None:
    """Empty a running sandbox."""
    # Imported here: see `start`.
    from connectors.sandbox.handle import Sandbox  # noqa: PLC0415

    _reach(port, Sandbox(f"http://127.0.0.1:{port}").reset)
    click.echo("The sandbox is empty.")


def _check(crm: str, data: Path | None) -> None:
    if data is not None and crm != "salesforce":
        raise click.UsageError(
            "The data sets are told in Salesforce's records: --data goes without --crm."
        )


def _fill(
    box: Sandbox, crm: str, accounts: int, seed: int, data: Path | None, volume: int | None
) -> dict[str, int]:
    """Load the story, a data set or a volume; returns records by object."""
    if volume is not None:
        if crm == "hubspot":
            return box.hubspot.volume(volume, seed)
        return box.volume(volume, seed, usage=_USAGE)
    # Imported here: both build on data frames, which take a while to import.
    from connectors.sandbox import datasets, story  # noqa: PLC0415
    from connectors.sandbox.crms import CRMS  # noqa: PLC0415

    if data is not None:
        found = datasets.load(data)
        box.clock(found.as_of)
        box.load(found.records)
        return {name: len(rows) for name, rows in found.records.items()}
    customers = round(accounts * 0.75)
    told = story.build_story(seed=seed, accounts=accounts, customers=customers, now=box.clock())
    return CRMS[crm].load(box, told)


def _summary(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))


def _reach(port: int, action: Callable[[], T]) -> T:
    try:
        return action()
    except requests.ConnectionError:
        raise click.ClickException(
            f"No sandbox answers on port {port}. Start one: crm-health sandbox start"
        ) from None
