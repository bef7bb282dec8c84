"""The store: one org's database, opened, pinned and divided into its parts."""

from __future__ import annotations

from sqlalchemy import select

from crm_health.errors import WrongOrgError
from crm_health.location import Location
from crm_health.store import schema
from crm_health.store.database import Database
from crm_health.store.drafts import Drafts
from crm_health.store.history import History
from crm_health.store.mirror import Mirror
from crm_health.store.notes import Notes
from crm_health.store.plans import Plans
from crm_health.store.runs import Runs
from crm_health.store.tables import ORG


class Store:
    """The local database of one org: a cache and an audit log, never the truth.

    Of one thread at a time. A read sees one state of it; writes are all or nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.runs = Runs(database)
        self.notes = Notes(self.runs)
        self.plans = Plans(database)
        self.drafts = Drafts(database)
        self.mirror = Mirror(database)
        self.history = History(database)

    @classmethod
    def open(cls, where: Location) -> Store:
        """Open a database file or a schema on a server, made and migrated as needed.

        Raises:
            ConfigError: others may read or replace the file, or the server can't be used.
            AuthError: the server refuses the login, or a right is missing.
            StateError: it is not a whole database of ours, or of a newer crm-health.
            LocalIOError: the disk is full or broken.
            Unavailable: the server can't be reached.
            Busy: another process has been writing for longer than half a minute.
        """
        return cls(Database.open(where))

    @classmethod
    def exists(cls, where: Location) -> bool:
        """Whether there is a state, without making one. Raises as `open`."""
        return Database.exists(where)

    def close(self) -> None:
        """Close the connection and drop the run's lock; repeatable."""
        self.runs.release()
        self._database.close()

    def pin(self, org_id: str, crm: str) -> None:
        """Tie the database to an org, for good.

        Raises:
            WrongOrgError: it is tied to another one.
        """
        with self._database.write() as connection:
            pinned = connection.execute(select(ORG)).one_or_none()
            if pinned is None:
                connection.execute(ORG.insert().values(one=1, org_id=org_id, crm=crm))
            elif (pinned.org_id, pinned.crm) != (org_id, crm):
                raise WrongOrgError(
                    f"the state {self._database.name} belongs to {pinned.crm} org "
                    f"{pinned.org_id}, but the login leads to {crm} org {org_id}: nothing was "
                    "written; point the state or the login at the right one",
                    code="CH-ORG",
                )

    def pinned(self) -> tuple[str, str] | None:
        """The org's id and its CRM, None before the first `pin`."""
        with self._database.read() as connection:
            row = connection.execute(select(ORG)).one_or_none()
        return None if row is None else (row.org_id, row.crm)

    def schema_version(self) -> str:
        """The version of the tables."""
        with self._database.read() as connection:
            return schema.version(connection) or ""
