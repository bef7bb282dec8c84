"""The filters of a search: read, checked, and tried on a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Any

from connectors.sandbox.hubspot import stamps
from connectors.sandbox.hubspot.errors import HubError, bad_request
from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.tables import Row

MAX_GROUPS, MAX_FILTERS, MAX_ALL = 5, 6, 18
_LINKED = "associations."
_RANGES = ("LT", "LTE", "GT", "GTE")
_VALUELESS = ("HAS_PROPERTY", "NOT_HAS_PROPERTY")
_LISTS = ("IN", "NOT_IN")
_TEXTS = ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN")
_OPERATORS = (*_RANGES, "EQ", "NEQ", "BETWEEN", *_LISTS, *_VALUELESS, *_TEXTS)

Test = Callable[[Row], bool]
Number = float | int


@dataclass(frozen=True)
class Filter:
    """One condition."""

    name: str
    operator: str
    test: Test
    values: tuple[str, ...] = ()
    """The texts it compares with, for those that an index can find."""
    low: Number | None = None
    high: Number | None = None
    """The numbers between which values must lie, both included, for the others."""


Group = list[Filter]
"""Conditions that must all hold; one group of several must."""


def read(portal: Portal, kind: Kind, body: Mapping[str, Any]) -> list[Group]:
    """The filter groups of a search, or its old top-level filters. Raises HubError."""
    raw = body.get("filterGroups") or ()
    groups = [one.get("filters") or () for one in raw]
    if body.get("filters"):
        groups.append(body["filters"])
    if len(groups) > MAX_GROUPS:
        raise bad_request(f"There are {len(groups)} filter groups: the limit is {MAX_GROUPS}")
    if any(len(filters) > MAX_FILTERS for filters in groups):
        raise bad_request(f"A filter group holds more than {MAX_FILTERS} filters")
    if sum(len(filters) for filters in groups) > MAX_ALL:
        raise bad_request(f"The search holds more than {MAX_ALL} filters")
    return [[_filter(portal, kind, one) for one in filters] for filters in groups]


def _filter(portal: Portal, kind: Kind, raw: Mapping[str, Any]) -> Filter:
    name, operator = str(raw.get("propertyName", "")), str(raw.get("operator", ""))
    if operator not in _OPERATORS:
        raise bad_request(f"Invalid operator '{operator}' for {name}")
    if name.startswith(_LINKED):
        return _linked(portal, kind, name, operator, raw)
    known = portal.definitions.find(kind.type_id, name)
    if known is None:
        raise HubError(
            400,
            f"There was a problem with the request: no property {name} of {kind.constant}",
            "VALIDATION_ERROR",
        )
    value_of = _reader(kind, name)
    if operator in _VALUELESS:
        wanted = operator == "HAS_PROPERTY"
        return Filter(name, operator, lambda row: bool(value_of(row)) == wanted)
    if operator in _LISTS:
        return _listed(name, operator, _texts(raw, name), value_of)
    value = _text(raw, "value", name)
    if operator in _TEXTS:
        return _worded(name, operator, value, value_of)
    if name == "hs_object_id" or known.type in ("number", "datetime", "date"):
        return _numbered(kind, name, known.type, operator, raw)
    if operator in _RANGES or operator == "BETWEEN":
        return _ordered(name, operator, value, raw, value_of)
    folded, equal = value.casefold(), operator == "EQ"
    return Filter(
        name,
        operator,
        lambda row: (
            ((value_of(row) or "").casefold() == folded) == equal and (equal or bool(value_of(row)))
        ),
        (value,) if equal else (),
    )


def _reader(kind: Kind, name: str) -> Callable[[Row], str | None]:
    """How to get a property's text out of a row."""
    if name == "hs_object_id":
        return lambda row: str(row["Id"])
    if name == kind.modified:
        return lambda row: stamps.text(row["SystemModstamp"])
    return lambda row: row[name]


def _text(raw: Mapping[str, Any], member: str, name: str) -> str:
    value = raw.get(member)
    if value is None or isinstance(value, list | dict):
        raise bad_request(f"The filter on {name} needs a {member}")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = raw.get("values")
    if not isinstance(values, list) or not values:
        raise bad_request(f"The filter on {name} needs values")
    return tuple(str(v) for v in values)


def _listed(
    name: str, operator: str, values: tuple[str, ...], value_of: Callable[[Row], str | None]
) -> Filter:
    folded, wanted = {v.casefold() for v in values}, operator == "IN"

    def test(row: Row) -> bool:
        value = value_of(row)
        return bool(value) and (str(value).casefold() in folded) == wanted

    return Filter(name, operator, test, values if wanted else ())


