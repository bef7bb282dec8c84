"""query, queryAll and their next pages."""

from __future__ import annotations

import re
from typing import Any

from connectors.sandbox import ids
from connectors.sandbox.errors import WireError
from connectors.sandbox.org import Cursor
from connectors.sandbox.salesforce.wire import Answer, Call
from connectors.sandbox.soql import execute, parse, problems

DEFAULT_PAGE = 2_000
SMALLEST_PAGE = 200
LONG_TEXT_PAGE = 200
_BATCH = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)
_LOCATOR = re.compile(r"(01g\w{15})-(\d+)")


def query(call: Call) -> Answer:
    """GET query?q=: the first page, without deleted rows and archived activities."""
    return _first_page(call, include_deleted=False)


def query_all(call: Call) -> Answer:
    """GET queryAll?q=: the first page, deleted rows and archived activities included."""
    return _first_page(call, include_deleted=True)


def _first_page(call: Call, *, include_deleted: bool) -> Answer:
    text = call.request.query.get("q")
    if not text:
        raise WireError(400, "MALFORMED_QUERY", "SOQL statements cannot be empty or null")
    parsed = parse(text)
    records = call.org.records
    kind = records.object(parsed.source)
    if kind is not None and not records.allowed(kind, call.user_id, "read"):
        raise problems.no_such_object(parsed.text, parsed.source_pos, parsed.source)
    result = execute(parsed, records, call.user_id, include_deleted, call.version)
    asked = _BATCH.search(call.request.headers.get("sforce-query-options", ""))
    size = min(max(int(asked[1]), SMALLEST_PAGE), DEFAULT_PAGE) if asked else DEFAULT_PAGE
    if result.long_text_columns >= 2:
        size = min(size, LONG_TEXT_PAGE)
    if result.aggregate or len(result.rows) <= size:
        return Answer(200, {"totalSize": result.total, "done": True, "records": result.rows[:]})
    number = call.org.keep_cursor(Cursor(result.rows, size, call.user_id))
    return _page(call, Cursor(result.rows, size, call.user_id), number, 0)


def more(call: Call) -> Answer:
    """GET query/<locator>-<offset>: a later page."""
    found = _LOCATOR.fullmatch(call.arg("locator"))
    number = _number(found[1]) if found else 0
    cursor = call.org.cursor(number)
    offset = int(found[2]) if found else 0
    if cursor is None or cursor.owner != call.user_id or offset >= len(cursor.rows):
        raise WireError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(call, cursor, number, offset)


def _page(call: Call, cursor: Cursor, number: int, offset: int) -> Answer:
    end = offset + cursor.size
    done = end >= len(cursor.rows)
    body: dict[str, Any] = {"totalSize": len(cursor.rows), "done": done}
    if not done:
        body["nextRecordsUrl"] = call.url(f"query/{ids.sf_id('01g', number)}-{end}")
    body["records"] = cursor.rows[offset:end]
    return Answer(200, body)


def _number(locator: str) -> int:
    """The cursor number in a locator made by `ids.sf_id`."""
    return ids.number_of(locator) if ids.valid(locator) else 0
