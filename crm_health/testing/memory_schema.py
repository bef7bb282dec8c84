"""Gives an in-memory CRM the objects and fields that a mapping names."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC

from crm_health.config.mapping import Mapping, Source
from crm_health.connector import FieldInfo
from crm_health.entities import ACCOUNT_OUTPUTS, ENTITIES, Kind
from crm_health.testing.memory_crm import WIRE, MemoryCrm


def define_for(
    crm: MemoryCrm, mapping: Mapping, parents: MappingABC[str, tuple[str, ...]] | None = None
) -> None:
    """Define every object and field that the mapping reads or writes.

    Args:
        parents: what lookups lead to, by name (`{"Owner": ("User",)}`): one table for all
            objects; a path through a lookup that is not given is stored as it stands.
    """
    for entity, feeds in mapping.read.items():
        for feed in feeds:
            kinds: dict[str, Kind | FieldInfo] = {"Id": Kind.TEXT}
            lookups = set()
            for column, source in {**feed.columns, **feed.extra}.items():
                kind = ENTITIES[entity].kind(column) or source.type or _output(column)
                for path in source.paths:
                    # A column that takes the value as it is knows its type best.
                    if source.translates:
                        kinds.setdefault(path, _translated(source))
                    else:
                        kinds[path] = kind
                    if "." in path:
                        lookups.add(path.split(".", 1)[0])
            known = {name: (parents or {})[name] for name in lookups if name in (parents or {})}
            crm.define(feed.object, kinds, known)
    _define_outputs(crm, mapping)


def _translated(source: Source) -> Kind:
    """What the CRM has where the mapping translates: words, or the two of a checkbox."""
    words = {word.lower() for word in source.values or {}}
    return Kind.BOOLEAN if words and words <= {"true", "false"} else Kind.TEXT


def _output(column: str) -> Kind:
    return ACCOUNT_OUTPUTS.get(column.removeprefix("shown_"), Kind.TEXT)


def _define_outputs(crm: MemoryCrm, mapping: Mapping) -> None:
    write = mapping.write
    account = mapping.read["account"][0].object
    crm.define(
        account, {path: _field(path, ACCOUNT_OUTPUTS[name]) for name, path in write.account.items()}
    )
    if write.case is not None:
        context = {write.case.context: _field(write.case.context, Kind.TEXT)}
        crm.define(mapping.read["case"][0].object, context)
    for entity, out in (
        ("task", write.task),
        ("episode", write.episode),
        ("escalation", write.escalation),
    ):
        known = crm.tables[out.object].info.fields if out.object in crm.tables else {}
        fields: dict[str, Kind | FieldInfo] = {}
        for role, path in out.model_dump().items():
            if role == "object" or not isinstance(path, str) or role.endswith("_status"):
                continue
            unique = role == "key" and entity != "task"
            if unique or path not in known:
                fields[path] = _field(path, _kind_of(entity, role), unique=unique)
        crm.define(out.object, fields)
    crm.define(write.task.object, dict.fromkeys(write.task.constants, Kind.TEXT))


def _kind_of(entity: str, role: str) -> Kind:
    if role == "score":
        return Kind.NUMBER
    read_back = ENTITIES[entity]
    return read_back.kind(role) or read_back.kind(f"{role}_at") or Kind.TEXT


def _field(path: str, kind: Kind, *, unique: bool = False) -> FieldInfo:
    length = 0 if kind is not Kind.TEXT else 255 if unique else 2000
    return FieldInfo(path, WIRE[kind], unique=unique, length=length)
