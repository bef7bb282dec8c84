"""`crm-health demo`: the main job on a CRM that runs on this machine, told step by step.

The CRM is the sandbox, reached over HTTP; crm-health runs in processes of its own, as installed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from connectors.sandbox import datasets, story
from connectors.sandbox.crms import CRMS, Crm
from connectors.sandbox.demo_data import tell_data
from connectors.sandbox.demo_first import first_sync
from connectors.sandbox.demo_text import Screen, bands, change_line, work_line, written
from connectors.sandbox.demo_worker import Worker, exports
from connectors.sandbox.handle import Sandbox

#: The sandbox's clock stands here, so that the same seed tells the same story on any day.
NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
_DAY = 24 * 3600.0
_WORK = ("escalation", "errand", "task", "close_escalation", "clear_escalation", "close_task")
_CUSTOMERS = 0.75


@click.command()
@click.option(
    "--accounts", type=click.IntRange(min=1), default=400, show_default=True,
    help="Accounts of the company; three in four are customers.",
)  # fmt: skip
@click.option(
    "--crm", "name", type=click.Choice(list(CRMS)), default="salesforce", show_default=True,
    help="The CRM that the company is in.",
)  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="Same seed, same company.")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Use the data set in this folder instead.",
)
@click.option("--keep", is_flag=True, help="Keep the CRM running until Ctrl-C, to look around.")
def demo(accounts: int, name: str, seed: int, data: Path | None, *, keep: bool) -> None:
    """Show the main job on a CRM that runs on this machine. Needs no network, no login."""
    screen, crm = Screen(), CRMS[name]
    if data is not None:
        if crm.name != "salesforce":
            raise click.UsageError(
                "The data sets are told in Salesforce's records: --data goes without --crm."
            )
        try:
            found = datasets.load(data)
        except datasets.DatasetError as error:
            raise click.UsageError(str(error)) from None
        with _running(found.as_of) as (box, folder):
            worker = tell_data(screen, box, folder, found)
            _end(screen, box, worker, keep=keep)
        return
    with _running(NOW) as (box, folder):
        worker = Worker(crm.variables(box.url), folder / "state" / "demo.db")
        tell = story.build_story(
            seed=seed, accounts=accounts, customers=round(accounts * _CUSTOMERS), now=NOW
        )
        _first_day(screen, box, crm, worker, tell)
        if story.second_day(tell):
            _second_day(screen, box, crm, worker, tell)
        _again(screen, box, crm, worker)
        _end(screen, box, worker, keep=keep)


@contextmanager
def _running(now: datetime) -> Iterator[tuple[Sandbox, Path]]:
    """A sandbox with its clock standing at `now`, and a folder that goes when it ends."""
    with (
        tempfile.TemporaryDirectory(prefix="crm-health-demo-") as folder,
        Sandbox.start(now=now, frozen=True) as box,
    ):
        yield box, Path(folder)


def _first_day(screen: Screen, box: Sandbox, crm: Crm, worker: Worker, tell: story.Story) -> None:
    count = len(tell.records["Account"])
    crm.load(box, tell)
    screen.say(
        f"A company with {count} accounts and two years of history, in a {crm.label} sandbox on "
        f"this machine. Its clock stands at {tell.now:%d %b %Y, %H:%M} UTC."
    )
    screen.say(f"All: {bands(first_sync(screen, worker, crm))}.")


def _second_day(screen: Screen, box: Sandbox, crm: Crm, worker: Worker, tell: story.Story) -> None:
    screen.say("\nPeople work in the CRM:")
    said: list[str] = []
    for change in story.second_day(tell):
        crm.save(box, change)
        if change.says not in said:
            said.append(change.says)
            screen.say(f"  {change.says}")
    box.advance(_DAY)
    screen.say(f"A day passes: it is {box.clock():%d %b %Y, %H:%M} UTC in the CRM.")
    result = worker.sync(screen)
    rows: list[dict[str, Any]] = worker.json("runs", "show", "last")["rows"]
    fields = [row for row in rows if row["kind"] == "fields"]
    if fields:
        headings = ("account", ">score", "band", "what changes", "top reason")
        screen.table(headings, [change_line(row) for row in fields])
    for row in rows:
        if row["kind"] in _WORK:
            screen.say(work_line(row))
    _edits(screen, result, rows)
    screen.say(written(result))


def _edits(screen: Screen, result: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """People's edits of our fields, and what was done about each."""
    by_account = {row["account_id"]: row for row in rows if row["kind"] == "fields"}
    for edit in result["edits"]:
        row = by_account.get(edit["account_id"])
        name = (row and row["name"]) or edit["account_id"]
        now = row.get(edit["output"]) if row else None
        done = f"put back to {now[1]}" if now else "left as it is"
        screen.say(
            f"  a person's edit: {name}: {edit['output']} said {edit['shown'] or 'nothing'}; {done}"
        )


def _again(screen: Screen, box: Sandbox, crm: Crm, worker: Worker) -> None:
    if crm.settles:
        box.advance(crm.settles)
        screen.say(f"A minute passes, and {crm.label}'s search knows what was written.")
    screen.say(written(worker.sync(screen)))


def _end(screen: Screen, box: Sandbox, worker: Worker, *, keep: bool) -> None:
    if not keep:
        screen.say(
            "\nTo look around: crm-health demo --keep, then crm-health plan, explain ACCOUNT, "
            "runs show last in another terminal."
        )
        return
    box.freeze(frozen=False)
    screen.say("\nThe CRM keeps running, and its clock too. In another terminal:\n")
    for line in exports(worker.variables):
        screen.say(line)
    screen.say(
        "\nThen: crm-health accounts, explain ACCOUNT, plan, runs show last. Ctrl-C ends it here."
    )
    try:
        box.wait()
    except KeyboardInterrupt:
        screen.say("Stopped.")
