"""composite, composite/batch and composite/graph: several requests in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from connectors.sandbox.errors import WireError
from connectors.sandbox.salesforce.errors import HALTED, HALTED_CODE, refusal
from connectors.sandbox.salesforce.wire import INHERITED, Answer, Call

MAX_PARTS = 25
MAX_QUERIES = 5
MAX_GRAPHS = 75
MAX_NODES = 500
MAX_FAILED_GRAPHS = 14

Dispatch = Callable[[Call], Answer]
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_NODE = re.compile(r"/services/data/v\d+\.\d/sobjects/\w+(/[^/]+){0,2}/?")


class _UndoError(Exception):
    """Leaves the transaction so that nothing of it stays."""


def composite(call: Call, dispatch: Dispatch) -> Answer:
    """POST composite: in order, with references; HTTP 200 whatever its parts answer."""
    parts = _list(call, "compositeRequest", MAX_PARTS)
    _check_parts(parts)
    all_or_none = bool(call.request.fields.get("allOrNone", False))
    answers = _together(call, parts, dispatch, all_or_none=all_or_none)
    return Answer(200, {"compositeResponse": answers[0]})


def batch(call: Call, dispatch: Dispatch) -> Answer:
    """POST composite/batch: independent requests, with `haltOnError` if asked."""
    parts = _list(call, "batchRequests", MAX_PARTS)
    halt = bool(call.request.fields.get("haltOnError", False))
    results: list[dict[str, Any]] = []
    failed = False
    for part in parts:
        if failed and halt:
            error = {
                "errorCode": "BATCH_PROCESSING_HALTED",
                "message": "A previous request failed",
            }
            results.append({"statusCode": 412, "result": [error]})
            continue
        url = "/services/data/" + str(part.get("url", "")).lstrip("/").removeprefix(
            "services/data/"
        )
        inner = call.inner(str(part.get("method", "GET")), url, part.get("richInput"))
        answer = _guarded(inner, dispatch)
        failed = failed or answer.status >= 400
        results.append({"statusCode": answer.status, "result": answer.body})
    return Answer(200, {"hasErrors": failed, "results": results})


def graph(call: Call, dispatch: Dispatch) -> Answer:
    """POST composite/graph: each graph is one transaction of single-record requests."""
    graphs = _list(call, "graphs", MAX_GRAPHS)
    nodes = sum(len(g.get("compositeRequest") or ()) for g in graphs)
    if nodes > MAX_NODES:
        raise WireError(
            400,
            "LIMIT_EXCEEDED",
            f"At most {MAX_NODES} nodes in one payload, found {nodes}",
        )
    names = [g.get("graphId") for g in graphs]
    if None in names or len(set(names)) < len(names):
        raise WireError(400, "INVALID_INPUT", "Each graph needs a graphId of its own")
    done: list[dict[str, Any]] = []
    failures = 0
    for one in graphs:
        parts = one.get("compositeRequest") or []
        if failures >= MAX_FAILED_GRAPHS:
            answers, good = [_halted(p) for p in parts], False
        else:
            answers, good = _together(call, parts, dispatch, all_or_none=True, single_records=True)
        failures += not good
        done.append(
            {
                "graphId": one["graphId"],
                "graphResponse": {"compositeResponse": answers},
                "isSuccessful": good,
            }
        )
    return Answer(200, {"graphs": done})


def _together(
    call: Call,
    parts: list[dict[str, Any]],
    dispatch: Dispatch,
    *,
    all_or_none: bool,
    single_records: bool = False,
) -> tuple[list[dict[str, Any]], bool]:
    """The parts' answers, and whether all went well; undone as a whole if that was asked."""
    answers: list[dict[str, Any]] = []
    bodies: dict[str, Any] = {}
    bad: int | None = None
    try:
        with call.org.records.transaction():
            for n, part in enumerate(parts):
                answer = _part(call, part, bodies, dispatch, single_records=single_records)
                bodies[str(part.get("referenceId"))] = answer.body
                answers.append(_response(part, answer))
                bad = n if answer.status >= 400 and bad is None else bad
                _settle(bad, all_or_none=all_or_none)
    except _UndoError:
        answers = [answers[n] if n == bad else _halted(part) for n, part in enumerate(parts)]
    return answers, bad is None


