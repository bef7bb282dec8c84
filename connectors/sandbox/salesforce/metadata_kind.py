"""What the Metadata calls need to know of a component type."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from connectors.sandbox.errors import WireError
from connectors.sandbox.records import Records
from connectors.sandbox.salesforce.metadata_xml import text_of

Plan = Callable[[], object]

_API_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*(?:__c)?")


@dataclass(frozen=True, slots=True)
class Kind:
    """One component type.

    Attributes:
        name: its name, such as ``CustomField``.
        elements: the child elements its XML may have.
        missing: what is said of a component that does not exist.
        exists: whether the org has the component of that full name.
        plan: checks a component and returns what would save it; WireError if it is refused.
        read: writes the component of that full name into an element.
        remove: deletes it; None if the sandbox can't.
    """

    name: str
    elements: frozenset[str]
    missing: str
    exists: Callable[[Records, str], bool]
    plan: Callable[[Records, etree._Element, str], Plan]
    read: Callable[[Records, str, etree._Element], None]
    remove: Callable[[Records, str], None] | None = None


def names(text: str) -> frozenset[str]:
    """Names parted by blanks, as a set."""
    return frozenset(text.split())


def integrity(message: str) -> WireError:
    """A component that contradicts itself or the org."""
    return WireError(200, "FIELD_INTEGRITY_EXCEPTION", message)


def required(component: etree._Element, *names: str) -> None:
    """Raise WireError REQUIRED_FIELD_MISSING unless every element is there."""
    missing = [name for name in names if text_of(component, name) is None]
    if missing:
        message = f"Required fields are missing: [{', '.join(missing)}]"
        raise WireError(200, "REQUIRED_FIELD_MISSING", message)


def api_name(name: str, *, custom: bool) -> None:
    """Raise WireError unless this can be a developer name, with ``__c`` where it is custom."""
    if not _API_NAME.fullmatch(name) or name.endswith("__c") != custom or len(name) > 43:
        raise integrity(
            f"The name '{name}' can hold letters, digits and single underscores only, must begin "
            "with a letter, not end with an underscore" + (" and end in __c." if custom else ".")
        )
