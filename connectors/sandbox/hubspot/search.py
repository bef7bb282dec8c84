"""Search: by an index that lags, 10,000 hits at most, never what is archived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.sandbox.hubspot import filters, stamps
from connectors.sandbox.hubspot.errors import bad_request
from connectors.sandbox.hubspot.filters import Filter, Group
from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.project import Reader
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer
from connectors.sandbox.tables import Row

MAX_PAGE, MAX_HITS, MAX_BODY = 200, 10_000, 3_000
_FAR = 2**62
#: What a search without filters looks into, by object type.
_SEARCHED = ("name", "domain", "email", "firstname", "lastname", "dealname", "subject", "phone")


def search(call: Call) -> Answer:
    """POST objects/{type}/search."""
    kind, portal, body = call.kind(), call.portal, call.request.fields
    limit, first = _whole(body, "limit", 10), _whole(body, "after", 0)
    if not 1 <= limit <= MAX_PAGE:
        raise bad_request(f"Invalid limit {limit}: it must be between 1 and {MAX_PAGE}")
    if first + limit > MAX_HITS:
        raise bad_request(f"The maximum number of results is {MAX_HITS}: after + limit is beyond")
    query = str(body.get("query") or "")
    if len(query) > MAX_BODY:
        raise bad_request(f"The query is longer than {MAX_BODY} characters")
    groups = filters.read(portal, kind, body)
    with portal.lock:
        hits = list(_hits(portal, kind, groups, query))
        hits = _sorted(portal, kind, hits, body.get("sorts") or ())
        reader = Reader(portal, kind, body.get("properties") or ())
        table = portal.tables.of(kind.type_id)
        # The index says which records; what they hold is read fresh, and may be gone.
        fresh = (table.get(row["Id"]) for row in hits[first : first + limit])
        results = [reader.record(r) for r in fresh if r is not None and not r["ArchivedAt"]]
    answer: dict[str, Any] = {"total": len(hits), "results": results}
    if first + limit < len(hits):
        answer["paging"] = {"next": {"after": str(first + limit)}}
    return Answer(200, answer)


def _whole(body: Mapping[str, Any], name: str, default: int) -> int:
    value = body.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
        return int(value)
    raise bad_request(f"Invalid integer '{value}' for {name}")


def _hits(portal: Portal, kind: Kind, groups: Sequence[Group], query: str) -> Iterator[Row]:
    """Rows as the index has them that fit some group and the query."""
    words = query.casefold().split()
    unseen = portal.lag.unseen(kind.type_id, portal.clock.now())
    for row in _candidates(portal, kind, groups, unseen):
        if row["ArchivedAt"]:
            continue
        if groups and not any(all(f.test(row) for f in group) for group in groups):
            continue
        if words and not _worded(row, words):
            continue
        yield row


def _worded(row: Row, words: Iterable[str]) -> bool:
    text = " ".join(row[name] or "" for name in _SEARCHED).casefold()
    return all(word in text for word in words)


def _candidates(
    portal: Portal, kind: Kind, groups: Sequence[Group], unseen: Mapping[str, Row | None]
) -> Iterator[Row]:
    """Rows that may fit, each once: found by an index where every group has a filter for one."""
    found: Iterable[Row]
    picked = [_best(kind, group) for group in groups]
    if not groups or None in picked:
        found = portal.tables.of(kind.type_id).values()
    else:
        rows = (r for one in picked if one is not None for r in _by_index(portal, kind, one))
        found = {r["Id"]: r for r in rows}.values()
    yield from (r for r in found if r["Id"] not in unseen)
    yield from (r for r in unseen.values() if r is not None)


def _best(kind: Kind, group: Group) -> Filter | None:
    """The filter of a group that an index serves best: values, else a span of modified dates."""
    by_value = next((f for f in group if f.values), None)
    if by_value is not None:
        return by_value
    spans = [f for f in group if f.name == kind.modified and (f.low, f.high) != (None, None)]
    if not spans:
        return None
    lows = [f.low for f in spans if f.low is not None]
    highs = [f.high for f in spans if f.high is not None]
    first = spans[0]
    return Filter(
        first.name,
        first.operator,
        first.test,
        low=max(lows) if lows else None,
        high=min(highs) if highs else None,
    )


def _by_index(portal: Portal, kind: Kind, one: Filter) -> Iterable[Row]:
    tables = portal.tables
    if one.values and one.name == "hs_object_id":
        table = tables.of(kind.type_id)
        return [table[i] for i in one.values if i in table]
    if one.name == kind.modified:
        return tables.stamped(kind.type_id, _instant(one.low), _instant(one.high))
    if portal.definitions.find(kind.type_id, one.name) is None:
        return []
    return [r for value in one.values for r in tables.find(kind.type_id, one.name, value)]


def _instant(bound: float | None) -> datetime | None:
    if bound is None or abs(bound) > _FAR:
        return None
    try:
        return stamps.of_millis(int(bound))
    except (ValueError, OverflowError, OSError):
        return None


def _sorted(portal: Portal, kind: Kind, hits: list[Row], sorts: Sequence[Any]) -> list[Row]:
    """Hits by one property, or in the order of their ids. Records without a value come last."""
    if len(sorts) > 1:
        raise bad_request("Only one sort is supported")
    name, down = _order(sorts[0]) if sorts else ("hs_object_id", False)
    if name == "hs_object_id":
        return sorted(hits, key=lambda r: int(r["Id"]), reverse=down)
    known = portal.definitions.find(kind.type_id, name)
    if known is None:
        raise bad_request(f"No property {name} of {kind.constant} to sort by")
    if name == kind.modified:
        return sorted(hits, key=lambda r: (r["SystemModstamp"], int(r["Id"])), reverse=down)
    valued, rest = [r for r in hits if r[name]], [r for r in hits if not r[name]]
    if known.type == "number":
        valued.sort(key=lambda r: float(r[name]), reverse=down)
    else:
        valued.sort(key=lambda r: str(r[name]).casefold(), reverse=down)
    return valued + rest


def _order(raw: Any) -> tuple[str, bool]:
    """`name`, `-name`, or `{propertyName, direction}`: which property, and whether downwards."""
    if isinstance(raw, dict):
        return str(raw.get("propertyName", "")), raw.get("direction") == "DESCENDING"
    return str(raw).removeprefix("-"), str(raw).startswith("-")


ROUTES = (Route("POST", r"objects/(?P<type>[^/]+)/search", search),)
