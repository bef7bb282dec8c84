"""Bulk jobs: what each holds, when it is done, and when it is forgotten. Knows nothing of HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox import ids
from connectors.sandbox.clock import Clock
from connectors.sandbox.faults import Rule
from connectors.sandbox.soql import Found

OPEN = "Open"
UPLOADED = "UploadComplete"
RUNNING = "InProgress"
DONE = "JobComplete"
FAILED = "Failed"
ABORTED = "Aborted"
WAITING = frozenset({UPLOADED, RUNNING})
ENDED = frozenset({DONE, FAILED, ABORTED})

#: Without a fault, the first question finds a job done; one that nobody asks for is done by then.
UNASKED = timedelta(minutes=1)
#: An ingest job that is not closed by then dies.
OPEN_FOR = timedelta(hours=24)
#: Jobs are listed, and their results kept, for so long.
KEPT_FOR = timedelta(days=7)
DAY = timedelta(hours=24)
UPLOAD_LIMIT = 100 * 1024 * 1024
_PREFIX = "750"


@dataclass(frozen=True)
class Failure:
    """A refused row: its number, the id if it has one, and the error as the service words it."""

    row: int
    id18: str
    error: str


@dataclass
class Job:
    """One query or ingest job."""

    id: str
    direction: str
    """`query` or `ingest`, as in its address."""
    operation: str
    object: str
    user_id: str
    created: datetime
    modified: datetime
    version: float
    state: str = OPEN
    external_id: str = ""
    line_ending: str = "LF"
    delimiter: str = "COMMA"
    error: str = ""
    polls: int = 0
    closed: datetime | None = None
    """When its turn came: at once for a query, with UploadComplete for an ingest."""
    rules: tuple[Rule, ...] = ()
    found: Found | None = None
    """A query's rows, in the order of its pages."""
    upload: bytes | None = None
    unreadable: str = ""
    """Why the upload could not be read: what the job will fail with."""
    head: str = ""
    """The header line as uploaded."""
    names: tuple[str, ...] = ()
    rows: Sequence[list[str]] = ()
    next: int = 0
    """The first row that was not tried yet."""
    saved: list[tuple[int, str, bool]] = field(default_factory=list)
    """Row number, id, created."""
    refused: list[Failure] = field(default_factory=list)

    def rule(self, kind: str) -> Rule | None:
        """The fault of that kind that this job was given."""
        return next((r for r in self.rules if r.kind == kind), None)

    def share(self, now: datetime) -> float:
        """How much of the work is done by now, from 0 to 1 (then it ends)."""
        since = now - (self.closed or now)
        if self.rule("job_hangs"):
            return 0.5 if self.polls else 0.0
        slow = self.rule("job_slow")
        if slow is None:
            return 1.0 if self.polls or since >= UNASKED else 0.0
        if slow.polls:
            return min(self.polls / slow.polls, 1.0)
        return min(since / timedelta(seconds=max(slow.seconds, 0.001)), 1.0)

    def copy(self) -> Job:
        """As it is now; rules stay shared."""
        return replace(self, saved=list(self.saved), refused=list(self.refused))


class Jobs:
    """All jobs of the org, oldest first, and how much of the day's allowance they took."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._made = 0
        self._spent: list[tuple[datetime, str, int]] = []
        self.query_limit = 10_000
        self.batch_limit = 15_000
        self.upload_limit = UPLOAD_LIMIT

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._jobs.values()))

    def make(self, **facts: Any) -> Job:
        """A new job, stamped now."""
        self._made += 1
        now = self._clock.stamp()
        job = Job(ids.sf_id(_PREFIX, self._made), created=now, modified=now, **facts)
        self._jobs[job.id] = job
        return job

    def find(self, direction: str, id18: str) -> Job | None:
        """The job of that id (15 characters will do) and direction."""
        job = self._jobs.get(ids.canonical(id18)) if ids.valid(id18) else None
        return job if job is not None and job.direction == direction else None

    def drop(self, job: Job) -> None:
        """Delete a job with its results."""
        self._jobs.pop(job.id, None)

    def move(self, job: Job, state: str) -> None:
        """Change its state, stamped now."""
        job.state = state
        job.modified = self._clock.stamp()

    def age(self) -> None:
        """What time does: open jobs die, old ones are forgotten."""
        now = self._clock.now()
        for job in self:
            if job.state == OPEN and now - job.created >= OPEN_FOR:
                self.move(job, ABORTED)
            if job.state in ENDED and now - job.created >= KEPT_FOR:
                self.drop(job)

    def spend(self, what: str, count: int = 1) -> None:
        """Count `query` jobs or `batch`es against the rolling day."""
        self._spent.append((self._clock.now(), what, count))

    def left(self, what: str) -> int:
        """What remains of the day's allowance, never below 0."""
        since = self._clock.now() - DAY
        self._spent = [s for s in self._spent if s[0] > since]
        used: Counter[str] = Counter()
        for _, kind, count in self._spent:
            used[kind] += count
        return max((self.query_limit if what == "query" else self.batch_limit) - used[what], 0)

    def save(self) -> list[Job]:
        """Copies of all jobs, for a snapshot."""
        return [job.copy() for job in self]

    def restore(self, saved: Sequence[Job]) -> None:
        """Back to a snapshot. Numbers go on, so that no id comes twice."""
        self._jobs = {job.id: job.copy() for job in saved}
