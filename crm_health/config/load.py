"""Reads a configuration folder, with our defaults for the files that it lacks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from crm_health.config.check import Documents, check
from crm_health.config.mapping import Mapping
from crm_health.config.model import Model
from crm_health.config.playbook import Playbook
from crm_health.config.problems import ConfigProblems, Problem, Severity, nearest
from crm_health.config.shape import problems_of, without
from crm_health.config.yaml import MAX_BYTES, Document, parse

DEFAULT_CRM = "salesforce"
#: The origin of a file that the folder lacks.
DEFAULT = "packaged default"


@dataclass
class _Files:
    """What the files say, by file name, and their problems of reading and of shape."""

    values: dict[str, Any] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Config:
    """A checked configuration."""

    mapping: Mapping
    model: Model
    playbook: Playbook
    #: Changes when anything that can change a score, text or record does.
    digest: str
    #: File name to where it was read from: a path, or `DEFAULT`.
    files: MappingABC[str, str]
    #: What is odd but usable.
    warnings: tuple[Problem, ...] = field(default=())
    #: What is fine, and good to know.
    notes: tuple[Problem, ...] = field(default=())


def load(
    folder: Path | None = None,
    *,
    crm: str = DEFAULT_CRM,
    instead: MappingABC[str, Path] = MappingProxyType({}),
) -> Config:
    """Read and check mapping, model and playbook.

    Args:
        folder: where `<crm>.yaml`, `model.yaml` and `playbook.yaml` are looked for; a file it
            lacks is our packaged default. None: all are.
        crm: the connector's name.
        instead: files that are read in place of the folder's, by the names of those.

    Raises:
        ConfigProblems: all mistakes of all files at once.
    """
    read = _read_all(folder, crm, instead)
    values, documents, problems = read.values, read.documents, read.problems
    given = Documents(
        mapping=(values.get(f"{crm}.yaml"), documents.get(f"{crm}.yaml")),
        model=(values.get("model.yaml"), documents.get("model.yaml")),
        playbook=(values.get("playbook.yaml"), documents.get("playbook.yaml")),
        whole=not problems,
    )
    problems += check(given, crm)
    if _of(problems, Severity.ERROR):
        raise ConfigProblems(problems, read.sources)
    mapping, model, playbook = values.values()
    return Config(
        mapping=mapping.with_words(playbook.words() | model.words()),
        model=model,
        playbook=playbook.with_touches(),
        digest=digest(mapping, model, playbook),
        files=read.origins,
        warnings=_of(problems, Severity.WARNING),
        notes=_of(problems, Severity.NOTE),
    )


def _of(problems: list[Problem], severity: Severity) -> tuple[Problem, ...]:
    return tuple(sorted(p for p in problems if p.severity is severity))


@dataclass(frozen=True)
class Unchecked:
    """What a configuration says if it passes the check, which takes far longer than reading."""

    playbook: Playbook
    digest: str


def unchecked(folder: Path | None = None, *, crm: str = DEFAULT_CRM) -> Unchecked | None:
    """Read a configuration that only explains what was done by it.

    Returns:
        None where a file can't be read, or says what no configuration can.
    """
    read = _read_all(folder, crm, {})
    if read.problems:
        return None
    mapping, model, playbook = read.values.values()
    return Unchecked(playbook, digest(mapping, model, playbook))


def digest(*parts: BaseModel) -> str:
    """A hash of the values, not of the files: comments and layout don't change it."""
    canonical = [part.model_dump(mode="json", by_alias=True) for part in parts]
    # Keys keep their order: the order of derived facts and of alerts has a meaning.
    raw = orjson.dumps(canonical)
    return hashlib.blake2b(raw, digest_size=8).hexdigest()


def _read_all(folder: Path | None, crm: str, instead: MappingABC[str, Path]) -> _Files:
    """Mapping, model and playbook, in this order."""
    kinds: dict[str, type[BaseModel]] = {
        f"{crm}.yaml": Mapping,
        "model.yaml": Model,
        "playbook.yaml": Playbook,
    }
    read = _Files(problems=_folder_problems(folder, kinds))
    for name in kinds if not read.problems else ():
        raw, read.origins[name], trouble = _read(folder, name, instead.get(name))
        document, found = parse(raw, name) if trouble is None else (None, [trouble])
        read.problems += found
        read.sources[name] = raw.decode("utf-8", "replace")
        if document is not None:
            read.documents[name] = document
    for name, document in read.documents.items():
        read.values[name], found = _validate(kinds[name], document)
        told = {p.path for p in read.problems if p.file == name}
        read.problems += [p for p in found if p.path not in told]
    return read


def _validate(kind: type[BaseModel], document: Document) -> tuple[BaseModel | None, list[Problem]]:
    """The file's value, or its problems of shape and what is left without the broken parts."""
    try:
        return _value(kind, document.data), []
    except ValidationError as error:
        problems = problems_of(error, kind, document)
        try:
            return _value(kind, without(document.data, [p.path for p in problems])), problems
        except ValidationError:
            return None, problems


def _value(kind: type[BaseModel], data: Any) -> BaseModel:
    # JSON, since strict Python input would refuse a list where a tuple is wanted.
    return kind.model_validate_json(orjson.dumps(data))


def _read(
    folder: Path | None, name: str, instead: Path | None
) -> tuple[bytes, str, Problem | None]:
    path = instead or (folder / name if folder is not None else None)
    if path is not None and (instead or path.exists()):
        try:
            with path.open("rb") as stream:
                return stream.read(MAX_BYTES + 1), str(path), None
        except OSError as error:
            reason = error.strerror or "not a file"
            return b"", str(path), Problem(name, 0, 0, "", f"can't be read: {reason}")
    found = resources.files("mappings") / name
    if not found.is_file():
        return b"", "", Problem(name, 0, 0, "", "there is no such file and no default for it")
    return found.read_bytes(), DEFAULT, None


def _folder_problems(folder: Path | None, kinds: MappingABC[str, Any]) -> list[Problem]:
    """A folder that isn't there, or a file in it that looks like a misspelt one of ours."""
    if folder is None:
        return []
    if not folder.is_dir():
        return [Problem(str(folder), 0, 0, "", "there is no such configuration folder")]
    problems = []
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".yaml", ".yml") or path.name in kinds:
            continue
        hint = nearest(path.name, kinds)
        if hint:
            problems.append(Problem(path.name, 0, 0, "", "this file is not read", hint))
    return problems
