"""Writing by ingest jobs of Bulk API 2.0: for backfills, where Collections would take many calls.

A job is noted before it is made, and its id before a byte is uploaded, so that a crash at any
moment leaves nothing that the next run can't end. Until a job is closed nothing of it is carried
out: whatever goes wrong before is undone by aborting it, and its rows go another way.
"""

from __future__ import annotations

import re
from dataclasses import replace

import polars as pl

from connectors.http import LostAnswer
from connectors.salesforce.bulk_jobs import DEADLINE, Job, JobGone, JobKind, Jobs, State
from connectors.salesforce.bulk_notes import JobNotes, Note
from connectors.salesforce.bulk_orphans import orphans
from connectors.salesforce.bulk_results import (
    ANSWERED,
    UNENDED,
    Sent,
    nothing_known,
    parse,
    receipts,
)
from connectors.salesforce.bulk_upload import UPLOAD_MAX, carried, uploads
from connectors.salesforce.client import CSV, Client
from connectors.salesforce.receipts import from_error
from connectors.salesforce.soql import field_path, object_name
from connectors.salesforce.wire import prepared
from crm_health.connector import Batch, Op, Outcome
from crm_health.errors import (
    AuthError,
    CrmHealthError,
    Rejected,
    SetupError,
    Unavailable,
)

#: Rows of one job: what the service works through as one batch of its own, of which an org has
#: 15,000 a day; so more would save calls only. It also bounds memory, and what one `kill` leaves
#: unsettled until the next read.
JOB_ROWS = 10_000
#: Calls of one job: make, upload, close, one look at it, and the results of what did not succeed.
CALLS = 6
_UNKNOWN_FIELD = re.compile(r"Field name not found : (\S{1,80})")


