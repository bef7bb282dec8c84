"""Signals: the first asks a run to end at its next clean point, a second Ctrl-C ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import ClassVar

from crm_health.cli.output import say
from crm_health.sync.apply import Stopped


class Interrupted(Stopped):
    """Stopped by Ctrl-C: what is pending follows in the next run."""

    exit_code: ClassVar[int] = 130


class Stop:
    """Whether somebody asked the run to end."""

    def __init__(self) -> None:
        self._signal: int | None = None

    def __call__(self) -> bool:
        """False while nobody asked.

        Raises:
            Stopped, Interrupted: somebody did; which one says by what signal.
        """
        if self._signal is None:
            return False
        raise Interrupted if self._signal == signal.SIGINT else Stopped

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT while a run lasts."""
        kept = {n: signal.signal(n, self._note) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self._signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = number
        say("Stopping after the batch in flight. Press Ctrl-C again to stop at once.")
