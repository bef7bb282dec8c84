"""`crm-health config`: is the configuration right."""

from __future__ import annotations

import click

from crm_health.cli.context import Context
from crm_health.cli.output import as_json, say, show, with_format
from crm_health.config.problems import ConfigProblems
from crm_health.config.touches import is_touch

WRONG = ConfigProblems.exit_code


@click.group()
def config() -> None:
    """The mapping, the model and the playbook."""


@config.command()
@with_format("text")
@click.pass_obj
def check(context: Context, form: str) -> int:
    """Check all files at once and name every problem with its place. Reads no CRM."""
    try:
        found = context.config
    except ConfigProblems as error:
        if form == "json":
            problems = [problem.json() for problem in error.problems]
            as_json({"ok": False, "exit": WRONG, "problems": problems, "files": {}})
        else:
            show([error.render()])
        return WRONG
    if form == "json":
        warnings = [problem.json() for problem in found.warnings]
        as_json(
            {
                "ok": True,
                "exit": 0,
                "problems": warnings,
                "notes": [problem.json() for problem in found.notes],
                "files": dict(found.files),
                "digest": found.digest,
            }
        )
        return 0
    show([problem.text() for problem in (*found.warnings, *found.notes)])
    show([f"{name}: fine ({origin})" for name, origin in found.files.items()])
    model = found.model
    alerts = [rule for rule in found.playbook.alerts if not is_touch(rule)]
    say(
        f"{len(model.facts)} facts, {len(model.measures)} measures, {len(model.models)} models, "
        f"{len(alerts)} alerts. Fingerprint {found.digest}."
    )
    return 0
