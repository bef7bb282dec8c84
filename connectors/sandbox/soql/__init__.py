"""SOQL over the record store: ``execute(parse(text), records, user_id)``."""

from __future__ import annotations

from connectors.sandbox.soql.ast import Query
from connectors.sandbox.soql.execute import execute
from connectors.sandbox.soql.parse import parse
from connectors.sandbox.soql.result import Found, Result, ResultColumn, Selected
from connectors.sandbox.soql.wire import wire_datetime, wire_value

__all__ = [
    "Found",
    "Query",
    "Result",
    "ResultColumn",
    "Selected",
    "execute",
    "parse",
    "wire_datetime",
    "wire_value",
]
