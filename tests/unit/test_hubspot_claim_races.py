"""Several syncs at once in an account without unique task keys: every order of calls is tried.

Writers run one at a time, on one virtual clock that is the portal's as well. Each request and
answer takes a while, drawn from a seed; what takes too long is given up by the client and carried
out all the same; and now and then a writer dies. The portal and HTTP are real.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from connectors.http import LostAnswer
from connectors.hubspot.client import Client
from connectors.hubspot.settings import load
from connectors.hubspot.write import Writer
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Batch, Ledger, Op
from crm_health.errors import CrmHealthError
from crm_health.testing.conformance.kit import outcomes
from crm_health.testing.ports import make_ports

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEXT = {"label": "Text", "type": "string", "fieldType": "textarea"}
KEYS = ("a", "b", "c")
#: Seconds that a request or an answer may take: mostly quick, or often slow.
SLOW = (0.3, 1.0, 4.0, 8.0, 12.0, 30.0, 30.0, 90.0)
LINES = ((*(0.05,) * 150, *SLOW), (*(0.05,) * 16, *SLOW))
#: Those that a client waits for an answer.
PATIENCE = 60.0


class Killed(BaseException):
    """A writer's process dies here."""


class Time:
    """One clock for all writers: the one that wakes first runs, the others wait."""

    def __init__(self, sandbox: Sandbox, seed: int) -> None:
        self._sandbox = sandbox
        self.dice = random.Random(seed)
        self.now = 0.0
        self._delays = self.dice.choice(LINES)
        self._turn = threading.Condition()
        self._waking: dict[int, tuple[float, int]] = {}
        self._count = self._running = 0
        self._threads: list[threading.Thread] = []

    def start(self, work: Callable[[], object], delay: float = 0.0) -> None:
        """Let a writer begin after a while."""
        with self._turn:
            number = self._register(delay)

        def run() -> None:
            try:
                self._wait(number)
                work()
            except Killed:
                pass
            finally:
                with self._turn:
                    self._wake_next()

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def delay(self) -> float:
        """How long something takes on its way."""
        return self.dice.choice(self._delays)

    def sleep(self, seconds: float) -> None:
        """The running writer lets others run for a while."""
        with self._turn:
            number = self._register(seconds)
            self._wake_next()
        self._wait(number)

    def run(self) -> None:
        """Until all have ended."""
        with self._turn:
            self._wake_next()
        for thread in self._threads:  # grows while it is walked through
            thread.join(60)
            assert not thread.is_alive()

    def _register(self, delay: float) -> int:
        self._count += 1
        self._waking[self._count] = (self.now + delay, self._count)
        return self._count

    def _wake_next(self) -> None:
        self._running = min(self._waking.values(), default=(0.0, 0))[1]
        self._turn.notify_all()

    def _wait(self, number: int) -> None:
        with self._turn:
            assert self._turn.wait_for(lambda: self._running == number, 60)
            self.now = self._waking.pop(number)[0]
            self._running = 0
            self._sandbox.clock(START + timedelta(seconds=self.now))


def _client(time: Time, deaths: float) -> Client:
    names = iter(f"{time.dice.getrandbits(48):012x}" for _ in range(1_000))
    ports = replace(
        make_ports(), clock=lambda: time.now, sleep=time.sleep, nonce=lambda: next(names)
    )
    client = Client(load("2026-09"), ports, "2026-09")
    post = client.post

    def late(path: str, body: Any) -> None:
        with suppress(CrmHealthError):
            post(path, body)

    def travel(path: str, body: Any, *more: Any, once: bool = False) -> Any:
        there, back = time.delay(), time.delay()
        cut = time.dice.random() < 0.01
        if there > PATIENCE or cut:
            time.start(lambda: late(path, body), there)
            time.sleep(min(PATIENCE, back))
            raise LostAnswer("cut, or too late")
        time.sleep(there)
        if time.dice.random() < deaths:
            raise Killed
        answer = post(path, body, *more)
        if time.dice.random() < deaths:
            raise Killed
        time.sleep(min(back, PATIENCE - there))
        if there + back > PATIENCE:
            raise LostAnswer("too late")
        return answer

    client.post = travel  # type: ignore[method-assign]
    return client


def _batch(company: str) -> Batch:
    column = {"associations.companies": [company] * len(KEYS)}
    seqs = list(range(len(KEYS)))
    stamps = ["2026-03-02T12:00:00.000Z"] * len(KEYS)
    claim = pl.DataFrame({"seq": seqs, "key": KEYS, **column})
    return Batch(
        Op.CREATE_ONCE,
        "tasks",
        pl.DataFrame({"seq": seqs, "hs_timestamp": stamps, **column}),
        claim=Batch(Op.UPSERT, "tasks", claim, "key"),
        ledger=Ledger("companies", "claims", "associations.companies"),
    )


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """An empty portal that takes no unique property on tasks."""
    with Sandbox.start(now=START, frozen=True) as box:
        for name, value in box.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        box.hubspot.settings(unique_tasks=False, limits=False, enrich_after=0, search_lag=30)
        box.hubspot.define("tasks", {**TEXT, "name": "key"})
        box.hubspot.define("companies", {**TEXT, "name": "claims"})
        box.snapshot()
        yield box


def _race(sandbox: Sandbox, seed: int) -> Counter[str]:
    """Two or three writers want the same tasks, each several times; how often each was made."""
    sandbox.restore()
    time = Time(sandbox, seed)
    sandbox.clock(START)
    company = sandbox.hubspot.edit("companies", None, {"name": "Acme"})
    batch = _batch(company)

    def sync() -> None:
        for _ in range(3):
            client = _client(time, deaths=0.02)
            try:
                Writer(client).write(batch)
            finally:
                client.close()
            time.sleep(time.dice.choice((5, 60, 600, 600, 1_200)))

    for _ in range(2 + seed % 2):
        time.start(sync, time.dice.choice((0.0, 0.0, 0.0, 0.1, 1.0)))
    time.run()
    sandbox.advance(900)
    last = Client(load("2026-09"), make_ports(), "2026-09")
    assert set(outcomes(Writer(last).write(batch))) == {"done"}
    last.close()
    return Counter(row["key"] for row in sandbox.hubspot.records("tasks"))


@pytest.mark.parametrize(
    "seeds",
    [range(50), pytest.param(range(1_000, 2_000), marks=pytest.mark.slow)],
    ids=["few", "many"],
)
def test_syncs_at_once_make_one_task_each(sandbox: Sandbox, seeds: range) -> None:
    """Whatever the order of their calls, what is lost, late or killed: never a second task."""
    for seed in seeds:
        assert _race(sandbox, seed) == dict.fromkeys(KEYS, 1), f"seed {seed}"
