"""Faults to inject: rules that pick calls, and what is done to them.

A rule picks among the calls that match `method`, `path` (a regular expression), `object` (a name
anywhere in path, query or body) and `client`: the `nth` of them, or `every` n-th, or each with a
`probability`, at most `times` times (1 unless said otherwise, 0 for no end).

Kinds, by when they act:
  instead of the call   status, invalid_session, daily_limit, concurrent_limit, too_many,
                        server_error, unavailable, html, redirect, cut_before; HubSpot's own:
                        missing_scope, locked, moving (see `hubspot/faults.py`)
  before the call       expire_tokens, hide_field, readonly_field, retire_version, advance_clock
  on its records        row_lock, row_error, batch_apex
  on its answer         cut_after, truncate, drip, reorder, short, next_host
  on the bulk job it    job_slow (`polls`, or `seconds` of the sandbox's clock), job_hangs,
  creates               job_fails (`message`), job_aborts, job_unprocessed, job_short,
                        job_no_count, job_odd_cells (`cells`: see `salesforce/bulk_cells.py`)

Job rules see only the requests that create a job. `count` is a number of rows: how many an ingest
job that fails, aborts or hangs still saves (0), how many are left over or missing (1). Row rules
that hit a request about an ingest job wait for its rows.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

INSTEAD = frozenset(
    {
        "status",
        "invalid_session",
        "daily_limit",
        "concurrent_limit",
        "too_many",
        "server_error",
        "unavailable",
        "html",
        "redirect",
        "cut_before",
        "missing_scope",
        "locked",
        "moving",
    }
)
BEFORE = frozenset(
    {"expire_tokens", "hide_field", "readonly_field", "retire_version", "advance_clock"}
)
ROWS = frozenset({"row_lock", "row_error", "batch_apex"})
AFTER = frozenset({"cut_after", "truncate", "drip", "reorder", "short", "next_host"})
JOBS = frozenset(
    {
        "job_slow",
        "job_hangs",
        "job_fails",
        "job_aborts",
        "job_unprocessed",
        "job_short",
        "job_no_count",
        "job_odd_cells",
    }
)
KINDS = INSTEAD | BEFORE | ROWS | AFTER | JOBS
CELLS = frozenset({"na", "newlines", "huge", "null_words", "floats"})
_CREATES_JOB = re.compile(r"/jobs/(query|ingest)/?")


@dataclass
class Rule:
    """One fault. Which of the parameters count depends on the kind."""

    kind: str
    method: str | None = None
    path: str | None = None
    object: str | None = None
    client: str | None = None
    nth: int | None = None
    every: int | None = None
    probability: float | None = None
    times: int = 1
    status: int = 500
    code: str = ""
    message: str = ""
    body: str | None = None
    content_type: str = "application/json;charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)
    fields: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    """Row faults: these records only; for batch_apex the records that break their batch."""
    rows: list[int] = field(default_factory=list)
    """Row faults: these positions only, from 0."""
    cells: list[str] = field(default_factory=list)
    field: str = ""
    version: float = 0
    seconds: float = 0.05
    bytes: int = 1
    polls: int = 0
    count: int | None = None
    to: str = "http://elsewhere.example"
    seen: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault kind {self.kind!r}: one of {', '.join(sorted(KINDS))}")
        if self.kind in ("hide_field", "readonly_field") and self.field.count(".") != 1:
            raise ValueError(f"{self.kind} needs a field such as Case.Priority")
        if set(self.cells) - CELLS:
            raise ValueError(f"unknown odd cells {self.cells}: of {', '.join(sorted(CELLS))}")
        if self.path is not None:
            re.compile(self.path)

    def hits(self, method: str, text: str, path: str, client: str, rng: random.Random) -> bool:
        """Whether the rule picks this call. Counts it either way."""
        spent = bool(self.times) and self.fired >= self.times
        if spent or not self._matches(method, text, path, client):
            return False
        self.seen += 1
        picked = (
            (self.nth is None or self.seen == self.nth)
            and (self.every is None or self.seen % self.every == 0)
            and (self.probability is None or rng.random() < self.probability)
        )
        self.fired += picked
        return picked

    def _matches(self, method: str, text: str, path: str, client: str) -> bool:
        if self.kind in JOBS and not (method == "POST" and _CREATES_JOB.search(path)):
            return False
        named = rf"\b{re.escape(self.object or '')}\b"
        return (
            (not self.method or self.method.upper() == method)
            and (not self.path or re.search(self.path, path) is not None)
            and (not self.client or self.client == client)
            and (not self.object or re.search(named, text, re.IGNORECASE) is not None)
        )

    def takes_row(self, position: int, id18: str | None) -> bool:
        """Whether a row fault hits this record of the call."""
        if self.ids:
            return id18 in self.ids
        return not self.rows or position in self.rows


class Faults:
    """The rules in force."""

    def __init__(self, seed: int = 0) -> None:
        self.rules: list[Rule] = []
        self._rng = random.Random(seed)  # noqa: S311  # dice, no secret

    def add(self, rules: Iterable[Mapping[str, Any]], seed: int | None = None) -> None:
        """Add rules, and set the seed of their dice. Raises ValueError for what is unknown."""
        known = {f.name for f in fields(Rule)} - {"seen", "fired"}
        made = []
        for raw in rules:
            unknown = set(raw) - known
            if unknown:
                raise ValueError(f"unknown in a fault rule: {', '.join(sorted(unknown))}")
            made.append(Rule(**raw))
        if seed is not None:
            self._rng = random.Random(seed)  # noqa: S311  # dice, no secret
        self.rules.extend(made)

    def clear(self) -> None:
        """No more faults."""
        self.rules = []

    def match(self, method: str, path: str, query: str, body: bytes, client: str) -> list[Rule]:
        """The rules that pick this call, each counted."""
        if not self.rules:
            return []
        text = f"{path} {query} {body[:200_000].decode('utf-8', 'replace')}"
        return [r for r in self.rules if r.hits(method, text, path, client, self._rng)]

    def report(self) -> list[dict[str, Any]]:
        """Each rule's kind, and how often it matched and fired."""
        return [{"kind": r.kind, "seen": r.seen, "fired": r.fired} for r in self.rules]
