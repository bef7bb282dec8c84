"""Jobs are watched until they end, at a price that stays small, and given up when they don't."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from connectors.salesforce.bulk_jobs import JobGone, JobKind, Jobs, State
from connectors.salesforce.client import Answer
from crm_health.errors import BrokenInvariant, Rejected, SetupError, Unavailable
from crm_health.testing.clock import FixedClock
from crm_health.testing.ports import Log, make_ports

JOB = "750000000000001AAA"


class FakeClient:
    """Answers every call with the next of its bodies; the last one stays."""

    data = "/services/data/v62.0"

    def __init__(self, *replies: Any) -> None:
        self.clock = FixedClock()
        self.log = Log()
        self.ports = make_ports(self.clock, log=self.log)
        self.calls: list[tuple[str, str, Any]] = []
        self._replies = list(replies)

    def get(self, path: str) -> Answer:
        return self._answer("GET", path, None)

    def send(self, method: str, path: str, body: bytes) -> Answer:
        return self._answer(method, path, orjson.loads(body))

    def _answer(self, method: str, path: str, body: Any) -> Answer:
        self.calls.append((method, path, body))
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        return Answer(orjson.dumps(reply))


def about(state: str, **more: Any) -> dict[str, Any]:
    return {"id": JOB, "state": state, **more}


def jobs(client: FakeClient, kind: JobKind = JobKind.QUERY) -> Jobs:
    return Jobs(client, kind)  # type: ignore[arg-type]  # the fake has what is used


def test_a_job_is_made_and_described() -> None:
    """Counters that are not told are nothing yet."""
    client = FakeClient(about("Open"))
    job = jobs(client, JobKind.INGEST).create({"operation": "update", "object": "Account"})
    assert (job.id, job.state, job.processed, job.failed, job.ended) == (
        JOB,
        State.OPEN,
        0,
        0,
        False,
    )
    assert client.calls == [
        ("POST", "/services/data/v62.0/jobs/ingest", {"operation": "update", "object": "Account"})
    ]


@pytest.mark.parametrize("state", ["JobComplete", "Failed", "Aborted"])
def test_waiting_ends_with_the_job(state: str) -> None:
    """Its counters and the reason of a failure come along, the latter without secrets."""
    told = about(
        state,
        numberRecordsProcessed=8,
        numberRecordsFailed=1,
        errorMessage="InvalidBatch : Bearer 00Dxx!abc\n",
    )
    client = FakeClient(about("UploadComplete"), about("InProgress"), told)
    job = jobs(client).wait(JOB)
    assert (job.state.value, job.processed, job.failed, job.ended) == (state, 8, 1, True)
    assert job.error == "InvalidBatch : ***"


def test_pauses_grow() -> None:
    """An hour of steady work costs some hundred looks at most, a second's work one or two."""
    running = [about("InProgress", numberRecordsProcessed=n) for n in range(120)]
    client = FakeClient(*running, about("JobComplete"))
    before = client.clock.monotonic()
    assert jobs(client).wait(JOB).ended
    assert client.clock.monotonic() - before > 3_300
    quick = FakeClient(about("JobComplete"))
    before = quick.clock.monotonic()
    jobs(quick).wait(JOB)
    assert quick.clock.monotonic() - before <= 1


def test_a_job_that_does_not_move_is_handed_back() -> None:
    """It is what does not move that counts, not what takes long."""
    client = FakeClient(about("InProgress", numberRecordsProcessed=5))
    before = client.clock.monotonic()
    job = jobs(client).wait(JOB, 600.0)
    assert not job.ended
    assert 600 <= client.clock.monotonic() - before <= 660


def test_an_upload_is_closed() -> None:
    """The answer says where the job stands then."""
    client = FakeClient(about("UploadComplete"))
    assert jobs(client, JobKind.INGEST).close(JOB).state is State.UPLOADED
    assert client.calls[0][2] == {"state": "UploadComplete"}


@pytest.mark.parametrize(
    "error",
    [Rejected(code="INVALIDJOBSTATE"), SetupError(code="NOT_FOUND"), Unavailable(code="HTTP-503")],
)
def test_a_job_that_can_not_be_aborted_is_left(error: Exception) -> None:
    """It has ended, or the service ends it in time: that is logged, and no reason to fail."""
    client = FakeClient(error)
    jobs(client).abort(JOB)
    assert client.calls[0][2] == {"state": "Aborted"}
    assert [event for event, _ in client.log.events] == ["salesforce.job_not_aborted"]


@pytest.mark.parametrize("code", ["NOT_FOUND", "HTTP-404"])
def test_a_job_that_is_not_there_is_gone(code: str) -> None:
    """Other matters of setup stay what they are."""
    with pytest.raises(JobGone):
        jobs(FakeClient(SetupError(code=code))).info(JOB)
    with pytest.raises(SetupError):
        jobs(FakeClient(SetupError(code="UNSUPPORTED_API_VERSION"))).wait(JOB)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        "x",
        {"id": JOB},
        {"id": JOB, "state": "Somewhere"},
        {"id": "../x", "state": "Open"},
        {"id": JOB, "state": "Open", "numberRecordsProcessed": "many"},
    ],
)
def test_an_answer_that_is_no_job_is_refused(body: Any) -> None:
    """A state that nobody knows would be waited for without end."""
    with pytest.raises(Unavailable):
        jobs(FakeClient(body)).info(JOB)


@pytest.mark.parametrize("text", ["", "../../sobjects", "750/x", "750000000000001AAA\n"])
def test_only_ids_enter_a_path(text: str) -> None:
    """Whoever made the text."""
    with pytest.raises(BrokenInvariant):
        jobs(FakeClient({})).info(text)


def test_a_run_that_is_to_end_does_not_wait_for_a_job() -> None:
    """Also in the middle of a long pause: platforms kill soon after they ask."""
    client = FakeClient(about("InProgress"))
    asked_at = 40.0

    def stopping() -> None:
        if client.clock.monotonic() >= asked_at:
            raise Unavailable("stopped")

    client.ports = replace(client.ports, stopping=stopping)
    with pytest.raises(Unavailable, match="stopped"):
        jobs(client).wait(JOB)
    assert asked_at <= client.clock.monotonic() <= asked_at + 5
