"""updated and deleted: which ids changed in a window of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connectors.sandbox.errors import WireError
from connectors.sandbox.salesforce.rest import sobject
from connectors.sandbox.salesforce.wire import Answer, Call
from connectors.sandbox.schema import ObjectType
from connectors.sandbox.soql import wire_datetime
from connectors.sandbox.tables import Row

UPDATED_DAYS = 30
DELETED_DAYS = 15
MAX_IDS = 600_000


def updated(call: Call) -> Answer:
    """GET sobjects/X/updated: ids saved in the window, and how far it can be trusted."""
    kind = sobject(call)
    start, end = _window(call, UPDATED_DAYS)
    ids = sorted(r["Id"] for r in _saved(call, kind, start, end) if not r.get("IsDeleted"))
    if len(ids) > MAX_IDS:
        raise WireError(400, "EXCEEDED_ID_LIMIT", "too many ids in one window")
    return Answer(200, {"ids": ids, "latestDateCovered": wire_datetime(_covered(call, end))})


def deleted(call: Call) -> Answer:
    """GET sobjects/X/deleted: ids that went to the recycle bin in the window."""
    kind = sobject(call)
    start, end = _window(call, DELETED_DAYS)
    found = [
        {"id": r["Id"], "deletedDate": wire_datetime(r["SystemModstamp"])}
        for r in _saved(call, kind, start, end)
        if r.get("IsDeleted")
    ]
    oldest = call.org.clock.stamp() - timedelta(days=DELETED_DAYS)
    return Answer(
        200,
        {
            "deletedRecords": found,
            "earliestDateAvailable": wire_datetime(oldest),
            "latestDateCovered": wire_datetime(_covered(call, end)),
        },
    )


def record_count(call: Call) -> Answer:
    """GET limits/recordCount: rows per object; empty objects are left out."""
    records = call.org.records
    asked = call.request.query.get("sObjects")
    names = asked.split(",") if asked else [o.name for o in records.objects()]
    kinds = [k for k in map(records.object, names) if k is not None]
    counts = [{"count": records.count(k.name), "name": k.name} for k in kinds]
    return Answer(200, {"sObjects": [c for c in counts if c["count"]]})


def _saved(call: Call, kind: ObjectType, start: datetime, end: datetime) -> list[Row]:
    rows = call.org.records.stamped(kind.name, start, end)
    return [row for row in rows if row["SystemModstamp"] < end]


def _covered(call: Call, end: datetime) -> datetime:
    return min(end, call.org.records.covered_until())


def _window(call: Call, days: int) -> tuple[datetime, datetime]:
    """The window asked for. The service ignores seconds."""
    start, end = (_instant(call, name).replace(second=0) for name in ("start", "end"))
    oldest = call.org.clock.stamp() - timedelta(days=days)
    if start >= end or start < oldest:
        raise WireError(
            400,
            "INVALID_REPLICATION_DATE",
            f"start must be before end and at most {days} days back",
        )
    return start, end


def _instant(call: Call, name: str) -> datetime:
    text = call.request.query.get(name, "").replace(" ", "+")
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise WireError(
            400, "INVALID_REPLICATION_DATE", f"{name} is not a date and time: {text!r}"
        ) from None
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
