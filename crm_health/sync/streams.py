"""What to read: the mapping held against what the org has."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field

from crm_health import errors
from crm_health.config.mapping import Feed, Mapping, Source
from crm_health.config.problems import nearest
from crm_health.connector import FieldRead, ObjectInfo, Stream
from crm_health.entities import ACCOUNT_OUTPUTS, ENTITIES, Kind, shown
from crm_health.sync import lists
from crm_health.sync.own import ours

#: Types that CRMs' describes name, as ours; all others are read as text.
WIRE: dict[str, Kind] = {
    **dict.fromkeys(("boolean", "bool"), Kind.BOOLEAN),
    **dict.fromkeys(("double", "int", "currency", "percent", "number", "long"), Kind.NUMBER),
    "date": Kind.DATE,
    "datetime": Kind.INSTANT,
}


@dataclass(frozen=True)
class ResolvedFeed:
    """A feed whose every path exists in this org."""

    entity: str
    object: str
    columns: MappingABC[str, Source]
    kinds: MappingABC[str, Kind]
    #: Optional columns that this org lacks: empty in `keep`, and nowhere else.
    absent: MappingABC[str, Kind] = field(default_factory=dict)
    keep: str | None = None
    sla_hours: MappingABC[str, float] | None = None


@dataclass(frozen=True)
class Reads:
    """All that a run reads, and what it can't."""

    streams: tuple[Stream, ...]
    feeds: tuple[ResolvedFeed, ...]
    #: Entity to its stored columns.
    shapes: dict[str, dict[str, Kind]]
    #: Entity to columns nobody feeds: facts that use them are missing.
    missing: dict[str, frozenset[str]]
    warnings: tuple[str, ...] = ()
    #: CRM object and field to the longest text it takes.
    lengths: dict[tuple[str, str], int] = field(default_factory=dict)

    def kind_of(self, crm_object: str, path: str) -> Kind:
        """What kind of value a field that is read holds in the CRM."""
        stream = next(s for s in self.streams if s.object == crm_object)
        return next(f.kind for f in stream.fields if f.path == path)

    def feeds_of(self, crm_object: str) -> list[ResolvedFeed]:
        """The feeds that one CRM object serves."""
        return [feed for feed in self.feeds if feed.object == crm_object]

    def objects_of(self, entity: str) -> list[str]:
        """The CRM objects that feed an entity."""
        return [feed.object for feed in self.feeds if feed.entity == entity]


def objects(mapping: Mapping) -> list[str]:
    """Every CRM object the mapping names, for one describe."""
    named = [feed.object for feeds in mapping.read.values() for feed in feeds]
    named += [feed.object for feed in ours(mapping).values()]
    return list(dict.fromkeys(named))


def resolve(mapping: Mapping, infos: MappingABC[str, ObjectInfo]) -> Reads:
    """Hold the mapping against the org.

    Raises:
        SetupError: objects or fields that are not optional are missing: all of them, named.
        AuthError: the user may not see objects that are not optional: what would change that.
    """
    lacking: list[str] = []
    warnings: list[str] = []
    hidden = {name: info.hidden for name, info in infos.items() if info.hidden}
    _need_sight(mapping, hidden)
    infos = {name: info for name, info in infos.items() if name not in hidden}
    feeds: list[ResolvedFeed] = []
    wanted: dict[str, dict[str, Kind]] = {}
    for entity, feed in _all_feeds(mapping):
        info = infos.get(feed.object)
        if info is None:
            if feed.optional:
                warnings += _unfed(entity, feed, mapping, infos, hidden)
            else:
                lacking.append(feed.object)
            continue
        found, kinds, absent = {}, {}, {}
        for column, source in _columns(entity, feed, mapping).items():
            kept = _available(source, info, lacking, warnings, f"{entity}.{column}")
            if kept is None:
                absent[column] = _kind(entity, column, source)
                continue
            found[column], kinds[column] = kept, _kind(entity, column, kept)
            for path in kept.paths:
                wanted.setdefault(feed.object, {})[path] = _wire(path, info)
        feeds.append(
            ResolvedFeed(entity, feed.object, found, kinds, absent, feed.keep, feed.sla_hours)
        )
    lacking += _unwritable(mapping, infos)
    named = [_with_hint(name, infos) for name in sorted(set(lacking))]
    named += lists.lacking(mapping, infos)
    if named:
        raise errors.SetupError(
            "The CRM lacks, or hides from this user: "
            + ", ".join(named)
            + f". Nothing was written. A slip in {mapping.crm}.yaml? Else `crm-health setup` makes "
            "what is ours; what else your org lacks can be `optional: true` under `read:`",
            code="CH-SETUP",
        )
    streams = tuple(
        Stream(name, tuple(FieldRead(path, kind) for path, kind in sorted(paths.items())))
        for name, paths in wanted.items()
    )
    told = tuple(dict.fromkeys(warnings))
    return Reads(streams, tuple(feeds), *_shapes(feeds), told, _lengths(infos))


