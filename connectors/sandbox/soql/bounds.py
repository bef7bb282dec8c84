"""The span of stamps outside of which no row can meet a condition: what an index is asked for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from connectors.sandbox.soql import ast

STAMP = "SystemModstamp"


@dataclass(frozen=True, slots=True)
class Stamps:
    """From the first to the last instant, both included; None is open."""

    first: dt.datetime | None = None
    last: dt.datetime | None = None


def stamps(condition: ast.Condition | None) -> Stamps:
    """The stamps that rows which meet the condition can have."""
    match condition:
        case ast.Both(terms):
            spans = [stamps(term) for term in terms]
            return Stamps(
                max((s.first for s in spans if s.first is not None), default=None),
                min((s.last for s in spans if s.last is not None), default=None),
            )
        case ast.Either(terms):
            spans = [stamps(term) for term in terms]
            firsts = [s.first for s in spans if s.first is not None]
            lasts = [s.last for s in spans if s.last is not None]
            return Stamps(
                min(firsts) if len(firsts) == len(spans) else None,
                max(lasts) if len(lasts) == len(spans) else None,
            )
        case ast.Comparison(ast.Path((name,)), op, ast.Literal(dt.datetime() as at)):
            if name.lower() == STAMP.lower():
                after, before = op in ("=", ">", ">="), op in ("=", "<", "<=")
                return Stamps(at if after else None, at if before else None)
    return Stamps()
