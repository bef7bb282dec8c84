"""Lark's parse tree to our :mod:`ast`: one method a grammar rule, called bottom up."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from lark import Token, Transformer

from connectors.sandbox.soql import ast, problems
from connectors.sandbox.soql.dates import RANGES, RANGES_OF_N

MAX_LITERAL = 4_000
MAX_DIGITS = 18

_ESCAPES = {c: c for c in "\"'\\_%"}
_ESCAPES |= {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)

# Children are whatever the rule's parts became; the grammar is what types them.
_Children = list[Any]
_Clause = dict[str, Any]


class Builder(Transformer[Token, ast.Query]):
    """Builds the query of one text."""

    # Methods in capitals take terminals: lark finds them by the grammar's names.
    # ruff: noqa: N802

    def __init__(self, text: str) -> None:
        super().__init__(visit_tokens=True)
        self._text = text

    def PATH(self, token: Token) -> ast.Path:
        """Blanks around the dots are allowed and mean nothing."""
        return ast.Path(tuple(part.strip() for part in token.split(".")), _pos(token))

    def STRING(self, token: Token) -> ast.Text:
        """Unescapes, and holds the literal to its limit."""
        raw, pos = str(token)[1:-1], _pos(token)
        if len(raw) > MAX_LITERAL:
            message = f"a string literal can have at most {MAX_LITERAL} characters"
            raise problems.malformed(self._text, pos, message)
        return ast.Text(_ESCAPE.sub(lambda match: self._unescape(match[1], pos), raw), raw, pos)

    def NUMBER(self, token: Token) -> ast.Literal:
        """Whole numbers stay whole."""
        if not re.fullmatch(r"[+-]?\d+", token):
            return ast.Literal(float(token), _pos(token))
        if len(token) > MAX_DIGITS:
            message = f"For input string: '{token[:MAX_DIGITS]}...'"
            raise problems.malformed(self._text, _pos(token), message)
        return ast.Literal(int(token), _pos(token))

    def DATE(self, token: Token) -> ast.Literal:
        """A calendar day."""
        try:
            return ast.Literal(dt.date.fromisoformat(token), _pos(token))
        except ValueError:
            raise self._bad_date(token) from None

    def DATETIME(self, token: Token) -> ast.Literal:
        """An instant, kept in UTC."""
        try:
            value = dt.datetime.fromisoformat(token.upper()).astimezone(dt.UTC)
        except (ValueError, OverflowError):  # an offset can lead out of the calendar
            raise self._bad_date(token) from None
        return ast.Literal(value, _pos(token))

    def WORD(self, token: Token) -> ast.Value:
        """A constant or a relative date."""
        pos = _pos(token)
        name, _, number = str(token).upper().partition(":")
        constants: dict[str, bool | None] = {"TRUE": True, "FALSE": False, "NULL": None}
        if not number and name in constants:
            return ast.Literal(constants[name], pos)
        if not number and name in RANGES:
            return ast.DateRange(name, 0, pos)
        if number and name in RANGES_OF_N and len(number) <= MAX_DIGITS:
            return ast.DateRange(name, int(number), pos)
        raise problems.malformed(self._text, pos, f"unexpected token: '{token}'")

    def start(self, children: _Children) -> ast.Query:
        """The query itself."""
        query: ast.Query = children[0]
        return query

    def query(self, children: _Children) -> ast.Query:
        """Gathers the clauses; the lone path among them is what FROM names."""
        clauses: _Clause = {}
        for child in children:
            if isinstance(child, dict):
                clauses |= child
            elif isinstance(child, ast.Path):
                clauses |= {"source": self._name(child), "source_pos": child.pos}
        return ast.Query(text=self._text, **clauses)

    def items(self, children: _Children) -> _Clause:
        """What is selected."""
        return {"items": tuple(children)}

    def item(self, children: _Children) -> ast.Item:
        """One selected thing and its alias."""
        return ast.Item(*children)

    def child(self, children: _Children) -> ast.Query:
        """A subquery, in SELECT or behind IN."""
        query: ast.Query = children[0]
        return query

    def alias(self, children: _Children) -> str:
        """A selected thing's alias."""
        return self._name(children[0])

    def source_alias(self, children: _Children) -> _Clause:
        """The alias of the object in FROM; AS may stand before it."""
        return {"alias": self._name(children[-1])}

    def call(self, children: _Children) -> ast.Call:
        """A function, its name in capitals."""
        argument = children[1] if len(children) > 1 else None
        return ast.Call(self._name(children[0]).upper(), argument, children[0].pos)

    def where(self, children: _Children) -> _Clause:
        """WHERE and its condition."""
        return {"where": children[1]}

    def having(self, children: _Children) -> _Clause:
        """HAVING and its condition."""
        return {"having": children[1]}

    def both(self, children: _Children) -> ast.Both:
        """Terms joined by AND."""
        return ast.Both(_without_words(children))

    def either(self, children: _Children) -> ast.Either:
        """Terms joined by OR."""
        return ast.Either(_without_words(children))

    def negated(self, children: _Children) -> ast.Not:
        """NOT and its term."""
        return ast.Not(children[1])

    def comparison(self, children: _Children) -> ast.Comparison:
        """``<>`` is another spelling of ``!=``."""
        operand, operator, value = children
        return ast.Comparison(operand, str(operator).upper().replace("<>", "!="), value)

    def membership(self, children: _Children) -> ast.Membership:
        """IN, INCLUDES, EXCLUDES."""
        operand, operator, source = children
        return ast.Membership(operand, str(operator).upper(), source)

    def not_in(self, children: _Children) -> ast.Membership:
        """NOT IN."""
        return ast.Membership(children[0], "NOT IN", children[3])

    def values(self, children: _Children) -> tuple[ast.Value, ...] | ast.Query:
        """A list of literals, or a subquery."""
        if isinstance(children[0], ast.Query):
            return children[0]
        return tuple(children)

    def group(self, children: _Children) -> _Clause:
        """GROUP BY, with HAVING inside as the grammar has it."""
        clauses: _Clause = {"group_by": tuple(c for c in _without_words(children) if not _is(c))}
        for clause in filter(_is, children):
            clauses |= clause
        return clauses

    def order(self, children: _Children) -> _Clause:
        """ORDER BY."""
        return {"order_by": _without_words(children)}

    def key(self, children: _Children) -> ast.Order:
        """One sort key and its direction."""
        words = {str(word).upper() for word in children[1:]}
        return ast.Order(children[0], "DESC" in words, "LAST" in words)

    def limit(self, children: _Children) -> _Clause:
        """LIMIT."""
        return {"limit": self._count(children[1])}

    def offset(self, children: _Children) -> _Clause:
        """OFFSET."""
        return {"offset": self._count(children[1])}

    def _count(self, literal: ast.Literal) -> int:
        if not isinstance(literal.value, int) or literal.value < 0:
            message = f"unexpected token: '{literal.value}'"
            raise problems.malformed(self._text, literal.pos, message)
        return literal.value

    def _name(self, path: ast.Path) -> str:
        if len(path.parts) > 1:
            raise problems.malformed(self._text, path.pos, f"unexpected token: '{path.text}'")
        return path.parts[0]

    def _unescape(self, escape: str, pos: int) -> str:
        if len(escape) > 1:
            return chr(int(escape[1:], 16))
        plain = _ESCAPES.get(escape.lower() if escape.isalpha() else escape)
        if plain is None:
            message = f"Illegal character sequence '\\{escape}' in string literal."
            raise problems.malformed(self._text, pos, message)
        return plain

    def _bad_date(self, token: Token) -> Exception:
        return problems.malformed(self._text, _pos(token), f"Invalid date: {token}")


def _is(child: object) -> bool:
    return isinstance(child, dict)


def _without_words(children: _Children) -> tuple[Any, ...]:
    return tuple(child for child in children if not isinstance(child, Token))


def _pos(token: Token) -> int:
    return token.start_pos or 0