def _worded(name: str, operator: str, value: str, value_of: Callable[[Row], str | None]) -> Filter:
    """Tokens: words without their case; an asterisk at an end stands for any rest."""
    token, wanted = value.casefold(), operator == "CONTAINS_TOKEN"

    def hit(word: str) -> bool:
        bare = token.strip("*")
        if token.startswith("*"):
            return bare in word if token.endswith("*") else word.endswith(bare)
        return word.startswith(bare) if token.endswith("*") else word == bare

    def test(row: Row) -> bool:
        text = (value_of(row) or "").casefold()
        return (text == token or any(map(hit, _split(text)))) == wanted

    return Filter(name, operator, test)


def _split(text: str) -> Iterable[str]:
    return "".join(c if c.isalnum() else " " for c in text).split()


def _ordered(
    name: str,
    operator: str,
    value: str,
    raw: Mapping[str, Any],
    value_of: Callable[[Row], str | None],
) -> Filter:
    """Texts in their order, without their case."""
    low = value.casefold()
    high = _text(raw, "highValue", name).casefold() if operator == "BETWEEN" else ""
    tests: dict[str, Callable[[str], bool]] = {
        "LT": lambda text: text < low,
        "LTE": lambda text: text <= low,
        "GT": lambda text: text > low,
        "GTE": lambda text: text >= low,
        "BETWEEN": lambda text: low <= text <= high,
    }
    compare = tests[operator]

    def test(row: Row) -> bool:
        text = value_of(row)
        return bool(text) and compare(str(text).casefold())

    return Filter(name, operator, test)


def _numbered(kind: Kind, name: str, type_: str, operator: str, raw: Mapping[str, Any]) -> Filter:
    """Numbers and instants; instants as milliseconds, from either form."""
    instant = type_ in ("datetime", "date")
    low = high = _bound(_text(raw, "value", name), name, instant=instant)
    if operator == "BETWEEN":
        high = _bound(_text(raw, "highValue", name), name, instant=instant)
    number_of = _number_reader(kind, name, instant=instant)
    test = _compare(operator, low, high, number_of)
    if name == kind.modified:  # the filter of every sync, over many records: no arithmetic
        bounds = _as_instant(low), _as_instant(high)
        test = _compare(operator, *bounds, lambda row: row["SystemModstamp"])
    return Filter(
        name,
        operator,
        test,
        (str(low),) if operator == "EQ" and name == "hs_object_id" else (),
        None if operator in ("LT", "LTE", "NEQ") else low,
        None if operator in ("GT", "GTE", "NEQ") else high,
    )


def _compare(operator: str, low: Any, high: Any, value_of: Callable[[Row], Any]) -> Test:
    tests: dict[str, Callable[[Any], bool]] = {
        "LT": lambda value: value < low,
        "LTE": lambda value: value <= low,
        "GT": lambda value: value > low,
        "GTE": lambda value: value >= low,
        "EQ": lambda value: value == low,
        "NEQ": lambda value: value != low,
        "BETWEEN": lambda value: low <= value <= high,
    }
    compare = tests[operator]

    def test(row: Row) -> bool:
        value = value_of(row)
        return value is not None and compare(value)

    return test


def _as_instant(bound: Number) -> datetime:
    """A bound in milliseconds as an instant; those beyond all instants are the last ones."""
    try:
        return stamps.of_millis(int(bound))
    except (ValueError, OverflowError, OSError):
        year = MAXYEAR if bound > 0 else MINYEAR
        return datetime(year, 1, 1, tzinfo=UTC)


def _bound(text: str, name: str, *, instant: bool) -> Number:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return _millis(text) if instant else float(text)
    except ValueError:
        raise bad_request(f"The value '{text}' of the filter on {name} is not valid") from None


def _millis(text: str) -> int:
    found = datetime.fromisoformat(text)
    return stamps.millis(found if found.tzinfo else stamps.as_utc(found))


def _number_reader(kind: Kind, name: str, *, instant: bool) -> Callable[[Row], Number | None]:
    if name == "hs_object_id":
        return lambda row: int(row["Id"])
    if name == kind.modified:
        return lambda row: stamps.millis(row["SystemModstamp"])

    def read_number(row: Row) -> Number | None:
        text = row[name]
        if not text:
            return None
        try:
            return _millis(text) if instant else float(text)
        except ValueError:
            return None

    return read_number


def _linked(portal: Portal, kind: Kind, name: str, operator: str, raw: Mapping[str, Any]) -> Filter:
    """The pseudo-property `associations.{type}`: the id of a record that is linked to."""
    target = portal.kinds.need(name.removeprefix(_LINKED))
    if operator not in ("EQ", "IN"):
        raise bad_request(f"Invalid operator '{operator}' for {name}")
    wanted = {_text(raw, "value", name)} if operator == "EQ" else set(_texts(raw, name))
    links = (portal.links.of(target.type_id, other, kind.type_id) for other in wanted)
    found = {record_id for linked in links for record_id, _ in linked}
    return Filter("hs_object_id", "IN", lambda row: row["Id"] in found, tuple(found) or ("",))
