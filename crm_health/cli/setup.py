"""`crm-health setup`: make what the mapping needs in the CRM."""

from __future__ import annotations

import click

from crm_health.cli.context import Context
from crm_health.cli.output import as_json, say, show
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
        steps = provisioner.missing()
        todo = [step for step in steps if not step.done]
        if todo and not dry_run:
            provisioner.apply()
    finally:
        provisioner.close()
    if form:
        as_json(
            {
                "changed": bool(todo) and not dry_run,
                "missing": [{"what": step.what, "name": step.name} for step in todo],
                "there": len(steps) - len(todo),
            }
        )
        return 0
    show([f"{step.what}: {step.name}" for step in todo])
    if not todo:
        say(f"Nothing is missing: {counted(len(steps), 'thing')} checked. Next: crm-health plan")
    elif dry_run:
        say(f"{counted(len(todo), 'step')} to do. Nothing was changed: run `crm-health setup`.")
    else:
        say(f"{counted(len(todo), 'step')} done. Next: crm-health plan")
    return 0
