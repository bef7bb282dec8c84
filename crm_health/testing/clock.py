"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FixedClock:
    """Wall and monotonic time that move only by `advance`, `set` and `sleep`."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)) -> None:
        if now.tzinfo is None:
            raise ValueError("the clock needs an aware instant")
        self._now = now
        self._elapsed = 0.0
        #: Every pause that was asked for, in seconds.
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The wall clock: aware, UTC."""
        return self._now.astimezone(UTC)

    def monotonic(self) -> float:
        """Seconds since the clock was made; never goes back, whatever `set` does."""
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        """Take a pause at once: the time passes, the test does not wait."""
        self.slept.append(seconds)
        self.advance(timedelta(seconds=seconds))

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        if by < timedelta(0):
            raise ValueError("time passes forwards: use set() to move the wall clock back")
        self._now += by
        self._elapsed += by.total_seconds()

    def set(self, now: datetime) -> None:
        """Move the wall clock, also backwards; monotonic time does not notice."""
        if now.tzinfo is None:
            raise ValueError("the clock needs an aware instant")
        self._now = now
