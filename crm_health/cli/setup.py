"""`crm-health setup`: make what the mapping needs in the CRM."""

from __future__ import annotations

import click

from crm_health.cli.context import Context
from crm_health.cli.output import as_json, say, show
from crm_health.connector import Step
from crm_health.report.words import counted


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what is missing.")
@click.option("--json", "form", is_flag=True, help="Print the steps as JSON.")
@click.pass_obj
def setup(context: Context, *, dry_run: bool, form: bool) -> int:
    """Make the fields, objects and rights that crm-health needs. Run twice, it does nothing.

    Needs an administrator's credentials; the docs name the variables.
    """
    provisioner = context.provisioner()
    try:
        before = provisioner.missing()
        todo = [step for step in before if not step.done and not step.not_here]
        after = provisioner.apply() if todo and not dry_run else before
    finally:
        provisioner.close()
    # What was tried may have turned out to be impossible here, and become something else instead.
    there = {_named(step) for step in before if step.done}
    changed = todo if dry_run else [s for s in after if s.done and _named(s) not in there]
    refused = [step for step in after if step.not_here]
    if form:
        as_json(
            {
                "changed": bool(changed) and not dry_run,
                "missing": [{"what": step.what, "name": step.name} for step in changed],
                "not_here": [
                    {"what": step.what, "name": step.name, "why": step.not_here} for step in refused
                ],
                "there": len(there),
            }
        )
        return 0
    show([f"{step.what}: {step.name}" for step in changed])
    show([f"not here: {step.what} {step.name}: {step.not_here}" for step in refused])
    checked = len([step for step in before if not step.not_here])
    if not changed:
        say(f"Nothing is missing: {counted(checked, 'thing')} checked. Next: crm-health plan")
    elif dry_run:
        say(f"{counted(len(changed), 'step')} to do. Nothing was changed: run `crm-health setup`.")
    else:
        say(f"{counted(len(changed), 'step')} done. Next: crm-health plan")
    return 0


def _named(step: Step) -> tuple[str, str]:
    return step.what, step.name