def _need_sight(mapping: Mapping, hidden: MappingABC[str, str]) -> None:
    """Raise AuthError if what the user may not see is needed."""
    needed = {feed.object for _, feed in _all_feeds(mapping) if not feed.optional}
    unseen = sorted(needed & set(hidden))
    if unseen:
        why = " ".join(dict.fromkeys(hidden[name] for name in unseen))
        raise errors.AuthError(
            f"{why} Without it {', '.join(unseen)} can't be read. Nothing was written.",
            code="CH-RIGHTS",
        )


def _unfed(
    entity: str,
    feed: Feed,
    mapping: Mapping,
    infos: MappingABC[str, ObjectInfo],
    hidden: MappingABC[str, str],
) -> list[str]:
    """The warning for an optional feed that is not there; none where another one stands in."""
    if feed.object in hidden:
        return [f"{feed.object} can't be read: {hidden[feed.object].rstrip('.')}"]
    if any(other.object in infos for other in mapping.read.get(entity, ())):
        return []
    return [f"{feed.object} is not in this org: nothing feeds {entity}"]


def _with_hint(name: str, infos: MappingABC[str, ObjectInfo]) -> str:
    """A missing `Object.Field`, with the nearest field that the object has."""
    crm_object, _, path = name.partition(".")
    info = infos.get(crm_object)
    hint = nearest(path, info.fields) if info and path else ""
    return f"{name} ({hint})" if hint else name


def _all_feeds(mapping: Mapping) -> list[tuple[str, Feed]]:
    """Every entity with its feeds: the mapping's, and those that read our own records back."""
    mapped = [(entity, feed) for entity, feeds in mapping.read.items() for feed in feeds]
    own = [(entity, feed) for entity, feed in ours(mapping).items() if entity not in mapping.read]
    return mapped + own


def _columns(entity: str, feed: Feed, mapping: Mapping) -> dict[str, Source]:
    """A feed's columns; on accounts and cases also what the CRM shows of our outputs."""
    columns = dict(feed.columns) | dict(feed.extra)
    if entity == "account":
        for output, path in mapping.write.account.items():
            columns[shown(output)] = Source(field=path)
    out = mapping.write.case
    if entity == "case" and out is not None:
        # Nothing rests on it: an org where setup has not made it yet goes without.
        columns[shown("context")] = Source(field=out.context, optional=True)
    return columns


def _available(
    source: Source, info: ObjectInfo, lacking: list[str], warnings: list[str], column: str
) -> Source | None:
    """The source with the paths this org has; None where none is left."""
    there = tuple(path for path in source.paths if _readable(path, info))
    gone = [f"{info.name}.{path}" for path in source.paths if path not in there]
    if gone and not source.optional:
        lacking.extend(gone)
        return None
    if gone:
        warnings.append(f"{', '.join(gone)} is not in this org: {column} is missing")
    if source.paths and not there:
        return None
    changes: dict[str, object] = {"field": there[0] if len(there) == 1 else there or None}
    if source.promote and there:
        values = set(info.fields[there[0]].values) if there[0] in info.fields else set()
        if values and not values & set(source.promote.where_none_of):
            changes["values"] = {**(source.values or {}), **source.promote.values}
    return source.model_copy(update=changes)


def _readable(path: str, info: ObjectInfo) -> bool:
    head, _, rest = path.partition(".")
    if rest:
        return head in info.parents
    return head in info.fields and info.fields[head].readable