class Ingest:
    """Writes many rows alike; what it can't, or may not, write is left to the caller.

    Args:
        client: of the org.
        bulk_from: rows from which on a job is worth it; 0 for never.
        upload_max: bytes of one upload.
        deadline: seconds without progress after which a job is given up.
    """

    def __init__(
        self,
        client: Client,
        bulk_from: int,
        *,
        upload_max: int = UPLOAD_MAX,
        deadline: float = DEADLINE,
    ) -> None:
        self._client = client
        self._log = client.ports.log
        self._jobs = Jobs(client, JobKind.INGEST)
        self._notes = JobNotes(client.ports)
        self._from = bulk_from
        self._upload_max = upload_max
        self._deadline = deadline

    def takes(self, op: Op, rows: int) -> bool:
        """Whether so many rows go by a job. What is made together with its claim never does."""
        return op is not Op.CREATE_ONCE and 0 < self._from <= rows

    def calls_for(self, op: Op, rows: int) -> int:
        """Calls that so many rows take; an upsert also asks for the ids of its records."""
        return -(-rows // JOB_ROWS) * (CALLS + (op is Op.UPSERT))

    def write(self, batch: Batch) -> pl.DataFrame:
        """Write rows of an UPDATE or UPSERT by jobs.

        Returns:
            `ANSWERED`: a receipt a row. Rows without one were not sent.

        Raises:
            SetupError: the service lacks a field, and nothing was written before.
            Unavailable: the run is to end, and nothing was written before.
            BrokenInvariant: a number that is none; nothing was sent.
        """
        key = "id" if batch.op is Op.UPDATE else str(batch.key_field)
        parts = [pl.DataFrame(schema=ANSWERED)]
        rows = prepared(batch.rows)
        for part, body in uploads(rows.filter(carried(rows, key)), JOB_ROWS, self._upload_max):
            if not self._from:
                break
            sent = Sent(
                batch.op,
                batch.object,
                "Id" if batch.op is Op.UPDATE else key,
                part.select("seq", pl.col(key).alias("key")),
            )
            try:
                # A job that was left unended because the run is to end must be the last one.
                self._client.ports.stopping()
                answered = self._job(sent, body)
            except (SetupError, Unavailable) as error:
                if len(parts) == 1:
                    raise
                # What came before was answered, and its receipts must not be lost.
                answered = nothing_known(sent, from_error(error, Outcome.RETRY))
            if answered is not None:
                parts.append(answered)
        return pl.concat(parts)

    def settle(self) -> None:
        """End what is noted: see `Connector.settle`.

        Raises:
            QuotaExhausted, Unavailable: a job may still be under way.
        """
        for note in self._notes.all():
            try:
                if note.id:
                    self._end(note.id)
                else:
                    self._sweep(note)
            except (AuthError, JobGone, Rejected, SetupError) as error:
                # It can't be reached any more. One that was never closed dies within a day.
                self._log("salesforce.job_not_settled", job=note.id, code=error.code)
            self._notes.forget(note)

    def _job(self, sent: Sent, body: bytes) -> pl.DataFrame | None:
        """Receipts of one job; None where nothing of it was carried out."""
        note = self._made(sent)
        if note is None:
            return None
        try:
            self._upload(note.id, body)
        except CrmHealthError as error:
            self._log("salesforce.bulk_upload", job=note.id, code=error.code)
            self._give_up(note)
            return None
        try:
            self._jobs.close(note.id)
        except CrmHealthError as error:
            # It may have been carried out all the same: the job itself tells.
            job = self._look(note.id)
            if job is None:
                return nothing_known(sent, from_error(error, Outcome.UNKNOWN))
            if job.state is State.OPEN:
                self._log("salesforce.bulk_close", job=note.id, code=error.code)
                self._give_up(note)
                return None
        return self._watched(sent, note)

    def _made(self, sent: Sent) -> Note | None:
        """A new job, noted; None where Bulk can't be had, now and for the rest of the run."""
        operation = sent.op.value
        now = self._client.now
        asked = Note(sent.object, operation, now.isoformat() if now else "")
        body = {
            "object": object_name(sent.object),
            "operation": operation,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        if sent.op is Op.UPSERT:
            body["externalIdFieldName"] = field_path(sent.key_field)
        self._notes.add(asked)
        before = self._client.ports.budget.spent
        job, lost = None, False
        try:
            job = self._jobs.create(body)
        except CrmHealthError as error:
            self._off("not made", error.code)
            lost = isinstance(error, LostAnswer)
        note = replace(asked, id=job.id) if job else None
        if note:
            self._notes.replace(asked, note)
        if lost or self._client.ports.budget.spent - before > 1:
            # One of several calls may have made a job too, unheard.
            self._sweep_now(asked, note)
        elif note is None:
            self._notes.forget(asked)
        return note

    def _upload(self, job_id: str, body: bytes) -> None:
        self._client.send("PUT", self._jobs.path(job_id, "batches"), body, {"Content-Type": CSV})

    def _watched(self, sent: Sent, note: Note) -> pl.DataFrame:
        """Wait for a closed job to end, and read what it says."""
        try:
            job = self._jobs.wait(note.id, self._deadline)
            if not job.ended:
                self._off("too slow", "CH-SF-JOB-SLOW")
                self._jobs.abort(note.id)
                job = self._jobs.info(note.id)
        except JobGone as error:
            self._notes.forget(note)
            return nothing_known(sent, from_error(error, Outcome.UNKNOWN))
        except CrmHealthError as error:
            return nothing_known(sent, from_error(error, Outcome.UNKNOWN))
        if not job.ended:
            return nothing_known(sent, UNENDED)
        self._log(
            "salesforce.bulk_write",
            job=note.id,
            state=job.state.value,
            rows=sent.rows.height,
            processed=job.processed,
            failed=job.failed,
        )
        if job.state is State.FAILED:
            self._raise_if_setup(note, job)
            self._off("failed", "CH-SF-JOB-FAILED")
        answered = receipts(sent, job, lambda name: self._results(note.id, name, sent.key_field))
        self._notes.forget(note)
        return answered

    def _results(self, job_id: str, name: str, key_field: str) -> pl.DataFrame | None:
        try:
            answer = self._client.get(self._jobs.path(job_id, name), headers={"Accept": CSV})
        except CrmHealthError as error:
            self._log("salesforce.bulk_results", job=job_id, code=error.code)
            return None
        return parse(answer.body, key_field)

    def _raise_if_setup(self, note: Note, job: Job) -> None:
        unknown = _UNKNOWN_FIELD.search(job.error)
        if unknown is None or job.processed:
            return
        self._notes.forget(note)
        raise SetupError(
            f"Salesforce has no field {note.object}.{unknown.group(1)}, or the integration user "
            "may not write it: run `crm-health setup`.",
            code="InvalidBatch",
        )

    def _off(self, why: str, code: str) -> None:
        """No more jobs in this run: Collections get there too. Said once."""
        if self._from:
            self._log("salesforce.bulk_off", why=why, code=code)
        self._from = 0

    def _look(self, job_id: str) -> Job | None:
        try:
            return self._jobs.info(job_id)
        except CrmHealthError:
            return None

    def _give_up(self, note: Note) -> None:
        """Abort a job of which nothing is carried out; its note stays until that is certain."""
        try:
            self._jobs.abort(note.id)
            job = self._jobs.info(note.id)
        except JobGone:
            self._notes.forget(note)
        except CrmHealthError as error:
            self._log("salesforce.job_not_settled", job=note.id, code=error.code)
        else:
            if job.ended:
                self._notes.forget(note)

    def _end(self, job_id: str) -> None:
        """Abort a job that was never closed; wait for one that was, but not for ever.

        Raises:
            Unavailable: it goes on all the same.
        """
        job = self._jobs.info(job_id)
        if job.state in (State.UPLOADED, State.RUNNING):
            job = self._jobs.wait(job_id, self._deadline)
        if not job.ended:
            self._jobs.abort(job_id)
            job = self._jobs.info(job_id)
        self._log("salesforce.job_settled", job=job_id, state=job.state.value)
        if not job.ended:
            raise Unavailable(
                "A job of an earlier run is still under way in Salesforce and can't be stopped.",
                code="CH-SF-JOB",
            )

    def _sweep(self, note: Note, known: str = "") -> None:
        """Abort jobs that were made unheard."""
        for job_id in orphans(self._client, note, known):
            self._jobs.abort(job_id)
            self._log("salesforce.job_orphan", job=job_id)

    def _sweep_now(self, asked: Note, made: Note | None) -> None:
        try:
            self._sweep(asked, made.id if made else "")
        except CrmHealthError as error:
            self._log("salesforce.job_not_settled", job="", code=error.code)
            if made:
                # The next run looks again.
                self._notes.add(asked)
        else:
            self._notes.forget(asked)
