"""The CRM's users: who is told of an account, and who is missing among those that are named."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crm_health.config.escalations import LEADERSHIP
from crm_health.programmes import people
from crm_health.store import Scope, Store
from crm_health.sync.setting import Setting


@dataclass(frozen=True)
class Staff:
    """Who there is to be told of things."""

    setting: Setting
    #: `id`, `is_active`, `manager_id`; None where users can't be read.
    users: pl.DataFrame | None
    #: An account's owner is told where it names no customer success manager.
    stands_in: bool

    def told(self, accounts: pl.DataFrame, who: str = "csm") -> pl.Series:
        """One user or queue id an account, as `people.owners` finds them."""
        config = self.setting.config
        return people.owners(
            accounts,
            self.users,
            config.mapping.fallback_owner,
            people=config.playbook.people,
            told=who,
            stands_in=self.stands_in,
        )

    def desks(self) -> dict[str, str]:
        """The user or queue of each department that names one; none that has left."""
        return people.desks(self.setting.config.playbook.departments, self.users)


def staff(store: Store, setting: Setting) -> Staff:
    """Look who there is."""
    rule = setting.config.playbook.people.account_owner
    stands_in = rule == "always"
    if rule == "auto":
        # Where nobody has a manager of their own, the owners are those who know their customers.
        named = "csm_id" in setting.reads.shapes["account"]
        stands_in = not named or store.mirror.count("account", present="csm_id") == 0
    return Staff(setting, _users(store, setting), stands_in)


def missing(store: Store, setting: Setting) -> list[str]:
    """What an admin should know of who is named and not there."""
    config, users = setting.config, _users(store, setting)
    playbook = config.playbook
    gone = people.gone(users)
    desks = {f"departments.{name}.owner": d.owner for name, d in playbook.departments.items()}
    leaders = {
        "people.retention_owner": playbook.people.retention_owner,
        "fallback_owner": config.mapping.fallback_owner,
        f"departments.{LEADERSHIP}.owner": desks.get(f"departments.{LEADERSHIP}.owner"),
    }
    named = {"people.pool": playbook.people.pool, **leaders, **desks}
    told = [
        f"{where} names {who}, who has left: others are told instead"
        for where, who in named.items()
        if who in gone
    ]
    led = any(who and who not in gone for who in leaders.values())
    managed = users is not None and users["manager_id"].drop_nulls().len() > 0
    if playbook.escalations and not led and not managed:
        told.append(
            "leadership is nobody: the CRM names no managers, and people.retention_owner of the "
            "playbook is empty, so what leadership should hear goes to the customer's own CSM"
        )
    return told


def _users(store: Store, setting: Setting) -> pl.DataFrame | None:
    """The CRM's users, or None where they can't be read. Not every CRM knows their managers."""
    shape = setting.reads.shapes.get("user")
    if shape is None or "is_active" not in shape:
        return None
    known = [name for name in ("is_active", "manager_id") if name in shape]
    users = store.mirror.load("user", known, Scope.all())
    if "manager_id" not in users.columns:
        users = users.with_columns(pl.lit(None, pl.String).alias("manager_id"))
    return users