def _wire(path: str, info: ObjectInfo) -> Kind:
    field_info = info.fields.get(path)
    return WIRE.get(field_info.type, Kind.TEXT) if field_info else Kind.TEXT


def _kind(entity: str, column: str, source: Source) -> Kind:
    if column.startswith("shown_"):
        return ACCOUNT_OUTPUTS.get(column.removeprefix("shown_"), Kind.TEXT)
    return ENTITIES[entity].kind(column) or source.type or Kind.TEXT


def _unwritable(mapping: Mapping, infos: MappingABC[str, ObjectInfo]) -> list[str]:
    """Outputs that this user may not write: found now, not in the middle of writing."""
    write = mapping.write
    task, episode, escalation = write.task, write.episode, write.escalation
    wanted = {
        # What is read back as well is known to be there.
        **{
            (feed.object, path): False
            for feed in mapping.read.get("account", ())
            for path in write.account.values()
        },
        (episode.object, episode.cleared): False,
        (task.object, task.status): False,
        (task.object, task.body): False,
        (task.object, task.priority): True,
        **{(task.object, name): True for name in task.constants},
        (escalation.object, escalation.status): False,
        (escalation.object, escalation.cleared): False,
        **{
            (escalation.object, path): False
            for path in (
                escalation.acknowledged,
                escalation.next_update,
                escalation.breached,
                escalation.told,
                escalation.log,
                escalation.actions,
                escalation.resolution,
            )
            if path is not None
        },
        **{
            (escalation.object, path): True
            for path in (escalation.ends_when, escalation.tier, escalation.value)
            if path is not None
        },
        (escalation.object, escalation.evidence): True,
        (escalation.object, escalation.score): True,
        (escalation.object, escalation.band): True,
        **{(escalation.object, name): True for name in escalation.constants},
    }
    if task.alert is not None:
        wanted[task.object, task.alert] = True
    found = _unwritable_context(mapping, infos)
    if episode.told is not None:
        wanted[episode.object, episode.told] = False
    if escalation.name is not None:
        wanted[escalation.object, escalation.name] = True
    for (name, path), on_creation in wanted.items():
        info = infos.get(name)
        if info is None:
            continue
        known = info.fields.get(path)
        if known is None:
            found.append(f"{name}.{path}")
        elif not (known.createable if on_creation else known.updateable):
            found.append(f"{name}.{path} (read-only)")
    return found


def _unwritable_context(mapping: Mapping, infos: MappingABC[str, ObjectInfo]) -> list[str]:
    """The line on cases, where the org has it and this user may not write it."""
    out, feeds = mapping.write.case, mapping.read.get("case", ())
    if out is None or not feeds or feeds[0].object not in infos:
        return []
    known = infos[feeds[0].object].fields.get(out.context)
    closed = known is not None and known.readable and not known.updateable
    return [f"{feeds[0].object}.{out.context} (read-only)"] if closed else []


def _lengths(infos: MappingABC[str, ObjectInfo]) -> dict[tuple[str, str], int]:
    return {
        (name, path): found.length
        for name, info in infos.items()
        for path, found in info.fields.items()
        if found.length and WIRE.get(found.type, Kind.TEXT) is Kind.TEXT
    }


def _shapes(
    feeds: list[ResolvedFeed],
) -> tuple[dict[str, dict[str, Kind]], dict[str, frozenset[str]]]:
    shapes: dict[str, dict[str, Kind]] = {}
    for feed in feeds:
        shape = shapes.setdefault(feed.entity, {})
        shape.update(feed.kinds)
        if feed.sla_hours and {"opened_at", "priority"} <= feed.kinds.keys():
            # What `normalize` reckons where the CRM has none.
            shape.setdefault("sla_due_at", Kind.INSTANT)
        if feed.entity != "user":
            shape.setdefault("account_id", Kind.TEXT)
    # Keep the layout stable whatever the order of the mapping's lines.
    ordered = {entity: dict(sorted(shape.items())) for entity, shape in sorted(shapes.items())}
    missing = {
        name: frozenset(
            {c.name for c in entity.columns}.union(
                *(feed.absent for feed in feeds if feed.entity == name)
            )
        )
        - frozenset(ordered.get(name, {}))
        for name, entity in ENTITIES.items()
    }
    return ordered, missing
