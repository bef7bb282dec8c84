"""How a run differs from the ordinary one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any


def _silent(*_: Any) -> None:
    return None


@dataclass(frozen=True)
class Options:
    """What the caller of a run may choose."""

    full: bool = False
    #: Plan only: the CRM is read, never written.
    dry_run: bool = False
    #: Id of a held run whose plan a person approved.
    approve: str | None = None
    #: Asked before each batch: True ends the run cleanly.
    stopping: Callable[[], bool] = lambda: False
    #: Told a phase or object and how many more rows are done.
    tick: Callable[[str, int], None] = _silent
    #: The local clock, for the run's heartbeat; scores use the CRM's.
    clock: Callable[[], datetime] | None = None
    #: Sends a title and a body to people outside the CRM.
    notice: Callable[[str, str], None] = _silent
