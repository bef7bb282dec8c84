"""A run's setting without a CRM: what the mirror holds, at the instant of the last assessment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from crm_health.businesstime import Calendar
from crm_health.config.columns import extra_columns
from crm_health.config.load import Config
from crm_health.entities import ENTITIES
from crm_health.errors import StateError
from crm_health.store import Store
from crm_health.sync.due import INSTANT
from crm_health.sync.own import ours
from crm_health.sync.run import ZONE
from crm_health.sync.setting import Setting
from crm_health.sync.streams import Reads, ResolvedFeed


def setting(store: Store, config: Config) -> Setting:
    """What a run would find, as far as the mirror knows.

    Columns that the mapping gained since the last sync are missing here, as if the org lacked
    them. Nothing can be written with it.

    Raises:
        StateError: nothing was read from the CRM yet.
    """
    as_of, shapes = _instant(store), dict(sorted(store.mirror.entities().items()))
    if as_of is None or "account" not in shapes:
        raise StateError(
            "Nothing was read from the CRM yet: run `crm-health plan` or `crm-health sync` first.",
            code="CH-STATE",
        )
    zone = config.model.time_zone or store.runs.get_value(ZONE) or "UTC"
    config = replace(config, model=config.model.model_copy(update={"time_zone": zone}))
    mapped = config.mapping.read | {name: (feed,) for name, feed in ours(config.mapping).items()}
    feeds = tuple(
        ResolvedFeed(entity, feed.object, {}, {})
        for entity, several in mapped.items()
        for feed in several
        if entity in shapes
    )
    missing = {
        name: frozenset({c.name for c in entity.columns} | {*extra_columns(name, config.mapping)})
        - frozenset(shapes.get(name, {}))
        for name, entity in ENTITIES.items()
    }
    calendar = Calendar.of(zone, config.model.holidays)
    return Setting(config, Reads((), feeds, shapes, missing), calendar, as_of)


def _instant(store: Store) -> datetime | None:
    """When accounts were last assessed: a plan, or one that was held, read the CRM as well."""
    last = store.runs.get_value(INSTANT)
    made = [run.as_of for run in store.runs.list() if run.exit_code in (0, 3, 4)]
    return max([*made, *([datetime.fromisoformat(last)] if last else [])], default=None)
