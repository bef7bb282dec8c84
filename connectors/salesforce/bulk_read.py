"""Reading by Bulk API 2.0: a job for each large object, its results page by page.

The jobs of all objects are made first, so that the service works on them at the same time, and
each is stored with the cursor before it is waited for. A job whose results can't be used is
forgotten, and the rows are read again from where the window began: by another job, then by REST.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from connectors.http import TooLarge
from connectors.salesforce.bulk_csv import BadResults, parse_results
from connectors.salesforce.bulk_jobs import Job, JobGone, JobKind, Jobs, State, gone
from connectors.salesforce.cells import finish
from connectors.salesforce.client import CSV, Answer, Client
from connectors.salesforce.cursor import Place, is_locator
from connectors.salesforce.errors import QueryLost
from connectors.salesforce.window import Window
from crm_health.connector import Page
from crm_health.errors import AuthError, Rejected, SetupError, Unavailable

EMPTY_PAGES_MAX = 10
#: A page that is too large is asked for in halves, down to this.
PAGE_MIN = 100
#: These refusals are about the org, so that no other object is tried.
_ORG_WIDE = frozenset({"FEATURENOTENABLED", "EXCEEDEDQUOTA", "LIMIT_EXCEEDED"})

_END = "null"
_CODE = re.compile(r"\w{1,60}", re.ASCII)


class JobFailed(Unavailable):
    """A Bulk job came to nothing: its rows are to be read by REST."""


class BulkReader:
    """Reads windows by jobs, while the org allows it."""

    def __init__(self, client: Client, least: int, page_rows: int) -> None:
        self._client = client
        self._jobs = Jobs(client, JobKind.QUERY)
        self._least = least
        self._page_rows = page_rows
        self._refused: set[str] = set()

    @property
    def on(self) -> bool:
        """Whether jobs may be made at all."""
        return self._least > 0

    def suits(self, window: Window, rows: int) -> bool:
        """Whether so many rows are read by a job."""
        return self.allows(window) and rows >= self._least

    def allows(self, window: Window) -> bool:
        """Whether a job may be tried."""
        return self.on and window.name not in self._refused

    def begin(self, window: Window, watermark: datetime | None) -> Window | None:
        """Make a job for the window; None where the service refuses, which is logged once.

        Why it refuses is for REST to say: it gives its own answer to the same query.
        """
        body = {
            "operation": "queryAll",
            "query": window.bulk_query,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        try:
            job = self._jobs.create(body)
        except (AuthError, Rejected, SetupError) as error:
            self._refused.add(window.name)
            if isinstance(error, AuthError) or error.code in _ORG_WIDE:
                self._least = 0
            self._log("bulk_refused", window, code=error.code)
            return None
        return window.begun(Place(job.id, window.digest(self._client.version)), watermark)

    def fits(self, window: Window) -> bool:
        """Whether the job that the cursor names was made for this very query."""
        place = window.cursor.place
        return place is not None and place.digest == window.digest(self._client.version)

    def pages(self, window: Window) -> Iterator[Page]:
        """The pages of the window's job, the last one only once all rows are there.

        Raises:
            JobGone: the service no longer has it.
            JobFailed: it failed, was aborted, or does not end.
            BadResults: its results are not whole, or not what was asked for.
        """
        place = window.cursor.place
        job = self._ended(window)
        seen = {place.locator} if place else set()
        empty, page_rows = 0, self._page_rows
        while place is not None:
            answer, page_rows = self._page(place, page_rows, window)
            rows, bad = parse_results(answer.body, window.bulk_columns, window.stream, window.shape)
            told = answer.headers.get("Sforce-NumberOfRecords", "")
            if told.isdecimal() and int(told) != rows.height:
                raise _short(window, int(told), rows.height)
            locator = answer.headers.get("Sforce-Locator", "") or _END
            total = place.rows + rows.height
            last = locator == _END
            if total > job.processed or (last and total != job.processed):
                raise _short(window, job.processed, total)
            empty = 0 if rows.height else empty + 1
            if not last and (
                locator in seen or empty >= EMPTY_PAGES_MAX or not is_locator(locator)
            ):
                raise BadResults(f"The results of {window.name} do not end.", code="CH-SF-PAGES")
            seen.add(locator)
            place = None if last else Place(place.job, place.digest, locator, total)
            cursor = window.cursor.finished() if place is None else window.at(place).cursor
            yield Page(window.stream, finish(rows, window.stream), cursor.dump(), last, bad)

    def _ended(self, window: Window) -> Job:
        place = window.cursor.place
        if place is None:
            raise JobFailed(code="CH-SF-JOB")
        job = self._jobs.wait(place.job)
        if not job.ended:
            self._jobs.abort(job.id)
        if job.state is not State.COMPLETE:
            code = _CODE.match(job.error)
            self._log("bulk_failed", window, state=job.state.value, code=code and code.group())
            raise JobFailed(code="CH-SF-JOB")
        return job

    def _page(self, place: Place, rows: int, window: Window) -> tuple[Answer, int]:
        while True:
            path = f"{self._jobs.path(place.job, 'results')}?maxRecords={rows}"
            if place.locator:
                path += f"&locator={quote(place.locator, safe='')}"
            try:
                return self._client.get(path, headers={"Accept": CSV}), rows
            except TooLarge:
                if rows // 2 < PAGE_MIN:
                    raise
                rows //= 2
            except QueryLost as error:
                raise JobGone(code=error.code) from None
            except SetupError as error:
                raise gone(error) from None
            except Rejected as error:
                self._log("bulk_failed", window, state="results", code=error.code)
                raise JobFailed(code=error.code) from None

    def _log(self, event: str, window: Window, **values: object) -> None:
        self._client.ports.log(f"salesforce.{event}", object=window.name, **values)


def _short(window: Window, told: int, found: int) -> BadResults:
    return BadResults(
        f"Salesforce counted {told} rows of {window.name} but gave {found}.", code="CH-SF-COUNT"
    )
