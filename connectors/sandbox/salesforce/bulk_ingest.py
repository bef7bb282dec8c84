"""Ingest jobs: create, upload, close, and what became of the rows."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.sandbox import jobs
from connectors.sandbox.errors import WireError
from connectors.sandbox.jobs import Job
from connectors.sandbox.salesforce import bulk_csv, bulk_jobs
from connectors.sandbox.salesforce.bulk_query import CSV
from connectors.sandbox.salesforce.wire import Answer, Call

OPERATIONS = ("insert", "update", "upsert", "delete")
BATCH = 10_000


def create(call: Call) -> Answer:
    """POST jobs/ingest."""
    body = call.request.fields
    operation, name = body.get("operation"), str(body.get("object") or "")
    if operation == "hardDelete":
        message = "hardDelete operation requires special user profile permission"
        raise WireError(400, "FEATURENOTENABLED", message)
    if operation not in OPERATIONS:
        raise WireError(400, "INVALIDOPERATION", f"Unknown operation of an ingest job: {operation}")
    records = call.org.records
    kind = records.object(name)
    if kind is None or not records.allowed(kind, call.user_id, "read"):
        raise WireError(400, "INVALIDENTITY", f"Unable to find object: {name}")
    options = bulk_jobs.options(body)
    key = ""
    if operation == "upsert":
        key = _key(call, kind.name, str(body.get("externalIdFieldName") or ""))
    job = call.org.jobs.make(
        direction="ingest",
        operation=operation,
        object=kind.name,
        user_id=call.user_id,
        version=call.number,
        external_id=key,
        rules=call.job_faults + call.row_faults,
        **options,
    )
    return Answer(200, bulk_jobs.created(job))


def _key(call: Call, object_name: str, name: str) -> str:
    """The field that an upsert goes by, as the schema spells it."""
    if not name:
        message = (
            f"External ID was blank for {object_name}. An External ID must be specified for upsert."
        )
        raise WireError(400, "INVALIDJOB", message)
    try:
        kind = call.org.records.need(object_name)
        return call.org.records.upsert_key(kind, name, call.user_id).name
    except WireError:
        message = (
            f"Field name provided, {name} does not match an External ID, Salesforce Id, or indexed "
            f"field for {object_name}"
        )
        raise WireError(400, "INVALIDJOB", message) from None


def upload(call: Call) -> Answer:
    """PUT jobs/ingest/id/batches: the whole CSV, once."""
    job = bulk_jobs.need(call, "ingest")
    if not call.request.headers.get("content-type", "").lower().startswith("text/csv"):
        message = "The content type of job data must be text/csv"
        raise WireError(415, "UNSUPPORTED_MEDIA_TYPE", message)
    if job.state != jobs.OPEN:
        raise bulk_jobs.wrong_state(job, "uploaded to")
    if job.upload is not None:
        raise WireError(
            400,
            "INVALIDJOB",
            f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' the "
            "current Job then create a new Job and make sure you only do 'PUT' once on a given "
            "Job.",
        )
    if len(call.request.body) > call.org.jobs.upload_limit:
        message = f"The job data is larger than {call.org.jobs.upload_limit} bytes"
        raise WireError(413, "REQUEST_ENTITY_TOO_LARGE", message)
    job.upload = call.request.body
    return Answer(201)


def change(call: Call) -> Answer:
    """PATCH jobs/ingest/id: UploadComplete, or Aborted."""
    job = bulk_jobs.need(call, "ingest")
    state = call.request.fields.get("state")
    if state == jobs.ABORTED:
        return bulk_jobs.abort(call, job)
    if state != jobs.UPLOADED:
        raise WireError(400, "INVALIDJOBSTATE", f"A job can not be set to {state}")
    if job.state != jobs.OPEN:
        raise bulk_jobs.wrong_state(job, "closed")
    if job.upload is None:
        raise WireError(400, "INVALIDJOB", f"No contents found for job: <{job.id}>")
    call.org.jobs.move(job, jobs.UPLOADED)
    job.closed = job.modified
    _read(call, job, job.upload)
    # Truthful and small: the text is parsed now, and nobody asks for it again.
    job.upload = b""
    return Answer(200, bulk_jobs.brief(job))


def _read(call: Call, job: Job, raw: bytes) -> None:
    """Parse what was uploaded; a file that can't be read fails the job, not this request."""
    try:
        table = bulk_csv.read(raw, delimiter=job.delimiter, line_ending=job.line_ending)
    except bulk_csv.UnreadableError as error:
        job.unreadable = str(error)
        return
    job.head, job.names, job.rows = table.head, table.names, table.rows
    call.org.jobs.spend("batch", -(-len(table.rows) // BATCH))


def successful(call: Call) -> Answer:
    """GET jobs/ingest/id/successfulResults."""
    job = _ended(call)
    rows = ([id18, str(made).lower(), *job.rows[n]] for n, id18, made in job.saved)
    return _table(job, ("sf__Id", "sf__Created"), rows)


def failed(call: Call) -> Answer:
    """GET jobs/ingest/id/failedResults."""
    job = _ended(call)
    rows = ([f.id18, f.error, *job.rows[f.row]] for f in job.refused)
    return _table(job, ("sf__Id", "sf__Error"), rows)


def unprocessed(call: Call) -> Answer:
    """GET jobs/ingest/id/unprocessedrecords: what a job that ended early never tried."""
    job = _ended(call)
    return _table(job, (), job.rows[job.next :])


def _ended(call: Call) -> Job:
    job = bulk_jobs.need(call, "ingest")
    if job.state not in jobs.ENDED:
        raise bulk_jobs.wrong_state(job, "read")
    return job


def _table(job: Job, extra: tuple[str, ...], rows: Iterable[list[str]]) -> Answer:
    """As recorded: our columns quoted and the client's header as it came, then cells quoted."""
    quoted = [f'"{name}"' for name in extra]
    head = bulk_csv.DELIMITERS[job.delimiter].join([*quoted, job.head])
    body = bulk_csv.write(rows, delimiter=job.delimiter, line_ending=job.line_ending)
    text = head + bulk_csv.LINE_ENDINGS[job.line_ending] + body
    return Answer(200, text.encode(), {}, CSV)


def info(call: Call) -> Answer:
    """GET jobs/ingest/id."""
    return bulk_jobs.info(call, "ingest")


def everything(call: Call) -> Answer:
    """GET jobs/ingest."""
    return bulk_jobs.everything(call, "ingest")


def delete(call: Call) -> Answer:
    """DELETE jobs/ingest/id."""
    return bulk_jobs.delete(call, "ingest")
