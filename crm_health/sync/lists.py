"""Words of ours that lists of the CRM do not take: told before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingABC

from crm_health.config.mapping import Mapping
from crm_health.connector import ObjectInfo


def lacking(mapping: Mapping, infos: MappingABC[str, ObjectInfo]) -> Iterator[str]:
    """Each such word, with the field whose list lacks it."""
    write = mapping.write
    account, bands = mapping.read["account"][0].object, write.words.get("band", ())
    wanted = [(account, write.account.get(output), words) for output, words in write.words.items()]
    wanted.append((write.escalation.object, write.escalation.band, bands))
    for name, path, words in wanted:
        known = infos[name].fields.get(path or "") if name in infos else None
        if known is not None and known.restricted:
            for word in words:
                if word not in known.values:
                    yield f"the word {word!r} in the list {name}.{path}"
