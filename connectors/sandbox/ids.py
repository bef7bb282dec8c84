"""Salesforce record ids: 15 case-sensitive characters, and 3 that make them safe to fold."""

from __future__ import annotations

import string

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECK = string.ascii_uppercase + "012345"
_CAPITAL = str.maketrans({ch: "01"[ch in string.ascii_uppercase] for ch in _BASE62})
_POD = "5g000"


def to18(id15: str) -> str:
    """The 18-character form of a 15-character id: each suffix letter codes the capitals of five."""
    bits = int(id15.translate(_CAPITAL)[::-1], 2)
    return id15 + _CHECK[bits & 31] + _CHECK[bits >> 5 & 31] + _CHECK[bits >> 10]


def sf_id(prefix: str, n: int) -> str:
    """The n-th id of an object type. Ids of one prefix sort (as ASCII) in the order of n."""
    digits = ""
    while n:
        n, rest = divmod(n, 62)
        digits = _BASE62[rest] + digits
    return to18(f"{prefix}{_POD}{digits:0>7}")


def valid(value: object) -> bool:
    """Whether this is a 15-character id, or an 18-character one with the right suffix."""
    if not isinstance(value, str) or not (value.isascii() and value.isalnum()):
        return False
    return len(value) == 15 or (len(value) == 18 and to18(value[:15]) == value)


def canonical(value: str) -> str:
    """The 18-character form of a valid id, whichever form it came in."""
    return value if len(value) == 18 else to18(value)


def number_of(value: str) -> int:
    """The n that `sf_id` made this id from."""
    n = 0
    for ch in value[8:15]:
        n = n * 62 + _BASE62.index(ch)
    return n
