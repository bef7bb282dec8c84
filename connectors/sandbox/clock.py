"""The sandbox's clock: follows the machine's, is moved by the control API, and can stand still."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def machine_now() -> datetime:
    """This machine's time. The only place where the sandbox asks for it."""
    return datetime.now(UTC)


class Clock:
    """A settable UTC clock."""

    def __init__(self, machine: Callable[[], datetime] = machine_now) -> None:
        self._machine = machine
        self._offset = timedelta(0)
        self._frozen: datetime | None = None
        self._jumps = 0.0

    def now(self) -> datetime:
        """The sandbox's present instant, aware, UTC."""
        return self._frozen if self._frozen is not None else self._machine() + self._offset

    def stamp(self) -> datetime:
        """Now in whole seconds: the service keeps its stamps no finer."""
        return self.now().replace(microsecond=0)

    def elapsed(self) -> float:
        """Seconds that pass for whoever waits: the machine's, frozen or not, and every jump."""
        return self._machine().timestamp() + self._jumps

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen is not None

    def set(self, instant: datetime) -> None:
        """Jump to an instant. A frozen clock stays frozen, there."""
        self._jumps += (instant - self.now()).total_seconds()
        if self._frozen is not None:
            self._frozen = instant.astimezone(UTC)
        else:
            self._offset = instant.astimezone(UTC) - self._machine()

    def advance(self, seconds: float) -> None:
        """Move forward, or backward with a negative number."""
        self._jumps += seconds
        if self._frozen is not None:
            self._frozen += timedelta(seconds=seconds)
        else:
            self._offset += timedelta(seconds=seconds)

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop the clock where it is, or let it run on from there."""
        if frozen and self._frozen is None:
            self._frozen = self.now()
        elif not frozen and self._frozen is not None:
            self._offset = self._frozen - self._machine()
            self._frozen = None
