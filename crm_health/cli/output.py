"""How commands speak: data to stdout, talk to stderr, nothing that commands a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO, TypeVar

import click
import orjson
from rich.console import Console, RenderableType
from rich.text import Text

from crm_health.logs import printable

#: Width of tables where no terminal tells its own.
WIDTH = 132

_Command = TypeVar("_Command", bound=Callable[..., Any])


def with_format(plain: str) -> Callable[[_Command], _Command]:
    """Options that give a command its `form`: `--json` as everywhere, and `--format` in long."""

    def decorate(command: _Command) -> _Command:
        short = click.option(
            "--json", "form", flag_value="json", default=plain, help="The same as --format json."
        )
        long = click.option(
            "--format", "form", type=click.Choice([plain, "json"]), default=plain, show_default=True
        )
        return long(short(command))

    return decorate


def with_table_format(command: _Command) -> _Command:
    """The option `form` of reports that are tables."""
    option = click.option(
        "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table",
        show_default=True,
    )  # fmt: skip
    return option(command)


def as_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    click.echo(_json(value))


def as_json_with(value: Mapping[str, Any], name: str, rows: Iterable[Any]) -> None:
    """Print an object as JSON on stdout, with a last member that is too long to build whole."""
    end = "\n}"
    click.echo(f'{_json(value).removesuffix(end)},\n  "{name}": [', nl=False)
    before = ""
    for row in rows:
        indented = _json(row).replace("\n", "\n    ")
        click.echo(f"{before}\n    {indented}", nl=False)
        before = ","
    click.echo(f"\n  ]{end}" if before else f"]{end}")


def _json(value: Any) -> str:
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, option=options, default=str).decode()


def show(parts: Iterable[RenderableType]) -> None:
    """Print texts and tables on stdout, wrapped to the terminal."""
    console = _console(sys.stdout)
    for part in parts:
        if isinstance(part, str):
            console.print(Text(_safe(part)), soft_wrap=not console.is_terminal)
        else:
            console.print(part)


def say(*lines: str) -> None:
    """Print lines of talk on stderr."""
    for line in lines:
        click.echo(_safe(line), err=True)


class _Console(Console):
    """Leaves a closed pipe to the boundary, as `click.echo` does: rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else WIDTH
    return _Console(file=stream, highlight=False, markup=False, emoji=False, width=width)


def _safe(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))
