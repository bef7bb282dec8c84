"""Who is told in a run: the users there are, and who stands in for whom."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crm_health.config.alerts import People
from crm_health.programmes import people
from crm_health.store import Scope, Store
from crm_health.sync.setting import Setting


@dataclass(frozen=True)
class Whom:
    """Says who is told of an account."""

    #: The CRM's users; None where they can't be read.
    users: pl.DataFrame | None
    #: An account's owner is told where it names no customer success manager.
    stands_in: bool
    #: Department to its user or queue, as `people.desks` gives them.
    desks: dict[str, str]
    people: People
    #: Who gets what nobody else can.
    fallback: str | None

    def told(self, accounts: pl.DataFrame, who: str = "csm") -> pl.Series:
        """One user or queue an account, as `people.owners` gives them.

        Args:
            accounts: `csm_id`, `owner_id`, and what `people.pooled` reads.
            who: As `Alert.told`.
        """
        return people.owners(
            accounts,
            self.users,
            self.fallback,
            people=self.people,
            told=who,
            stands_in=self.stands_in,
        )


def whom(store: Store, setting: Setting) -> Whom:
    """Who is told in this run."""
    config, users = setting.config, users_of(store, setting)
    return Whom(
        users,
        owner_stands_in(store, setting),
        people.desks(config.playbook.departments, users),
        config.playbook.people,
        config.mapping.fallback_owner,
    )


def owner_stands_in(store: Store, setting: Setting) -> bool:
    """Whether an account's owner is told where it names no customer success manager."""
    rule = setting.config.playbook.people.account_owner
    if rule != "auto":
        return rule == "always"
    # Where nobody has a manager of their own, the owners are those who know their customers.
    named = "csm_id" in setting.reads.shapes["account"]
    return not named or store.mirror.count("account", present="csm_id") == 0


def users_of(store: Store, setting: Setting) -> pl.DataFrame | None:
    """The CRM's users, or None where they can't be read. Not every CRM knows their managers."""
    shape = setting.reads.shapes.get("user")
    if shape is None or "is_active" not in shape:
        return None
    known = [name for name in ("is_active", "manager_id") if name in shape]
    users = store.mirror.load("user", known, Scope.all())
    if "manager_id" not in users.columns:
        users = users.with_columns(pl.lit(None, pl.String).alias("manager_id"))
    return users