def _part(
    call: Call,
    part: Mapping[str, Any],
    bodies: Mapping[str, Any],
    dispatch: Dispatch,
    *,
    single_records: bool,
) -> Answer:
    try:
        url = str(_resolve(part.get("url", ""), bodies))
        body = _resolve(part.get("body"), bodies)
        if single_records:
            _check_node(url)
    except WireError as error:
        return refusal(error, call.version)
    url = quote(url, safe="/?&=%:,()'+@!$;*-._~")
    headers = part.get("httpHeaders") or {}
    return _guarded(call.inner(str(part.get("method", "GET")), url, body, headers), dispatch)


def _settle(bad: int | None, *, all_or_none: bool) -> None:
    if all_or_none and bad is not None:
        raise _UndoError


def _check_parts(parts: list[dict[str, Any]]) -> None:
    """What fails a composite as a whole. The texts are ours: none was recorded."""
    if any(INHERITED & {name.lower() for name in p.get("httpHeaders") or {}} for p in parts):
        raise WireError(400, "INVALID_INPUT", "A part inherits Accept, Authorization, Content-Type")
    if any(not re.fullmatch(r"\w+", str(p.get("referenceId")), re.ASCII) for p in parts):
        raise WireError(400, "INVALID_INPUT", "A referenceId holds letters, digits and _ only")
    several = re.compile(r"/(?:query|queryAll|composite/sobjects)\b")
    if sum(bool(several.search(str(p.get("url")).partition("?")[0])) for p in parts) > MAX_QUERIES:
        raise WireError(400, "LIMIT_EXCEEDED", f"At most {MAX_QUERIES} queries or collections")


def _check_node(url: str) -> None:
    if not _NODE.fullmatch(url.partition("?")[0]):
        raise WireError(400, "INVALID_INPUT", f"A graph takes single-record urls only: {url}")


def _guarded(inner: Call, dispatch: Dispatch) -> Answer:
    try:
        with inner.org.records.transaction():
            return dispatch(inner)
    except WireError as error:
        return refusal(error, inner.version)


def _response(part: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    location = {k: v for k, v in answer.headers.items() if k == "Location"}
    return {
        "body": answer.body,
        "httpHeaders": location,
        "httpStatusCode": answer.status,
        "referenceId": part.get("referenceId"),
    }


def _halted(part: Mapping[str, Any]) -> dict[str, Any]:
    return _response(part, Answer(400, [{"errorCode": HALTED_CODE, "message": HALTED}]))


def _resolve(value: Any, bodies: Mapping[str, Any]) -> Any:
    """Put in what `@{reference.path}` stands for, anywhere in a JSON value."""
    if isinstance(value, dict):
        return {k: _resolve(v, bodies) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(v, bodies) for v in value]
    if not isinstance(value, str) or "@{" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _look_up(whole, bodies)
    return _REFERENCE.sub(lambda m: str(_look_up(m, bodies)), value)


def _look_up(found: re.Match[str], bodies: Mapping[str, Any]) -> Any:
    name, path = found[1], found[2]
    value: Any = bodies.get(name)
    for key, place in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        if key:
            value = value.get(key) if isinstance(value, dict) else None
        else:
            inside = isinstance(value, list) and int(place) < len(value)
            value = value[int(place)] if inside else None
    if value is None:
        raise WireError(
            400,
            HALTED_CODE,
            f"Invalid reference specified. No value for {name}{path} found in {name}",
        )
    return value


def _list(call: Call, name: str, most: int) -> list[dict[str, Any]]:
    parts = call.request.fields.get(name)
    if not isinstance(parts, list) or not parts or not all(isinstance(p, dict) for p in parts):
        raise WireError(400, "INVALID_INPUT", f"{name} must be a list with at least one request")
    if len(parts) > most:
        raise WireError(
            400,
            "LIMIT_EXCEEDED",
            f"At most {most} requests in {name}, found {len(parts)}",
        )
    return parts
