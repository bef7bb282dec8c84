"""The built-in objects, written as small tables."""

from __future__ import annotations

from connectors.sandbox.schema import ObjectType
from connectors.sandbox.standard.activity import ACTIVITY
from connectors.sandbox.standard.admin import ADMIN
from connectors.sandbox.standard.sales import SALES
from connectors.sandbox.standard.service import SERVICE
from connectors.sandbox.standard.table import parse


def standard_objects() -> dict[str, ObjectType]:
    """Every built-in object by lower-case name, those behind an org feature included."""
    objects = [parse(text) for text in (*SALES, *SERVICE, *ACTIVITY, *ADMIN)]
    return {o.name.lower(): o for o in objects}
