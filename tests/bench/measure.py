"""CPU and memory of our own processes, never the sandbox's nor the database server's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

#: The console command, as installed for this Python.
COMMAND = str(Path(sys.executable).with_name("crm-health"))
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """A process that ended, and what the kernel counted for it."""

    out: str
    #: Seconds of user and system time.
    cpu: float
    #: The most that it ever held, in MiB.
    peak: float
    wall: float

    @property
    def answer(self) -> Any:
        """Its output, read as JSON."""
        return orjson.loads(self.out)


class Failed(RuntimeError):
    """A measured process ended badly."""


def run(
    words: Sequence[str], environment: Mapping[str, str], allowed: Sequence[int] = (0,)
) -> Ended:
    """Run a command to its end.

    Raises:
        Failed: with the end of what it said.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.perf_counter()
        process = subprocess.Popen(
            words, env=dict(environment), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        # wait4 counts this process alone; getrusage(RUSAGE_CHILDREN) would add up all children.
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - begun
        out.seek(0)
        err.seek(0)
        said, wrong = out.read().decode(), err.read().decode(errors="replace")
    if process.returncode not in allowed:
        raise Failed(f"{' '.join(words)} ended with {process.returncode}:\n{wrong[-3000:]}")
    return Ended(said, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, wall)


def sync(environment: Mapping[str, str]) -> Ended:
    """One `crm-health sync`. Rows that the CRM refuses (exit 3) are no failure of the bench."""
    return run([COMMAND, "sync", "--json"], environment, allowed=(0, 3))


def item(name: str, environment: Mapping[str, str], **given: Any) -> Any:
    """Run one module of this package in a process of its own; what it measured.

    Each gets a fresh process, so that no other's memory or caches count.
    """
    words = [sys.executable, "-m", f"tests.bench.{name}", orjson.dumps(given).decode()]
    return run(words, environment).answer


def cpu_of(work: Callable[[], object]) -> float:
    """CPU seconds of this process, all threads, while it works."""
    before = time.process_time()
    work()
    return time.process_time() - before


@dataclass(frozen=True)
class Pair:
    """The least CPU seconds that two ways took, in turns."""

    ours: float
    bare: float

    @property
    def ratio(self) -> float:
        """Ours over bare."""
        return self.ours / self.bare


def in_turns(ours: Callable[[], float], bare: Callable[[], float], repeats: int) -> Pair:
    """Take both measures A B A B ..., so that a drift of the machine hits both alike.

    The least of each counts: what disturbs a run only ever adds to it.
    """
    taken = [(ours(), bare()) for _ in range(repeats)]
    return Pair(min(a for a, _ in taken), min(b for _, b in taken))
