"""Jobs of Bulk API 2.0: made, watched until they end, and given up when they don't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from connectors.http import redact
from connectors.salesforce.client import Client
from connectors.salesforce.errors import not_json
from connectors.salesforce.soql import is_id
from crm_health.errors import BrokenInvariant, Rejected, SetupError, Unavailable

#: Seconds without any progress after which a job is given up.
DEADLINE = 1800.0
#: Seconds between two looks at a job: they double, so that a long job costs few calls.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
#: Seconds after which a run that is to end notices it: platforms kill after 10 to 30.
_STEP = 4.0


class JobGone(Unavailable):
    """Salesforce no longer has the job: it was deleted, or its results are over a week old."""


class JobKind(StrEnum):
    """The two kinds of jobs, as they stand in a path."""

    QUERY = "query"
    INGEST = "ingest"


class State(StrEnum):
    """Where a job stands."""

    OPEN = "Open"
    UPLOADED = "UploadComplete"
    RUNNING = "InProgress"
    COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"


ENDED = frozenset({State.COMPLETE, State.FAILED, State.ABORTED})


@dataclass(frozen=True)
class Job:
    """A job, as the service last described it."""

    id: str
    state: State
    #: Rows worked on so far; those that failed are among them.
    processed: int = 0
    failed: int = 0
    #: Why it failed: the service's words, on one line, cut and without secrets.
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED


class Jobs:
    """Jobs of one kind in one org."""

    def __init__(self, client: Client, kind: JobKind) -> None:
        self._client = client
        self._root = f"{client.data}/jobs/{kind.value}"

    def path(self, job_id: str, tail: str = "") -> str:
        """The path of a job, or of what hangs on it: `results`, `batches`, `failedResults`.

        Raises:
            BrokenInvariant: not an id.
        """
        if not is_id(job_id):
            raise BrokenInvariant("A text that is no Salesforce id was about to enter a path.")
        return f"{self._root}/{job_id}/{tail}".rstrip("/")

    def create(self, body: Mapping[str, Any]) -> Job:
        """Make a job. Where the answer is lost it is asked again, and the first one is left over.

        Args:
            body: as the service wants it, e.g. `operation` and `query`, or `operation`, `object`.

        Raises:
            Rejected, SetupError, AuthError: the org, the user or the object may not use Bulk, or
                what is asked is wrong.
        """
        return self._job(self._client.send("POST", self._root, orjson.dumps(body)).json())

    def info(self, job_id: str) -> Job:
        """The job as it is now.

        Raises:
            JobGone: there is none.
        """
        try:
            return self._job(self._client.get(self.path(job_id)).json())
        except SetupError as error:
            raise gone(error) from None

    def wait(self, job_id: str, deadline: float = DEADLINE) -> Job:
        """Watch the job until it has ended, or until nothing has moved for `deadline` seconds.

        Returns:
            The job as it was seen last: where it has not `ended`, the caller gives it up.

        Raises:
            JobGone: there is none.
            CrmHealthError: the run is to end; the job goes on.
        """
        ports = self._client.ports
        seen: tuple[State, int] | None = None
        moved, pause = ports.clock(), FIRST_PAUSE
        while True:
            self._rest(pause)
            job = self.info(job_id)
            if job.ended:
                return job
            now = ports.clock()
            if (job.state, job.processed) != seen:
                seen, moved = (job.state, job.processed), now
            if now - moved >= deadline:
                return job
            pause = min(2 * pause, LONGEST_PAUSE)

    def _rest(self, seconds: float) -> None:
        ports = self._client.ports
        while seconds > 0:
            ports.stopping()
            ports.sleep(min(seconds, _STEP))
            seconds -= _STEP
        ports.stopping()

    def close(self, job_id: str) -> Job:
        """Say that the upload of an ingest job is whole, so that the work begins."""
        return self._patch(job_id, State.UPLOADED)

    def abort(self, job_id: str) -> None:
        """Stop a job. One that has ended, is gone or can't be stopped now is left as it is."""
        try:
            self._patch(job_id, State.ABORTED)
        except (Rejected, SetupError, Unavailable) as error:
            self._client.ports.log("salesforce.job_not_aborted", job=job_id, code=error.code)

    def _patch(self, job_id: str, state: State) -> Job:
        body = orjson.dumps({"state": state.value})
        return self._job(self._client.send("PATCH", self.path(job_id), body).json())

    @staticmethod
    def _job(body: Any) -> Job:
        try:
            job_id, state = str(body["id"]), State(body["state"])
            processed = int(body.get("numberRecordsProcessed") or 0)
            failed = int(body.get("numberRecordsFailed") or 0)
            error = redact(str(body.get("errorMessage") or ""))
        except (TypeError, KeyError, ValueError, AttributeError):
            raise not_json("a job") from None
        if not is_id(job_id):
            raise not_json("a job")
        return Job(job_id, state, processed, failed, error)


def gone(error: SetupError) -> Exception:
    """What a call about one job raises where the service knows no such job."""
    if error.code in ("NOT_FOUND", "HTTP-404", "ENTITY_IS_DELETED"):
        return JobGone(code=error.code)
    return error
