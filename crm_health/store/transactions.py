"""What the store asks of a kind of database; `sqlite.File` and `postgres.Server` give it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, Engine

from crm_health.errors import CrmHealthError

#: Execution option of a transaction that will write: others that will wait for its end.
WRITES = "crm_health_writes"


class Lock(Protocol):
    """Who syncs the org. It ends with the process that holds it, however that ends."""

    def take(self) -> bool:
        """Take it if it is free; False where another process or object has it."""
        ...

    def release(self) -> None:
        """Let go; harmless when not held."""
        ...


class Backend(Protocol):
    """One org's place in a kind of database."""

    @property
    def name(self) -> str:
        """For people: the file, or host, database and schema."""
        ...

    @property
    def engine(self) -> Engine:
        """It has one connection."""
        ...

    @property
    def lock(self) -> Lock:
        """The lock of the org's run."""
        ...

    def exists(self) -> bool:
        """Whether there is a state, of any version."""
        ...

    def check(self, build: Callable[[Backend], None]) -> None:
        """See that the place can be used. Where a place must be made whole, `build` fills it."""
        ...

    def connect(self) -> AbstractContextManager[Connection]:
        """The connection: there is one."""
        ...

    def make(self, connection: Connection) -> None:
        """What must be there before the tables."""
        ...

    def translate(self, error: Exception) -> CrmHealthError:
        """Our error for what the driver raised."""
        ...

    def cause(self, error: Exception) -> Exception | None:
        """The driver's error, unless its words may hold customers' data."""
        ...
