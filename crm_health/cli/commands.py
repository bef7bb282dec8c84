"""Which commands there are: ours, and those that installed packages add."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

import click

GROUP = "crm_health.commands"
#: Command to the module that holds it under the same name, loaded when asked for: a command
#: should not wait for the libraries of the others.
_OURS = {
    "accounts": "accounts",
    "config": "config",
    "explain": "explain",
    "flaps": "flaps",
    "migrate": "migrate",
    "model": "model",
    "plan": "sync",
    "runs": "runs",
    "setup": "setup",
    "status": "status",
    "sync": "sync",
}


class Commands(click.Group):
    """The group of all commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        """Every name, sorted."""
        return sorted({*_OURS, *self._added()})

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click passes it
        cmd_name: str,
    ) -> click.Command | None:
        """The command of that name; ours win over added ones."""
        module = _OURS.get(cmd_name)
        if module is not None:
            found = getattr(import_module(f"crm_health.cli.{module}"), cmd_name)
        else:
            point = self._added().get(cmd_name)
            if point is None:
                return None
            try:
                found = point.load()
            except (ImportError, AttributeError) as error:
                return _broken(point, error)
        return found if isinstance(found, click.Command) else None

    @staticmethod
    def _added() -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=GROUP)}


def _broken(point: EntryPoint, error: Exception) -> click.Command:
    """A stand-in, so that one package's mistake does not take the help away from all."""
    text = f"{point.value} can't be loaded ({type(error).__name__}): install its package again."

    def refuse(**_: object) -> None:
        raise click.ClickException(text)

    return click.Command(point.name, callback=refuse, help=text)
