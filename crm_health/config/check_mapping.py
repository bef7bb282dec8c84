"""Does the mapping make sense as a whole: scope, entities, and no input that we write ourselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crm_health.config import names
from crm_health.config.check_feeds import NAME, check_feed, id_hint, is_id
from crm_health.config.check_write import check_write
from crm_health.config.checker import Checker
from crm_health.config.columns import columns_for
from crm_health.config.mapping import Feed, Mapping
from crm_health.config.problems import nearest
from crm_health.config.yaml import Document, Path
from crm_health.entities import ENTITIES, Kind

_VERSION = re.compile(r"v?[0-9]{1,4}([.\-][0-9]{1,2})?")


def check_mapping(mapping: Mapping, document: Document, crm: str) -> Checker:
    """Check one mapping whose shape is right."""
    check = Checker(document)
    if mapping.crm != crm:
        check.add(("crm",), f"is {mapping.crm!r}, but the file is read for {crm!r}")
    if not _VERSION.fullmatch(mapping.api_version):
        check.add(("api_version",), "is no version", "such as 65.0")
    if mapping.fallback_owner is not None and not is_id(mapping.fallback_owner, mapping.id_length):
        check.add(("fallback_owner",), "is no id of the CRM", id_hint(mapping.id_length))
    account = columns_for("account", mapping)
    check.expression(("scope",), mapping.scope, account, expect=Kind.BOOLEAN)
    if "account" not in names.raw_keys(document, "read"):
        check.add(("read",), "nothing feeds account: there is nobody to score")
    for entity in mapping.read:
        if entity not in ENTITIES:
            check.add(("read", entity), "there is no such entity", nearest(entity, ENTITIES))
            continue
        for path, feed in _feeds(mapping, document, entity):
            check_feed(check, path, entity, feed)
    check_write(check, mapping.write)
    _context(check, mapping)
    _inputs(check, mapping)
    return check


def _feeds(mapping: Mapping, document: Document, entity: str) -> Iterator[tuple[Path, Feed]]:
    """An entity's feeds and where they stand: one feed needs no list around it."""
    listed = ("read", entity, "0") in document.places
    for number, feed in enumerate(mapping.read.get(entity, ())):
        yield (("read", entity, number) if listed else ("read", entity)), feed


def _context(check: Checker, mapping: Mapping) -> None:
    """The line on cases stands in a field of its own, of the one object that cases come from."""
    out, path = mapping.write.case, ("write", "case", "context")
    if out is None:
        return
    if not NAME.fullmatch(out.context):
        check.add(path, "is not the name of a CRM field")
    feeds = mapping.read.get("case", ())
    if len({feed.object for feed in feeds}) != 1:
        check.add(path, "needs one object that cases come from", "or remove `case` under `write`")
    for feed in feeds:
        for name, source in {**feed.columns, **feed.extra}.items():
            if out.context.lower() in {field.lower() for field in source.paths}:
                check.add(path, f"{out.context} feeds {name}: it must be a field of its own")


def _inputs(check: Checker, mapping: Mapping) -> None:
    """What we write is never read as an input: every sync would answer its own echo."""
    written = {target.lower(): output for output, target in mapping.write.account.items()}
    if mapping.write.episode.claims is not None:
        written[mapping.write.episode.claims.lower()] = "claims"
    for path, feed in _feeds(mapping, check.document, "account"):
        sources = [(("columns", name), source) for name, source in feed.columns.items()]
        sources += [(("extra", name), source) for name, source in feed.extra.items()]
        for steps, source in sources:
            for field in source.paths:
                output = written.get(field.lower())
                if output is not None:
                    check.add((*path, *steps), f"{field} is ours: we write {output} there")
