"""The history of models: what counted from when on, and why; a change without a reason is refused.

Kept among the small state of the store, by these names:

    models                  each model that came to count: its digest, the day, whose change it was
    model:<digest>          all that one of them says
    model_of:<config>       the model of a whole configuration, as receipts name it
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from pydantic import ValidationError

from crm_health.config.load import DEFAULT, Config, digest
from crm_health.config.model import Change, Model
from crm_health.errors import ConfigError
from crm_health.store import Store

_ORDER, _ONE, _OF = "models", "model:", "model_of:"


@dataclass(frozen=True)
class Kept:
    """A model that counted from a day on."""

    digest: str
    since: date
    #: Missing for a first model that did not say.
    change: Change | None


def history(store: Store) -> list[Kept]:
    """All models that ever counted here, the oldest first; one that came back stands twice."""
    return [
        Kept(
            entry["digest"],
            date.fromisoformat(entry["since"]),
            Change.model_validate_json(orjson.dumps(entry["change"])) if entry["change"] else None,
        )
        for entry in _entries(store)
    ]


def kept(store: Store, name: str) -> Model | None:
    """The model of this digest; None where it is not kept, or in a shape no longer read."""
    text = store.runs.get_value(f"{_ONE}{name}")
    try:
        return None if text is None else Model.model_validate_json(text)
    except ValidationError:
        return None


def of_config(store: Store, config_digest: str, day: date) -> Kept | None:
    """The model that a configuration of this digest had on a day; None where it is not known."""
    name = store.runs.get_value(f"{_OF}{config_digest}")
    found = [entry for entry in history(store) if entry.digest == name and entry.since <= day]
    return found[-1] if found else None


def of_digest(store: Store, config_digest: str) -> Model | None:
    """The model that a configuration of this digest had; None where it is not known."""
    return kept(store, store.runs.get_value(f"{_OF}{config_digest}") or "")


def keep(store: Store, config: Config, day: date) -> None:
    """Note that this configuration's model counts, from that day on if it is another one."""
    name = digest(config.model)
    store.runs.set_value(f"{_OF}{config.digest}", name)
    entries = _entries(store)
    if entries and entries[-1]["digest"] == name:
        return
    change = config.model.change
    entry = {
        "digest": name,
        "since": day.isoformat(),
        "change": change.model_dump(mode="json", by_alias=True) if change else None,
    }
    store.runs.set_value(f"{_ONE}{name}", config.model.model_dump_json(by_alias=True))
    store.runs.set_value(_ORDER, orjson.dumps([*entries, entry]).decode())


def before(store: Store, config: Config, day: date) -> tuple[str, Model | None] | None:
    """The digest and text of the model that counted until that day; None where none other did.

    Readings may be older than the history of models, as in a database of an earlier version: then
    the digest is empty. Where the text is missing, nobody can say what that model was.
    """
    entries = [entry for entry in history(store) if entry.since < day][-1:]
    if not entries:
        return "", None
    name, today = entries[0].digest, digest(config.model)
    model = kept(store, name)
    # Read anew, for what the grammar gained since then is no change of anybody's.
    if today in (name, digest(model) if model is not None else None):
        return None
    return name, model


def made_by(store: Store, name: str, configs: Iterable[str]) -> list[str]:
    """Those configurations, by their digests, that had the model of a digest.

    Of an empty digest: those whose model is not known.
    """
    return [one for one in configs if (store.runs.get_value(f"{_OF}{one}") or "") == name]


def objection(store: Store, config: Config) -> str | None:
    """Why a changed model may not count yet; None where it may.

    The first model of a state needs no reason, and for a packaged one the changelog has it.
    """
    last = history(store)[-1:]
    if not last or config.files.get("model.yaml") == DEFAULT:
        return None
    before = kept(store, last[0].digest)
    # Read anew, for what the grammar gained since then is no change of anybody's.
    if before is None or digest(before) == digest(config.model):
        return None
    change = config.model.change
    if change is None:
        return "the model has changed, and model.yaml does not say who changed it and why"
    if last[0].change is not None and change.reason == last[0].change.reason:
        return (
            "the model has changed, and `change` in model.yaml still gives the reason of the one "
            f"before ({change.reason!r})"
        )
    return None


def admit(store: Store, config: Config) -> None:
    """Let only a model count that says why it changed.

    Raises:
        ConfigError: it does not.
    """
    problem = objection(store, config)
    if problem is not None:
        raise ConfigError(
            f"{problem[:1].upper()}{problem[1:]}. Nothing was written, and no call was made. Put "
            "owner, approver, date and a reason of one sentence under `change:`; `crm-health model "
            "diff` shows what the change does.",
            code="CH-MODEL",
        )


def _entries(store: Store) -> list[dict[str, Any]]:
    return list(orjson.loads(store.runs.get_value(_ORDER) or "[]"))
