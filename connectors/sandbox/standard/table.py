"""A compact notation for object types, and its parser.

First line, two blanks apart: `Name  prefix  Label/Labels  [owned]  [feature=NAME]  [nosync]`;
`owned=Group` where queues own records as well as users.
Then one line a field:
`Name type(length | precision,scale) [words] [-> Target|Other as Relation kids Children] [= a; *b]`

Words: `req` not null, `ro` read-only, `once` only on create, `plain` outside field security,
`auto` filled by the service, `look` usable as an upsert key, `nofilter`, `nosort`, `strict` a
restricted picklist, `num` an automatic number. The value after `*` is the default. A field's
label comes from its name unless it stands in double quotes. Indented lines carry on the one
before. `system=` in the head lists the system fields of an object that lacks some.
"""

from __future__ import annotations

import re

from connectors.sandbox.schema import Field, ObjectType, by_name, system_fields

_LINE = re.compile(
    r"(?P<name>\w+)\s+(?P<type>\w+)(?:\((?P<size>[\d,]+)\))?(?P<words>(?:\s+[a-z]+)*)"
    r"(?:\s+->\s*(?P<refs>[\w|]+)(?:\s+as\s+(?P<relation>\w+))?(?:\s+kids\s+(?P<kids>\w+))?)?"
    r"(?:\s+\"(?P<label>[^\"]+)\")?(?:\s+=\s*(?P<values>.+))?"
)


def words_of(name: str) -> str:
    """`NumberOfEmployees` as a label: `Number Of Employees`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace(" Id", " ID")


def _field(line: str) -> Field:
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError(f"not a field line: {line!r}")
    name, kind = found["name"], found["type"]
    words = set((found["words"] or "").split())
    sizes = [int(n) for n in (found["size"] or "0").split(",")]
    values = [v.strip() for v in (found["values"] or "").split(";") if v.strip()]
    default: object = next((v[1:] for v in values if v.startswith("*")), None)
    if kind == "boolean":
        default = default == "true"
    return Field(
        name=name,
        type=kind,
        label=found["label"] or words_of(name),
        length=18 if kind in ("reference", "id") else sizes[0] if len(sizes) == 1 else 0,
        precision=sizes[0] if len(sizes) == 2 else 0,
        scale=sizes[1] if len(sizes) == 2 else 0,
        nillable="req" not in words and kind != "boolean",
        createable="ro" not in words,
        updateable="ro" not in words and "once" not in words,
        filterable="nofilter" not in words and not (kind == "textarea" and sizes[0] > 255),
        sortable="nosort" not in words and not (kind == "textarea" and sizes[0] > 255),
        id_lookup="look" in words,
        reference_to=tuple((found["refs"] or "").split("|")) if found["refs"] else (),
        relationship_name=found["relation"],
        child_relationship=found["kids"],
        picklist=tuple(v.lstrip("*") for v in values) if kind in ("picklist", "combobox") else (),
        restricted="strict" in words,
        default=default,
        permissionable="plain" not in words and "req" not in words,
        defaulted="auto" in words or kind == "boolean",
        auto_number="{00000000}" if "num" in words else None,
    )


def parse(text: str) -> ObjectType:
    """One object type from its table."""
    head, *lines = re.sub(r"\n {4}", " ", text.strip()).splitlines()
    name, prefix, labels, *words = re.split(r"\s{2,}", head.strip())
    options = dict(w.partition("=")[::2] for w in words)
    label, plural = labels.split("/")
    system = system_fields(owned="owned" in options, beside=options.get("owned", ""))
    if "system" in options:
        system = [f for f in system if f.name in options["system"].split(",")]
    fields = by_name([*system, *(_field(line) for line in lines if line.strip())])
    return ObjectType(
        name,
        label,
        plural,
        prefix,
        fields,
        feature=options.get("feature"),
        replicateable="nosync" not in options,
    )
