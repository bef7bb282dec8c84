"""Refusals in the service's own shape: the spot in the query, a caret, row and column."""

from __future__ import annotations

from connectors.sandbox.errors import WireError

_BEFORE = 34  # most context left of the caret; a recorded answer kept 32 and cut 42
_AFTER = 40


def at(text: str, pos: int, code: str, message: str) -> WireError:
    """A refusal of the query ``text`` pointing at character ``pos``."""
    head = text[:pos]
    row = head.count("\n") + 1
    line_start = head.rfind("\n") + 1
    line_end = text.find("\n", pos)
    line = text[line_start : line_end if line_end >= 0 else len(text)]
    column = pos - line_start
    start = 0
    if column > _BEFORE:
        start = column - _BEFORE
        while start < column and not (line[start - 1] in " ,(" and line[start] not in " ,("):
            start += 1
    shown = line[start : column + _AFTER]
    caret = " " * (column - start) + "^"
    where = f"\n{shown}\n{caret}\nERROR at Row:{row}:Column:{column + 1}\n"
    return WireError(400, code, where + message)


def no_such_column(text: str, pos: int, name: str, entity: str) -> WireError:
    """The field is missing, or hidden from this user: the service does not tell which."""
    return at(
        text,
        pos,
        "INVALID_FIELD",
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom "
        "field, be sure to append the '__c' after the custom field name. Please reference your "
        "WSDL or the describe call for the appropriate names.",
    )


def no_such_object(text: str, pos: int, name: str) -> WireError:
    """The object is missing, or switched off in this org."""
    return at(
        text,
        pos,
        "INVALID_TYPE",
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, "
        "be sure to append the '__c' after the entity name. Please reference your WSDL or the "
        "describe call for the appropriate names.",
    )


def no_such_relationship(text: str, pos: int, name: str) -> WireError:
    """A dotted path names a relationship the object does not have."""
    return at(
        text,
        pos,
        "INVALID_FIELD",
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a "
        "custom relationship, be sure to append the '__r' after the custom relationship name. "
        "Please reference your WSDL or the describe call for the appropriate names.",
    )


def no_such_child(text: str, pos: int, name: str) -> WireError:
    """A subquery names a child relationship the object does not have."""
    return at(
        text,
        pos,
        "INVALID_TYPE",
        f"Didn't understand relationship '{name}' in FROM part of query call. If you are "
        "attempting to use a custom relationship, be sure to append the '__r' after the custom "
        "relationship name. Please reference your WSDL or the describe call for the appropriate "
        "names.",
    )


def malformed(text: str, pos: int, message: str) -> WireError:
    """The text is no query, or asks for what the language does not allow there."""
    return at(text, pos, "MALFORMED_QUERY", message)
