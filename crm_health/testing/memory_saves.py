"""How the in-memory CRM saves what a connector sends: checks, unique keys, one answer a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_health.connector import Batch, FieldInfo, Op
from crm_health.errors import SetupError
from crm_health.testing.memory_crm import MemoryCrm, Row


@dataclass(frozen=True)
class Answer:
    """The service's answer to one row; `ref` is the id, key or number that it was sent with."""

    ref: str
    id: str | None = None
    created: bool = False
    code: str = ""
    field: str = ""
    message: str = ""


def save(crm: MemoryCrm, batch: Batch, rows: list[dict[str, Any]]) -> list[Answer]:
    """Save some rows of a batch; the answers come in the rows' order unless a test mangles them.

    Raises:
        SetupError: the object or one of the fields does not exist here or can't be written.
    """
    _check_names(crm, batch, rows)
    claims = {}
    if batch.claim is not None:
        _check_names(crm, batch.claim, batch.claim.rows.to_dicts())
        claims = {row["seq"]: row for row in batch.claim.rows.to_dicts()}
    answers = [_save_row(crm, batch, row, claims.get(row["seq"])) for row in rows]
    if crm.mangle is not None:
        answers, crm.mangle = list(crm.mangle(answers)), None
    return answers


def ref(batch: Batch, row: Mapping[str, Any]) -> str:
    """What matches a row with its answer: its id, its key, or its number."""
    if batch.op is Op.UPDATE:
        return str(row["id"])
    if batch.op is Op.UPSERT and batch.key_field:
        return str(row[batch.key_field])
    return str(row["seq"])


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("seq", "id")}


def _check_names(crm: MemoryCrm, batch: Batch, rows: list[dict[str, Any]]) -> None:
    table = crm.tables.get(batch.object)
    if table is None:
        raise SetupError(f"the CRM has no object {batch.object}", code="INVALID_TYPE")
    for name in _values(rows[0]) if rows else ():
        info = table.info.fields.get(name)
        if info is None or not (info.updateable or info.createable):
            raise SetupError(f"{batch.object}.{name} can't be written", code="INVALID_FIELD")


def _save_row(
    crm: MemoryCrm, batch: Batch, row: Mapping[str, Any], claim: Mapping[str, Any] | None
) -> Answer:
    name, sent = ref(batch, row), _values(row)
    problem = _problem(crm, batch.object, name, sent)
    if problem:
        return Answer(name, code=problem[0], field=problem[1], message=problem[2])
    if batch.op is Op.UPDATE:
        return _update(crm, batch.object, name, sent)
    if batch.op is Op.UPSERT:
        return _upsert(crm, batch, name, sent)
    return _create_once(crm, batch, name, sent, claim)


def _update(crm: MemoryCrm, object_name: str, name: str, sent: dict[str, Any]) -> Answer:
    row = crm.tables[object_name].rows.get(name)
    if row is None:
        return Answer(name, code="NOT_FOUND", message="no such record")
    if row.deleted:
        return Answer(name, id=name, code="ENTITY_IS_DELETED", message="entity is deleted")
    clash = _clash(crm, object_name, sent, but=name)
    if clash:
        return Answer(name, code="DUPLICATE_VALUE", field=clash, message="duplicate value found")
    crm.edit(object_name, name, sent)
    crm.writes += 1
    return Answer(name, id=name)


def _upsert(crm: MemoryCrm, batch: Batch, name: str, sent: dict[str, Any]) -> Answer:
    key = batch.key_field
    info = crm.tables[batch.object].info.fields.get(key or "")
    if key is None or info is None or not info.unique:
        raise SetupError(f"{batch.object}.{key} is not a unique field", code="NOT_UNIQUE")
    found = _by_unique(crm, batch.object, key, sent[key])
    if found is not None:
        answer = _update(crm, batch.object, found.id, sent)
        return Answer(name, answer.id, False, answer.code, answer.field, answer.message)
    clash = _clash(crm, batch.object, sent)
    if clash:
        return Answer(name, code="DUPLICATE_VALUE", field=clash, message="duplicate value found")
    crm.writes += 1
    return Answer(name, id=crm.create(batch.object, sent), created=True)


def _create_once(
    crm: MemoryCrm, batch: Batch, name: str, sent: dict[str, Any], claim: Mapping[str, Any] | None
) -> Answer:
    if claim is None or batch.claim is None:
        return Answer(name, code="REQUIRED_FIELD_MISSING", message="the row has no claim")
    wanted = _values(claim)
    clash = _clash(crm, batch.claim.object, wanted)
    if clash:
        return Answer(name, code="CLAIMED", field=clash, message="the claim exists")
    problem = _problem(crm, batch.claim.object, name, wanted)
    clash = _clash(crm, batch.object, sent)
    if problem or clash:
        code, where, text = problem or ("DUPLICATE_VALUE", clash, "duplicate value found")
        return Answer(name, code=code, field=where, message=text)
    crm.create(batch.claim.object, wanted)
    crm.writes += 2
    return Answer(name, id=crm.create(batch.object, sent), created=True)


def _problem(
    crm: MemoryCrm, object_name: str, name: str, sent: Mapping[str, Any]
) -> tuple[str, str, str] | None:
    if crm.locks.get((object_name, name), 0) > 0:
        crm.locks[(object_name, name)] -= 1
        return "LOCKED", "", "unable to obtain exclusive access to this record"
    if (object_name, name) in crm.refusals:
        return crm.refusals[(object_name, name)]
    fields = crm.tables[object_name].info.fields
    for path, value in sent.items():
        code = _value_problem(fields[path], value)
        if code:
            return code, path, f"{path}: value not allowed"
    return None


def _value_problem(info: FieldInfo, value: Any) -> str:
    if not isinstance(value, str):
        return ""
    if info.length and len(value) > info.length:
        return "STRING_TOO_LONG"
    if info.values and value not in info.values:
        return "NOT_A_LISTED_VALUE"
    return ""


def _by_unique(crm: MemoryCrm, object_name: str, path: str, value: Any) -> Row | None:
    wanted = str(value).casefold()
    for row in crm.tables[object_name].rows.values():
        held = row.values.get(path)
        if not row.deleted and held is not None and str(held).casefold() == wanted:
            return row
    return None


def _clash(
    crm: MemoryCrm, object_name: str, sent: Mapping[str, Any], *, but: str | None = None
) -> str:
    """Name of a unique field whose value another row has; empty where there is none."""
    for path, info in crm.tables[object_name].info.fields.items():
        if info.unique and sent.get(path) is not None:
            other = _by_unique(crm, object_name, path, sent[path])
            if other is not None and other.id != but:
                return path
    return ""
