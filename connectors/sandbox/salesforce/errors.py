"""Refusals as the service words them."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.errors import WireError
from connectors.sandbox.salesforce.wire import Answer
from connectors.sandbox.saving import AmbiguousError

# Codes that exist only for whole requests: one such record refuses the request.
REQUEST_LEVEL = frozenset({"JSON_PARSER_ERROR", "UNSUPPORTED_API_VERSION"})
# Codes whose recorded bodies carry `fields` even when empty.
_ALWAYS_FIELDS = frozenset({"ENTITY_IS_DELETED", "DUPLICATE_VALUE", "MALFORMED_ID"})
ROLLED_BACK_CODE = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
ROLLED_BACK = (
    "Record rolled back because not all records were valid and the request was using AllOrNone "
    "header"
)
HALTED_CODE = "PROCESSING_HALTED"
HALTED = "The transaction was rolled back since another operation in the same transaction failed."


def refusal(error: WireError, version: str = "v67.0") -> Answer:
    """A whole-request refusal: a list with one error, or addresses for HTTP 300."""
    if isinstance(error, AmbiguousError):
        name = error.object_name
        return Answer(
            300,
            [f"/services/data/{version}/sobjects/{name}/{i}" for i in error.matches],
        )
    return Answer(error.status, [entry(error)])


def entry(error: WireError) -> dict[str, Any]:
    """One error of a whole-request refusal; `fields` only where the service sends it."""
    body: dict[str, Any] = {"message": error.message, "errorCode": error.code}
    if error.fields or error.code in _ALWAYS_FIELDS:
        body["fields"] = error.fields
    return body


def row_error(code: str, message: str, fields: list[str] | None = None) -> dict[str, Any]:
    """The result of one refused record in a collection."""
    return {
        "success": False,
        "errors": [{"statusCode": code, "message": message, "fields": fields or []}],
    }


def not_found() -> WireError:
    """The answer to an address that names nothing."""
    return WireError(404, "NOT_FOUND", "The requested resource does not exist")
