"""The people of a run, and what they have on their hands: open tasks of ours, and this week's."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import cached_property

import polars as pl

from crm_health.programmes.episodes import base
from crm_health.programmes.telling import Telling
from crm_health.store import Scope, Store
from crm_health.sync.kin import Kin, kin
from crm_health.sync.setting import Setting
from crm_health.sync.staff import Staff, staff


class AtWork:
    """Looked for where it is asked for, and once a run."""

    def __init__(self, store: Store, setting: Setting) -> None:
        """Look at nothing yet."""
        self._store, self._setting = store, setting

    @cached_property
    def kin(self) -> Kin:
        """Of all accounts."""
        return kin(self._store, self._setting)

    @cached_property
    def staff(self) -> Staff:
        """Who there is to be told of things."""
        return staff(self._store, self._setting)

    @cached_property
    def going(self) -> pl.DataFrame:
        """Open tasks: `owner_id`, `key`."""
        return self._store.mirror.load("task", ["owner_id", "key"], Scope.all(), true="is_open")

    @cached_property
    def made(self) -> pl.DataFrame:
        """The tasks since Monday, whatever became of them: `owner_id`, `opened_at`, `key`.

        The key is that of their episode. They are looked for at the accounts whose episodes opened
        since then: tasks grow with the years.
        """
        mirror, day = self._store.mirror, self._setting.day
        monday = day - timedelta(days=day.weekday())
        before, ahead = (datetime.combine(monday + timedelta(days=n), time()) for n in (-1, 8))
        theirs = Scope.accounts(mirror.due_between("episode", "opened_at", before, ahead))
        born = mirror.load("episode", ["key", "opened_at"], theirs)
        names = ["id", "owner_id", "key"]
        here = mirror.load("task", names[1:], theirs).select(names)
        # Others stand at who holds the contract.
        both = pl.concat([here, self.kin.away["task"].select(names)])
        keyed = both.unique("id").with_columns(base(pl.col("key")))
        since = born.filter(pl.col("opened_at") >= monday)
        return keyed.join(since.select("key", "opened_at"), on="key")

    @cached_property
    def open(self) -> pl.DataFrame:
        """`owner`, `open`: how many tasks each has."""
        return _count(self.going, "open")

    @cached_property
    def today(self) -> pl.DataFrame:
        """`owner`, `made`: how many each was given today."""
        return _count(self.made.filter(pl.col("opened_at") == self._setting.day), "made")

    @cached_property
    def _full(self) -> pl.Series:
        """Whose day has no place for any task but a grave one."""
        playbook = self._setting.config.playbook
        full = [
            self.open.filter(pl.col("open") >= playbook.tasks_open),
            self.today.filter(pl.col("made") >= playbook.tasks_a_day),
        ]
        return pl.concat([frame["owner"] for frame in full]).drop_nulls()

    def fits(self, shared: Telling) -> Telling:
        """Of what makes tasks all but what waits in any case: its texts are not worth making.

        Args:
            shared: With `severity` and `owner_id`.
        """
        grave = pl.col("severity") == "high"
        if shared.makes.filter(~grave).is_empty():
            return shared
        waits = shared.makes.filter(~grave & pl.col("owner_id").is_in(self._full.implode()))
        keys = waits["key"].implode()
        return Telling(
            shared.makes.filter(~pl.col("key").is_in(keys)),
            shared.joins.filter(~pl.col("base").is_in(keys)),
        )


def _count(tasks: pl.DataFrame, name: str) -> pl.DataFrame:
    counted = tasks.group_by(pl.col("owner_id").alias("owner"))
    return counted.agg(pl.len().cast(pl.Int64).alias(name))
