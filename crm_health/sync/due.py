"""Which accounts a run assesses: what changed, what the clock changed, and all once a day."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from crm_health.entities import Kind
from crm_health.store import Scope, Store
from crm_health.sync.population import ACCOUNTS_AT_ONCE, parts
from crm_health.sync.setting import Setting

#: Small state of the store: the day of the last full assessment, its config, the last instant.
DAY, DIGEST, INSTANT = "assessed_day", "assessed_digest", "assessed_at"


class Due:
    """The accounts that are due in this run, and how to say that they are done."""

    def __init__(self, store: Store, setting: Setting, full: bool) -> None:
        self._store = store
        self._setting = setting
        values = store.runs
        self.all = (
            full
            or values.get_value(DAY) != setting.day.isoformat()
            or values.get_value(DIGEST) != setting.config.digest
        )
        self._token = 0
        self._changed = pl.Series("id", [], pl.String)

    def scopes(self) -> list[Scope]:
        """The parts to assess; called after the pull, which says what changed."""
        self._token = self._store.mirror.dirty_token()
        self._changed = self._store.mirror.dirty()
        if self.all:
            return parts(self._store, self._setting)
        ids = pl.concat([self._changed, *self._crossed()]).unique().sort()
        starts = range(0, len(ids), ACCOUNTS_AT_ONCE)
        return [Scope.accounts(ids.slice(start, ACCOUNTS_AT_ONCE)) for start in starts]

    def _crossed(self) -> list[pl.Series]:
        """Accounts for which an instant passed since the last run: an SLA needs no CRM change."""
        last = self._store.runs.get_value(INSTANT)
        if last is None:
            return []
        # What was due at that very instant was not yet late then.
        since = datetime.fromisoformat(last) - timedelta(milliseconds=1)
        found = []
        facts = self._setting.config.model.facts.values()
        for entity in sorted({f.source for f in facts if "as_of" in f"{f.where} {f.take}"}):
            for column, kind in self._setting.reads.shapes.get(entity, {}).items():
                if kind is Kind.INSTANT:
                    found.append(
                        self._store.mirror.due_between(entity, column, since, self._setting.as_of)
                    )
        # Leadership hears of a due that passed at once, not on the next day.
        mirror, as_of = self._store.mirror, self._setting.as_of
        found.append(mirror.due_between("escalation", "due_at", since, as_of))
        return found

    def settled(self, waiting: pl.Series) -> None:
        """Remember what was assessed; the accounts that wait for something stay due."""
        done = self._changed.filter(~self._changed.is_in(waiting.unique().implode()))
        self._store.mirror.clear_dirty(done, self._token)
        self._store.mirror.mark_dirty(waiting)
        values = self._store.runs
        values.set_value(INSTANT, self._setting.as_of.isoformat())
        if self.all:
            values.set_value(DAY, self._setting.day.isoformat())
            values.set_value(DIGEST, self._setting.config.digest)
