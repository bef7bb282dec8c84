"""SOQL's grammar. Contextual LALR: a keyword is one only where it can stand.

So ``SELECT Group.Name FROM GroupMember`` and an object called ``Order`` need no special care.
As in the real language, AND and OR don't mix without parentheses.
"""

from __future__ import annotations

GRAMMAR = r"""
start: query

query: SELECT items FROM PATH source_alias? where? group? order? limit? offset?
items: item ("," item)*
item: (PATH | call | child) alias?
child: "(" query ")"
alias: PATH
source_alias: AS? PATH
call: PATH "(" PATH? ")"

where: WHERE _expr
_expr: _term | both | either
both: _term (AND _term)+
either: _term (OR _term)+
_term: negated | "(" _expr ")" | comparison | membership
negated: NOT _term
comparison: _operand (OPERATOR | LIKE) _value
membership: _operand (IN | INCLUDES | EXCLUDES) values
          | _operand NOT IN values -> not_in
_operand: PATH | call
values: "(" _value ("," _value)* ")" | child
_value: STRING | DATETIME | DATE | NUMBER | WORD

group: GROUP BY _operand ("," _operand)* having?
having: HAVING _expr
order: ORDER BY key ("," key)*
key: _operand (ASC | DESC)? (NULLS (FIRST | LAST))?
limit: LIMIT NUMBER
offset: OFFSET NUMBER

SELECT.5: /select\b/i
FROM.5: /from\b/i
AS.5: /as\b/i
WHERE.5: /where\b/i
AND.5: /and\b/i
OR.5: /or\b/i
NOT.5: /not\b/i
LIKE.5: /like\b/i
IN.5: /in\b/i
INCLUDES.5: /includes\b/i
EXCLUDES.5: /excludes\b/i
GROUP.5: /group\b/i
BY.5: /by\b/i
HAVING.5: /having\b/i
ORDER.5: /order\b/i
ASC.5: /asc\b/i
DESC.5: /desc\b/i
NULLS.5: /nulls\b/i
FIRST.5: /first\b/i
LAST.5: /last\b/i
LIMIT.5: /limit\b/i
OFFSET.5: /offset\b/i

OPERATOR: /<=|>=|<>|!=|=|<|>/
STRING: /'(?:[^'\\]|\\.)*'/s
DATETIME.4: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)/i
DATE.3: /\d{4}-\d\d-\d\d/
NUMBER.2: /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?/i
WORD: /[a-z][a-z0-9_]*(?::\d+)?/i
PATH: /[a-z_][a-z0-9_]*(?:\s*\.\s*[a-z_][a-z0-9_]*)*/i

%import common.WS
%ignore WS
"""
