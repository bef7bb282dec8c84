"""Query jobs: what Bulk API 2.0 refuses to read, and results page by page."""

from __future__ import annotations

import base64
import binascii
import gzip
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.sandbox import jobs
from connectors.sandbox.errors import WireError
from connectors.sandbox.jobs import Job
from connectors.sandbox.salesforce import bulk_csv, bulk_jobs
from connectors.sandbox.salesforce.bulk_cells import odd
from connectors.sandbox.salesforce.wire import Answer, Call
from connectors.sandbox.soql import Found, ast, execute, parse
from connectors.sandbox.soql.group import is_aggregate

CSV = "text/csv;charset=UTF-8"
PAGE = 50_000
MAX_RESULT_URLS = 5
OPERATIONS = ("query", "queryAll")
_TYPEOF = re.compile(r"\bTYPEOF\s+\w+\s+WHEN\b", re.IGNORECASE)
_COMPOUND = frozenset(
    {"address", "billingaddress", "shippingaddress", "mailingaddress", "otheraddress"}
)
# Not kept here in the first place; the service keeps them, and refuses them in a job.
_REST_ONLY = frozenset(
    {
        "acceptedeventrelation",
        "casestatus",
        "contractstatus",
        "declinedeventrelation",
        "eventwhorelation",
        "partnerrole",
        "solutionstatus",
        "taskpriority",
        "taskstatus",
        "taskwhorelation",
        "undecidedeventrelation",
    }
)


def create(call: Call) -> Answer:
    """POST jobs/query. The rows are those of this moment."""
    body = call.request.fields
    operation, text = body.get("operation"), body.get("query")
    if operation not in OPERATIONS:
        raise WireError(400, "INVALIDOPERATION", f"Unknown operation of a query job: {operation}")
    if not isinstance(text, str) or not text.strip():
        raise WireError(400, "MALFORMED_QUERY", "SOQL statements cannot be empty or null")
    options = bulk_jobs.options(body)
    if call.org.jobs.left("query") == 0:
        limit = call.org.jobs.query_limit
        message = f"Max bulk v2 query jobs ({limit}) per 24 hrs has been reached"
        raise WireError(400, "LIMIT_EXCEEDED", message)
    query = _checked(text)
    result = execute(query, call.org.records, call.user_id, operation == "queryAll", call.version)
    found = result.rows if query.order_by else result.rows.reordered(_shuffled(result.total))
    kind = call.org.records.need(query.source)
    job = call.org.jobs.make(
        direction="query",
        operation=operation,
        object=kind.name,
        user_id=call.user_id,
        version=call.number,
        state=jobs.UPLOADED,
        rules=call.job_faults,
        found=found,
        **options,
    )
    job.closed = job.created
    call.org.jobs.spend("query")
    return Answer(200, bulk_jobs.created(job))


def _checked(text: str) -> ast.Query:
    """The query, if a job may run it."""
    if _TYPEOF.search(text):
        raise _unsupported("TYPEOF clauses are not supported in Bulk Query")
    query = parse(text)
    if query.source.lower() in _REST_ONLY:
        message = f"{query.source} is not supported by the Bulk API"
        raise WireError(400, "INVALIDENTITY", message)
    if is_aggregate(query) or any(_counts(item) for item in query.items):
        raise _unsupported("Aggregate functions and GROUP BY are not supported in Bulk Query")
    if query.offset:
        raise _unsupported("OFFSET is not supported in Bulk Query")
    for item in query.items:
        if isinstance(item.what, ast.Query):
            raise _unsupported(
                "Aggregate Relationships not supported in Bulk V2 Query with CSV content type"
            )
        if isinstance(item.what, ast.Path) and item.what.parts[-1].lower() in _COMPOUND:
            raise _unsupported("Selecting compound data not supported in Bulk Query")
    return query


def _counts(item: ast.Item) -> bool:
    return isinstance(item.what, ast.Call) and item.what.name == "COUNT"


def _unsupported(message: str) -> WireError:
    return WireError(400, "API_ERROR", message)


def change(call: Call) -> Answer:
    """PATCH jobs/query/id: a query job can only be aborted."""
    job = bulk_jobs.need(call, "query")
    if call.request.fields.get("state") != jobs.ABORTED:
        raise WireError(400, "INVALIDJOBSTATE", "A query job can only be set to Aborted")
    return bulk_jobs.abort(call, job)


