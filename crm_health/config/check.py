"""All three files held against each other: what each one's shape can't tell."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crm_health.config import domains, figures, names
from crm_health.config.check_mapping import check_mapping
from crm_health.config.check_model import ModelNames, check_model, counts, unused
from crm_health.config.check_playbook import check_playbook
from crm_health.config.checker import Checker
from crm_health.config.columns import columns_for
from crm_health.config.escalations import LEADERSHIP
from crm_health.config.known import Columns, words
from crm_health.config.mapping import Mapping
from crm_health.config.model import Model
from crm_health.config.playbook import Playbook
from crm_health.config.problems import Problem, Severity
from crm_health.config.unfed import quiet_alerts
from crm_health.config.yaml import Document
from crm_health.entities import ENTITIES


@dataclass(frozen=True)
class Documents:
    """The three files: their values as far as they have the right shape, and their text."""

    mapping: tuple[Mapping | None, Document | None]
    model: tuple[Model | None, Document | None]
    playbook: tuple[Playbook | None, Document | None]
    #: Nothing was left out of them for its shape, so what they lack they really lack.
    whole: bool = True


def check(given: Documents, crm: str) -> list[Problem]:
    """Every problem of sense, errors and warnings, whatever shape the files are in.

    A file that can't be used at all is known by its names only, so that its mistakes don't show
    up again as unknown names in the others.
    """
    problems: list[Problem] = []
    mapping, mapping_file = given.mapping
    model, model_file = given.model
    playbook, playbook_file = given.playbook
    if mapping is not None and mapping_file is not None:
        problems += check_mapping(mapping, mapping_file, crm).problems
    entities = _entities(mapping, mapping_file)
    found = ModelNames(_known(model_file, entities["account"]), frozenset())
    model_check = None
    if model is not None and model_file is not None:
        held = {entity: domains.of_entity(entity, mapping) for entity in ENTITIES}
        placed = domains.of_placed(playbook, mapping)
        model_check, found = check_model(model, model_file, entities, held, placed)
    used = set(model_check.used) if model_check else set()
    # Without a model there are no names that an alert could be held against.
    has_names = model_file is not None and isinstance(model_file.data, dict)
    if playbook is not None and playbook_file is not None and has_names:
        alerts = check_playbook(
            playbook,
            playbook_file,
            found,
            counts(model) if model is not None else frozenset(),
            mapping.id_length if mapping is not None else None,
            staffed=mapping is None or _staffed(mapping, playbook),
        )
        if mapping is not None:
            _kept(alerts, playbook, mapping)
            _has_leaders(alerts, playbook, mapping)
        if model is not None and given.whole:
            _acted_on(alerts, model, playbook)
        problems += alerts.problems
        used |= alerts.used
        if model_check is not None and model is not None:
            _led(model_check, model, playbook)
    if model is not None and model_check is not None:
        if given.whole:
            unused(model_check, model, used)
        problems += model_check.problems
    sound = given.whole and all(p.severity is not Severity.ERROR for p in problems)
    return [*problems, *_unfed(given, found)] if sound else problems


def _staffed(mapping: Mapping, playbook: Playbook) -> bool:
    """Whether what no department names is somebody's all the same."""
    feeds = mapping.read.get("account", ())
    own = any({"csm_id", "owner_id"} & set(feed.columns) for feed in feeds)
    return bool(own or mapping.fallback_owner or playbook.people.retention_owner)


def _kept(check: Checker, playbook: Playbook, mapping: Mapping) -> None:
    """Where customers stand is kept in the CRM, or it is reckoned afresh every day."""
    places = {
        "stage": ("lifecycle", playbook.lifecycle),
        "value_stage": ("value_stages", playbook.value_stages),
        "tier": ("tiers", playbook.tiers),
    }
    for output, (section, there) in places.items():
        if there is not None and output not in mapping.write.account:
            what = f"no field keeps it: {output} is not among write.account of the mapping"
            check.warn((section,), what, f"add {output}, {output}_since and programmes there")


def _has_leaders(check: Checker, playbook: Playbook, mapping: Mapping) -> None:
    """Whether what leadership should hear finds anybody but the customer's own manager."""
    desk = playbook.departments.get(LEADERSHIP)
    named = playbook.people.retention_owner or mapping.fallback_owner or (desk and desk.owner)
    managed = any("manager_id" in feed.columns for feed in mapping.read.get("user", ()))
    if playbook.escalations and not named and not managed:
        what = "is nobody, and this mapping knows no managers: what leadership should hear of "
        what += "escalations goes to the customer's own CSM"
        check.warn(("people", "retention_owner"), what, "name a user or queue")


def _acted_on(check: Checker, model: Model, playbook: Playbook) -> None:
    """Whether anybody hears when a customer comes into the worst band."""
    worst = model.bands[0].name
    named = re.compile(rf"\bband\s*(?:=\s*'{worst}'|in\s*\([^)]*'{worst}')")
    tells = (
        named.search(alert.when) or {"score", "band"} & words(alert.when) == {"score"}
        for alert in playbook.alerts.values()
        if alert.polarity == "risk" and alert.does != "quiet"
    )
    if playbook.alerts and model.bands[0].below is not None and not any(tells):
        what = f"none of them makes a task or an escalation of the band {worst!r}"
        check.warn(("alerts",), what, f"write one with `when: band = '{worst}' and ...`")


def _unfed(given: Documents, found: ModelNames) -> list[Problem]:
    """Which alerts nothing is mapped for: nobody shall wait for them."""
    (mapping, _), (model, _), (playbook, document) = given.mapping, given.model, given.playbook
    if mapping is None or model is None or playbook is None or document is None:
        return []
    by_lack: dict[str, list[str]] = {}
    quiet = quiet_alerts(mapping, model, playbook, found.alerted(), found.domains)
    for rule, lacks in quiet.items():
        by_lack.setdefault(", ".join(lacks), []).append(rule)
    check = Checker(document)
    if by_lack:
        told = "; ".join(f"{', '.join(rules)} (no {lacks})" for lacks, rules in by_lack.items())
        check.note(("alerts",), f"never open, since the mapping reads nothing for them: {told}")
    return check.problems


def _led(check: Checker, model: Model, playbook: Playbook) -> None:
    """An alert leads the score: the cap of the same cause comes a day later."""
    alerts = {" ".join(alert.when.split()): name for name, alert in playbook.alerts.items()}
    for name, cap in model.caps.items():
        alert = alerts.get(" ".join(cap.when.split()))
        if alert is not None:
            what = f"holds as soon as the alert {alert} does, but an alert leads the score"
            check.warn(("caps", name, "when"), what, "let the cap begin a day later")


def _entities(mapping: Mapping | None, document: Document | None) -> dict[str, Columns]:
    # A broken feed's own columns are still known by name.
    return {e: {**names.raw_extra(document, e), **columns_for(e, mapping)} for e in ENTITIES}


def _known(document: Document | None, account: Columns) -> Columns:
    """The names that a broken model would have given."""
    own = [*names.raw_keys(document, "facts"), *names.raw_keys(document, "derived")]
    read = figures.names_in([document.text]) if document is not None else ()
    return {**account, **dict.fromkeys([*own, *read], "any")}
