"""CPU by step of a run: each moment counts for the innermost step that is watched."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Stopwatch:
    """Seconds by (outermost step, innermost step)."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, str], float] = {}
        self._open: list[str] = []
        self._since = 0.0

    @contextlib.contextmanager
    def watching(self, steps: Iterable[tuple[Any, str, str]]) -> Iterator[None]:
        """Count what functions of modules or classes take meanwhile, by the names given them."""
        with contextlib.ExitStack() as ended:
            for owner, function, name in steps:
                plain = getattr(owner, function)
                setattr(owner, function, self._timed(name, plain))
                ended.callback(setattr, owner, function, plain)
            yield

    def _timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **more: Any) -> Any:
            self._charge()
            self._open.append(name)
            try:
                return work(*given, **more)
            finally:
                self._charge()
                self._open.pop()

        return timed

    def _charge(self) -> None:
        now = time.process_time()
        if self._open:
            step = (self._open[0], self._open[-1])
            self.taken[step] = self.taken.get(step, 0.0) + now - self._since
        self._since = now