def results(call: Call) -> Answer:
    """GET jobs/query/id/results: one page of CSV, its header row included."""
    job, found = _done(call)
    start = _offset(call.request.query.get("locator", ""))
    size = _size(call.request.query.get("maxRecords"))
    total = len(found)
    if start > 0 and start >= total:
        raise WireError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    end = min(start + size, total)
    short = job.rule("job_short")
    # Fewer rows than the job promised: the last ones are missing, whatever page they are on.
    shown = max(min(end, total - (short.count or 1)), start) if short else end
    headers = {
        "Sforce-NumberOfRecords": str(shown - start),
        "Sforce-Locator": "null" if end >= total else locator(end),
    }
    if job.rule("job_no_count"):
        del headers["Sforce-NumberOfRecords"]
    table = itertools.chain(
        [[one.path for one in found.selected]], _cells(job, found, start, shown)
    )
    content = bulk_csv.write(table, delimiter=job.delimiter, line_ending=job.line_ending)
    return Answer(200, _packed(call, content.encode(), headers), headers, CSV)


def _packed(call: Call, content: bytes, headers: dict[str, str]) -> bytes:
    """Compressed, as the service sends results to whoever can read that."""
    if "gzip" not in call.request.headers.get("accept-encoding", ""):
        return content
    headers["Content-Encoding"] = "gzip"
    return gzip.compress(content, compresslevel=1, mtime=0)


def result_pages(call: Call) -> Answer:
    """GET jobs/query/id/resultPages: addresses of up to five pages, to fetch at once."""
    if call.number < 58:
        raise WireError(404, "NOT_FOUND", "The requested resource does not exist")
    job, found = _done(call)
    start = _offset(call.request.query.get("locator", ""))
    url = call.url(f"jobs/query/{job.id}")
    starts = list(range(start, max(len(found), 1), PAGE))
    shown = [{"resultUrl": f"{url}/results?locator={locator(n)}"} for n in starts[:MAX_RESULT_URLS]]
    if len(starts) <= MAX_RESULT_URLS:
        return Answer(200, {"resultPages": shown, "done": True})
    after = f"{url}/resultPages?locator={locator(starts[MAX_RESULT_URLS])}"
    return Answer(200, {"resultPages": shown, "nextRecordUrl": after, "done": False})


def _done(call: Call) -> tuple[Job, Found]:
    """The job and what it found, for somebody who may have it now."""
    job = bulk_jobs.need(call, "query")
    if job.version != call.number:
        # Only the status is documented: the code and the text are our own.
        raise WireError(
            409,
            "API_VERSION_MISMATCH",
            f"The job was created with API version {job.version}: fetch its results with the same",
        )
    if job.state != jobs.DONE or job.found is None:
        raise bulk_jobs.wrong_state(job, "read")
    return job, job.found


def _cells(job: Job, found: Found, start: int, end: int) -> Iterator[Sequence[Any]]:
    """The page's rows, made column by column."""
    columns = []
    for one, values in zip(found.selected, found.values(start, end), strict=True):
        cell = bulk_csv.cell_of(one.type)
        columns.append(values if cell is None else list(map(cell, values)))
    rows = zip(*columns, strict=True)
    spoil = job.rule("job_odd_cells")
    if spoil is None:
        return rows
    kinds = [one.type for one in found.selected]
    return (odd(spoil, cells, kinds, place) for place, cells in enumerate(rows, start))


def _shuffled(count: int) -> Iterator[int]:
    """The order of rows where no ORDER BY asks for one: always the same, and none at all.

    The service promises none, and its chunks come as they come. A step that shares no factor with
    the count visits each row once; the last place never holds the last row.
    """
    step = int(count * 0.618034) | 1
    while math.gcd(step, count) != 1:
        step += 2
    first = max(count // 3, 1)
    if first == step - 1:
        first += 1
    return ((place * step + first) % count for place in range(count))


def locator(offset: int) -> str:
    """The documented form: the row's number in base64, without padding."""
    return base64.urlsafe_b64encode(str(offset).encode()).decode().rstrip("=")


def _offset(text: str) -> int:
    if not text:
        return 0
    try:
        return int(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        raise WireError(400, "INVALID_QUERY_LOCATOR", "invalid query locator") from None


def _size(text: str | None) -> int:
    if text is None:
        return PAGE
    if not text.isdecimal() or int(text) < 1:
        raise WireError(400, "API_ERROR", f"maxRecords is no positive number: {text}")
    return int(text)


def info(call: Call) -> Answer:
    """GET jobs/query/id."""
    return bulk_jobs.info(call, "query")


def everything(call: Call) -> Answer:
    """GET jobs/query."""
    return bulk_jobs.everything(call, "query")


def delete(call: Call) -> Answer:
    """DELETE jobs/query/id."""
    return bulk_jobs.delete(call, "query")
