"""What query and ingest jobs share on the wire: info, list, abort, delete, and their progress."""

from __future__ import annotations

from typing import Any

from connectors.sandbox import jobs
from connectors.sandbox.errors import WireError
from connectors.sandbox.jobs import Job
from connectors.sandbox.org import Org
from connectors.sandbox.salesforce import bulk_load
from connectors.sandbox.salesforce.bulk_csv import DELIMITERS, LINE_ENDINGS
from connectors.sandbox.salesforce.errors import not_found
from connectors.sandbox.salesforce.wire import Answer, Call
from connectors.sandbox.soql import wire_datetime

_FAILURE = "InternalServerError : An unexpected error occurred while processing the job"
_ABORTABLE = jobs.WAITING | {jobs.OPEN}


def tick(org: Org) -> None:
    """Let time pass for every job: before each request, so that jobs go on without questions."""
    org.jobs.age()
    for job in org.jobs:
        step(org, job)


def step(org: Org, job: Job) -> None:
    """Do as much of a job as is done by now, and end it when that is all of it."""
    if job.state not in jobs.WAITING:
        return
    share = job.share(org.clock.now())
    if share == 0:
        return
    if job.state == jobs.UPLOADED:
        org.jobs.move(job, jobs.RUNNING)
    ending = job.rule("job_fails") or job.rule("job_aborts") or job.rule("job_hangs")
    if job.direction == "ingest":
        limit = len(job.rows)
        if ending is not None:
            limit = min(ending.count or 0, limit)
        elif (left := job.rule("job_unprocessed")) is not None:
            limit = max(limit - (left.count or 1), 0)
        done = limit if job.rule("job_hangs") else int(limit * share)
        error = bulk_load.load(org, job, done)
        if error:
            job.error = error
            org.jobs.move(job, jobs.FAILED)
            return
    if share < 1:
        return
    if job.rule("job_aborts"):
        org.jobs.move(job, jobs.ABORTED)
    elif (failed := job.rule("job_fails")) is not None:
        job.error = failed.message or _FAILURE
        org.jobs.move(job, jobs.FAILED)
    else:
        org.jobs.move(job, jobs.DONE)


def need(call: Call, direction: str) -> Job:
    """The job that the path names, with the row faults of this call. Raises WireError 404."""
    job = call.org.jobs.find(direction, call.arg("job"))
    if job is None:
        raise not_found()
    job.rules += call.row_faults
    return job


def wrong_state(job: Job, what: str) -> WireError:
    """A step that the job's state does not allow."""
    message = f"Job {job.id} is in state {job.state}: it can not be {what}"
    return WireError(400, "INVALIDJOBSTATE", message)


def options(body: dict[str, Any]) -> dict[str, str]:
    """What a new job says of its CSV. Raises WireError for what the service does not know."""
    delimiter = body.get("columnDelimiter", "COMMA")
    ending = body.get("lineEnding", "LF")
    if delimiter not in DELIMITERS or ending not in LINE_ENDINGS or _content(body) != "CSV":
        raise WireError(
            400, "INVALIDJOB", "Unknown contentType, columnDelimiter or lineEnding of a job"
        )
    return {"delimiter": delimiter, "line_ending": ending}


def _content(body: dict[str, Any]) -> Any:
    return body.get("contentType", "CSV")


def brief(job: Job) -> dict[str, Any]:
    """What a change of state answers: the first part of every body about a job."""
    body: dict[str, Any] = {
        "id": job.id,
        "operation": job.operation,
        "object": job.object,
        "createdById": job.user_id,
        "createdDate": wire_datetime(job.created),
        "systemModstamp": wire_datetime(job.modified),
        "state": job.state,
    }
    if job.external_id:
        body["externalIdFieldName"] = job.external_id
    return body | {
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": job.version,
    }


def created(job: Job) -> dict[str, Any]:
    """What creation answers."""
    body = brief(job)
    if job.direction == "ingest":
        body["contentUrl"] = f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"
    return body | {"lineEnding": job.line_ending, "columnDelimiter": job.delimiter}


def about(job: Job) -> dict[str, Any]:
    """What GET of a job answers. Times are made up: some milliseconds a row."""
    body = brief(job)
    processed = _processed(job)
    if job.direction == "ingest" and job.state == jobs.OPEN:
        body["contentUrl"] = created(job)["contentUrl"]
    body |= {
        "jobType": "V2Query" if job.direction == "query" else "V2Ingest",
        "lineEnding": job.line_ending,
        "columnDelimiter": job.delimiter,
        "numberRecordsProcessed": processed,
    }
    if job.direction == "query":
        body |= {
            "retries": 0,
            "totalProcessingTime": processed // 2,
            "isPkChunkingSupported": True,
        }
    else:
        body |= {
            "numberRecordsFailed": len(job.refused),
            "retries": 0,
            "totalProcessingTime": processed // 2,
            "apiActiveProcessingTime": processed // 3,
            "apexProcessingTime": 0,
        }
    if job.error:
        body["errorMessage"] = job.error
    return body


def _processed(job: Job) -> int:
    if job.direction == "ingest":
        return job.next
    done = job.state == jobs.DONE and job.found is not None
    return len(job.found) if done and job.found is not None else 0


def info(call: Call, direction: str) -> Answer:
    """GET jobs/query/id and jobs/ingest/id. Asking moves a job on."""
    job = need(call, direction)
    if job.state in jobs.WAITING:
        job.polls += 1
        step(call.org, job)
    return Answer(200, about(job))


def everything(call: Call, direction: str) -> Answer:
    """GET jobs/query and jobs/ingest: all on one page, newest first."""
    found = [_listed(job) for job in call.org.jobs if job.direction == direction]
    return Answer(200, {"done": True, "records": found[::-1], "nextRecordsUrl": None})


def _listed(job: Job) -> dict[str, Any]:
    kind = "V2Query" if job.direction == "query" else "V2Ingest"
    return brief(job) | {"jobType": kind}


def abort(call: Call, job: Job) -> Answer:
    """PATCH {"state": "Aborted"}. What was saved by then stays."""
    if job.state not in _ABORTABLE:
        raise wrong_state(job, "aborted")
    call.org.jobs.move(job, jobs.ABORTED)
    return Answer(200, brief(job))


def delete(call: Call, direction: str) -> Answer:
    """DELETE of a job that has ended, results and all."""
    job = need(call, direction)
    if job.state not in jobs.ENDED:
        raise wrong_state(job, "deleted")
    call.org.jobs.drop(job)
    return Answer(204)
