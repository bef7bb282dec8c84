"""What nobody can know here, since the mapping brings nothing for it, and what that keeps quiet."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC

from crm_health.config import expressions, figures, trials
from crm_health.config.columns import columns_for, days_name
from crm_health.config.domains import ABSENT
from crm_health.config.expressions import ColumnKind, ExpressionError
from crm_health.config.mapping import Mapping
from crm_health.config.model import Model
from crm_health.config.playbook import Playbook
from crm_health.config.samples import Domains
from crm_health.entities import ENTITIES, Kind

Columns = MappingABC[str, ColumnKind]


def quiet_alerts(
    mapping: Mapping, model: Model, playbook: Playbook, columns: Columns, domains: Domains
) -> dict[str, list[str]]:
    """The alerts that can never open for lack of data, with what is not mapped of each.

    Args:
        mapping: what is read.
        model: whose facts the alerts read.
        playbook: whose alerts.
        columns: what alerts may read.
        domains: what that can hold, as far as it is known.

    Returns:
        Rule to names: entities (`incident`) and columns (`usage.seats`), sorted.
    """
    lacks = _lacks(mapping, model, columns, domains)
    known = {**domains, **dict.fromkeys(lacks, ABSENT)}
    found: dict[str, list[str]] = {}
    for rule, alert in playbook.alerts.items():
        read = _read(alert.when, columns)
        kinds = _kinds(read, columns)
        if read & lacks.keys() and kinds and not trials.possible(alert.when, kinds, known):
            found[rule] = sorted(set().union(*(lacks[name] for name in read & lacks.keys())))
    return found


def _lacks(
    mapping: Mapping, model: Model, columns: Columns, domains: Domains
) -> dict[str, frozenset[str]]:
    """Names that are missing for every account, each with what is not mapped.

    As the engine has it (`health.evidence.availability`): a derived fact is missing where all the
    evidence is that it reads, whatever stands in for it.
    """
    away = _unmapped("account", mapping)
    found = {name: frozenset({f"account.{column}"}) for name, column in away.items()}
    for name, fact in model.facts.items():
        if ENTITIES[fact.source].ours:
            continue
        if fact.source not in mapping.read:
            found[name] = frozenset({fact.source})
            continue
        away = _unmapped(fact.source, mapping)
        own = columns_for(fact.source, mapping)
        read = _read(fact.take, own, "aggregate") | _read(fact.where or "true", own)
        if read & away.keys():
            found[name] = frozenset(
                f"{fact.source}.{away[column]}" for column in read & away.keys()
            )
    found |= _ranks(columns, found)
    for name, text in model.derived.items():
        read = _read(text, columns)
        known = {**domains, **dict.fromkeys(found, ABSENT)}
        kinds, evidence = _kinds(read, columns), read & {*model.facts, *model.derived}
        blind = bool(evidence) and evidence <= found.keys()
        if blind or (read & found.keys() and kinds and not trials.gives(text, kinds, known)):
            found[name] = frozenset().union(*(found[other] for other in read & found.keys()))
        found |= _ranks(columns, found)
    return found


def _ranks(columns: Columns, found: MappingABC[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """What nobody can know has no rank either."""
    about = {name: figures.figure(name, found) for name in columns}
    return {name: found[one.of] for name, one in about.items() if one and one.kind == "rank"}


def _unmapped(entity: str, mapping: Mapping) -> dict[str, str]:
    """What no feed brings, and what is reckoned from that; each with the column to map."""
    feeds, about = mapping.read.get(entity, ()), ENTITIES[entity]
    brought = {name for feed in feeds for name in (*feed.columns, *feed.extra)}
    # Where a case has no SLA, hours by priority give one.
    brought |= {"sla_due_at" for feed in feeds if feed.sla_hours}
    away = [column for column in about.columns if column.name not in brought]
    found = {column.name: column.name for column in away}
    for column in away:
        if column.kind in (Kind.DATE, Kind.INSTANT):
            found[days_name(column.name)] = column.name
        if column.name == about.main_date:
            found |= dict.fromkeys(("age_days", "window_days"), column.name)
        if column.name == "contact_id":
            found["contact_role"] = column.name
    return found


def _read(text: str, columns: Columns, role: expressions.Role = "row") -> frozenset[str]:
    try:
        return expressions.compile(text, columns, role=role).columns
    except ExpressionError:
        # Told where the expression stands.
        return frozenset()


def _kinds(names: frozenset[str], columns: Columns) -> dict[str, Kind] | None:
    """Their kinds; None where one is not known."""
    found = {name: columns[name] for name in names}
    return None if "any" in found.values() else {n: Kind(kind) for n, kind in found.items()}
