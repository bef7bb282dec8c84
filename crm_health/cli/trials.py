"""Models named on the command line, tried on the local database."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

import click
import polars as pl

from crm_health.cli.context import Context
from crm_health.config.load import DEFAULT, Config
from crm_health.config.load import load as load_config
from crm_health.config.problems import ConfigProblems, Severity
from crm_health.health.model_diff import diff
from crm_health.report.model_changes import changes
from crm_health.report.model_diff import Told
from crm_health.store import Store
from crm_health.sync import models, trial
from crm_health.sync.trial import Trial

#: Names for the model in use and for the packaged one.
CURRENT, PACKAGED = "current", "default"
_FILE, _PLAYBOOK = "model.yaml", "playbook.yaml"


def with_model(context: Context, name: str) -> Config:
    """The configuration in use, with another model.

    Args:
        context: Of the command.
        name: `current`, `default`, a file, or a folder that holds a model.yaml; if it has a
            playbook too, that goes with it.

    Raises:
        ConfigProblems: all mistakes of it at once.
    """
    if name == CURRENT:
        return context.config
    settings = context.settings
    if name == PACKAGED:
        ours = Path(str(resources.files("mappings")))
        model = {_FILE: ours / _FILE}
        try:
            packaged = load_config(settings.config, crm=settings.crm, instead=model)
        except ConfigProblems as error:
            errors = (p for p in error.problems if p.severity is Severity.ERROR)
            if any(problem.file != _PLAYBOOK for problem in errors):
                raise
            # A playbook for another model: the packaged one goes with its own.
            both = {**model, _PLAYBOOK: ours / _PLAYBOOK}
            packaged = load_config(settings.config, crm=settings.crm, instead=both)
        return replace(packaged, files={**packaged.files, _FILE: DEFAULT})
    given = Path(name)
    path = given / _FILE if given.is_dir() else given
    if not path.is_file():
        raise click.BadParameter(
            f"there is no file {path}; `{CURRENT}` and `{PACKAGED}` name the model in use and "
            "the packaged one"
        )
    instead = {_FILE: path}
    if given.is_dir() and (given / _PLAYBOOK).is_file():
        instead[_PLAYBOOK] = given / _PLAYBOOK
    return load_config(settings.config, crm=settings.crm, instead=instead)


def difference(store: Store, context: Context, old: str, new: str) -> Told:
    """Try two models, and hold one against the other."""
    configs = with_model(context, old), with_model(context, new)
    tried = [trial.run(store, config) for config in configs]
    bands = [band.name for config in reversed(configs) for band in config.model.bands]
    as_of = tried[1].setting.as_of
    return Told(
        old=_title(configs[0], old),
        new=_title(configs[1], new),
        as_of=f"{as_of:%Y-%m-%d %H:%M} UTC",
        changes=changes(configs[0].model, configs[1].model),
        diff=diff(tried[0].accounts, tried[1].accounts),
        bands=list(dict.fromkeys(bands)),
        rules=_rules(*tried),
        objection=models.objection(store, configs[1]),
    )


def _title(config: Config, name: str) -> str:
    if name == PACKAGED or config.files.get(_FILE) == DEFAULT:
        return "the packaged model"
    return "the model in use" if name == CURRENT else name


def _rules(old: Trial, new: Trial) -> list[dict[str, object]]:
    """What opens and closes under one of the two only, by rule."""
    found: dict[tuple[str, str], dict[str, object]] = {}
    for name, mine, others in (
        ("opens", new.opens, old.opens),
        ("opens_no_more", old.opens, new.opens),
        ("closes", new.clears, old.clears),
        ("closes_no_more", old.clears, new.clears),
    ):
        only = mine.unique(["account_id", "rule"]).join(
            others, on=["account_id", "rule"], how="anti"
        )
        for rule, does, count in only.group_by("rule", "does").agg(pl.len()).iter_rows():
            empty = {"rule": rule, "does": does, "opens": 0, "opens_no_more": 0}
            row = found.setdefault((rule, does), {**empty, "closes": 0, "closes_no_more": 0})
            row[name] = count
    return [found[key] for key in sorted(found)]
