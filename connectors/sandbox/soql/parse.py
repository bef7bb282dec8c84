"""Text to :class:`Query`. Knows the language only: no schema, no data."""

from __future__ import annotations

from functools import lru_cache

from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedToken, VisitError

from connectors.sandbox.errors import WireError
from connectors.sandbox.soql import ast, problems
from connectors.sandbox.soql.builder import Builder
from connectors.sandbox.soql.grammar import GRAMMAR

MAX_QUERY = 100_000

_PARSER = Lark(GRAMMAR, parser="lalr", lexer="contextual", propagate_positions=False)


def parse(text: str) -> ast.Query:
    """Read one query.

    Raises:
        WireError: MALFORMED_QUERY, pointing at the first token that can't stand where it does;
            QUERY_TOO_COMPLICATED for conditions nested hundreds deep.
    """
    if len(text) > MAX_QUERY:
        raise WireError(
            400, "MALFORMED_QUERY", f"SOQL statements cannot be longer than {MAX_QUERY} characters."
        )
    return _parse(text)


@lru_cache(maxsize=256)
def _parse(text: str) -> ast.Query:
    try:
        tree = _PARSER.parse(text)
    except UnexpectedToken as error:
        if error.token.type == "$END":
            raise problems.malformed(text, len(text), "unexpected token: '<EOF>'") from None
        raise problems.malformed(
            text, error.token.start_pos or 0, f"unexpected token: '{error.token}'"
        ) from None
    except UnexpectedCharacters as error:
        pos = error.pos_in_stream or 0
        message = f"unexpected token: '{text[pos : pos + 1]}'"
        raise problems.malformed(text, pos, message) from None
    try:
        query: ast.Query = Builder(text).transform(tree)
    except VisitError as error:
        raise error.orig_exc from None
    except RecursionError:
        raise WireError(400, "QUERY_TOO_COMPLICATED", "Query is too complicated.") from None
    return query
