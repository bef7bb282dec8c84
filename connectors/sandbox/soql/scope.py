"""Names to fields: what a path in a query means to this user, in this org."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.sandbox.catalog import Catalog
from connectors.sandbox.schema import Field, ObjectType
from connectors.sandbox.soql import ast, problems
from connectors.sandbox.soql.polymorphic import NAME, Lookup

Row = dict[str, Any]
Get = Callable[[Row], Any]

MAX_PARENTS = 5


@dataclass(frozen=True, slots=True)
class Context:
    """What every part of one execution shares."""

    records: Catalog
    user_id: str
    include_deleted: bool
    version: str
    text: str

    def object(self, name: str, pos: int) -> ObjectType:
        """The object of that name.

        Raises:
            WireError: INVALID_TYPE, if this org has none, or the user may not read it.
        """
        found = self.records.object(name)
        if found is None or not self.records.allowed(found, self.user_id, "read"):
            raise problems.no_such_object(self.text, pos, name)
        return found

    def visible(self, row: Row | None) -> bool:
        """Whether a query of this kind sees the row: query hides deleted and archived ones."""
        if row is None:
            return False
        return self.include_deleted or not (row.get("IsDeleted") or row.get("IsArchived"))

    def today(self) -> dt.date:
        """The day it is where the user is."""
        return self.records.clock.now().astimezone(self.zone()).date()

    def zone(self) -> dt.tzinfo:
        """The user's time zone, UTC where none is known."""
        user = self.records.get("User", self.user_id)
        name = user.get("TimeZoneSidKey") if user else None
        try:
            return ZoneInfo(name) if name else dt.UTC
        except (ZoneInfoNotFoundError, ValueError):
            return dt.UTC


@dataclass(frozen=True, slots=True)
class Step:
    """One relationship followed: its name, the field that holds the id, what it leads to."""

    name: str
    reference: str
    target: ObjectType
    parent: Callable[[Row], Row | None]


@dataclass(frozen=True, slots=True)
class Column:
    """A field a path leads to, and how to read it from a row of the scope's object."""

    steps: tuple[Step, ...]
    field: Field
    get: Get


class Scope:
    """One object as a query's FROM, for one user."""

    def __init__(self, context: Context, object_: ObjectType, alias: str | None = None) -> None:
        self.context = context
        self.object = object_
        self._own_names = {object_.name.lower()} | ({alias.lower()} if alias else set())

    def column(self, path: ast.Path) -> Column:
        """Resolve a path.

        Raises:
            WireError: INVALID_FIELD, if a part is missing or hidden from the user.
        """
        *hops, name = path.parts
        if (
            hops
            and hops[0].lower() in self._own_names
            and not self._reference(self.object, hops[0])
        ):
            hops = hops[1:]
        if len(hops) > MAX_PARENTS:
            message = f"a path can follow at most {MAX_PARENTS} relationships: {path.text}"
            raise problems.malformed(self.context.text, path.pos, message)
        object_, steps = self.object, []
        for hop in hops:
            step = self._step(object_, hop, path)
            steps.append(step)
            object_ = step.target
        field = object_.field(name)
        if field is None or not self._readable(object_, field):
            raise problems.no_such_column(self.context.text, path.pos, name, object_.name)
        return Column(tuple(steps), field, getter(steps, field.name))

    def fields(self) -> list[Field]:
        """All fields the user can read, in the schema's order."""
        return [f for f in self.object.fields.values() if self._readable(self.object, f)]

    def children(self, name: str, pos: int) -> tuple[ObjectType, Field]:
        """The object and the reference field behind a child relationship's name.

        Raises:
            WireError: INVALID_TYPE, if the object has no such relationship.
        """
        wanted = name.lower()
        context = self.context
        for child in context.records.objects():
            if not context.records.allowed(child, context.user_id, "read"):
                continue
            for field in child.fields.values():
                if (
                    field.child_relationship
                    and field.child_relationship.lower() == wanted
                    and self.object.name in field.reference_to
                    and self._readable(child, field)
                ):
                    return child, field
        raise problems.no_such_child(self.context.text, pos, name)

    def _step(self, object_: ObjectType, hop: str, path: ast.Path) -> Step:
        reference = self._reference(object_, hop)
        context = self.context
        if reference is None:
            raise problems.no_such_relationship(context.text, path.pos, hop)
        name = reference.relationship_name or hop
        if len(reference.reference_to) > 1:
            lookup = Lookup(context.records, reference.reference_to)
            return Step(
                name,
                reference.name,
                NAME,
                lambda row: lookup(row.get(reference.name), context.visible),
            )
        target = context.object(reference.reference_to[0], path.pos)

        def parent(row: Row) -> Row | None:
            id_ = row.get(reference.name)
            found = context.records.get(target.name, id_) if id_ else None
            return found if context.visible(found) else None

        return Step(name, reference.name, target, parent)

    def _reference(self, object_: ObjectType, relationship: str) -> Field | None:
        wanted = relationship.lower()
        for field in object_.fields.values():
            if field.relationship_name and field.relationship_name.lower() == wanted:
                return field if self._readable(object_, field) else None
        return None

    def _readable(self, object_: ObjectType, field: Field) -> bool:
        if object_ is NAME:
            return True
        return self.context.records.readable(object_, field, self.context.user_id)


def getter(steps: Sequence[Step], name: str) -> Get:
    """Reads the field of that name at the end of the steps; None where they lead nowhere."""
    if not steps:
        return lambda row: row.get(name)
    if len(steps) == 1:
        only = steps[0].parent

        def through_one(row: Row) -> Any:
            parent = only(row)
            return None if parent is None else parent.get(name)

        return through_one

    def through_many(row: Row) -> Any:
        here: Row | None = row
        for step in steps:
            here = step.parent(here) if here is not None else None
        return None if here is None else here.get(name)

    return through_many
