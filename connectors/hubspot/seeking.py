"""Records found again by the account they hang on: associations, then the records themselves.

A search is asked as well, for those that a person took from their account. It only ever adds: what
it does not show may be there all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.hubspot.client import BATCH, Client
from connectors.hubspot.errors import fault_in, not_json
from connectors.hubspot.related import BATCH as LINKED_BATCH
from connectors.hubspot.related import ROUNDS_MAX
from crm_health.connector import Ledger
from crm_health.errors import Unavailable

#: Records that one search may find.
SEARCHED = 200


@dataclass(frozen=True)
class Want:
    """A record that is to be there once."""

    seq: int
    #: Id of the record that it hangs on.
    parent: str
    key: str


def seek(
    client: Client, ledger: Ledger, name: str, key: str, wants: Sequence[Want]
) -> dict[int, str]:
    """Of wanted records those that are there: `seq` to id.

    Args:
        client: of the account.
        ledger: which object type they hang on.
        name: their own object type.
        key: the property that holds their key.
        wants: what to look for.

    Raises:
        Unavailable: an answer was not whole, so that nothing can be said of what is not in it.
    """
    if not wants:
        return {}
    found = _hanging(client, ledger.object, name, dict.fromkeys(want.parent for want in wants))
    ids = sorted(found | _searched(client, name, key, wants), key=_by_age)
    held: dict[str, str] = {}
    for start in range(0, len(ids), BATCH):
        body = {"properties": [key], "inputs": [{"id": i} for i in ids[start : start + BATCH]]}
        answer = client.post(client.paths.batch(name, "read"), body).json()
        results = _results(answer)
        _need(ids[start : start + BATCH], {str(one["id"]) for one in results}, answer, "ids")
        for one in sorted(results, key=lambda one: _by_age(str(one["id"]))):
            value = (one.get("properties") or {}).get(key)
            if value:
                # The oldest, should a person have copied one.
                held.setdefault(str(value).casefold(), str(one["id"]))
    return {w.seq: held[w.key.casefold()] for w in wants if w.key.casefold() in held}


def _hanging(client: Client, start: str, end: str, parents: Iterable[str]) -> set[str]:
    """Ids of all records of type `end` that hang on these."""
    path, waiting = client.paths.associations(start, end, "read"), list(parents)
    found: set[str] = set()
    for first in range(0, len(waiting), LINKED_BATCH):
        asked = [{"id": i} for i in waiting[first : first + LINKED_BATCH]]
        for _ in range(ROUNDS_MAX):
            if not asked:
                break
            answer = client.post(path, {"inputs": asked}).json()
            results = _results(answer)
            told = {str(one["from"]["id"]) for one in results}
            _need([one["id"] for one in asked], told, answer, "fromObjectId")
            found |= {str(to["toObjectId"]) for one in results for to in one.get("to") or ()}
            asked = [
                {"id": str(one["from"]["id"]), "after": str(after)}
                for one in results
                if (after := ((one.get("paging") or {}).get("next") or {}).get("after"))
            ]
        if asked:
            raise Unavailable("The associations of a record do not end.", code="CH-HS-PAGES")
    return found


def _searched(client: Client, name: str, key: str, wants: Sequence[Want]) -> set[str]:
    """Ids of records that have one of the keys, as far as the index knows."""
    # The index holds texts in small letters.
    values = [want.key.casefold() for want in wants]
    filters = [{"propertyName": key, "operator": "IN", "values": values}]
    body = {"filterGroups": [{"filters": filters}], "properties": [key], "limit": SEARCHED}
    return {str(one["id"]) for one in _results(client.post(client.paths.search(name), body).json())}


def _by_age(record_id: str) -> tuple[int, str]:
    return len(record_id), record_id


def _need(asked: Iterable[str], told: set[str], answer: dict[str, Any], name: str) -> None:
    """Absence is proven only by an answer that says something of everything asked for."""
    for error in answer.get("errors") or ():
        told |= set(fault_in(error).context.get(name, ()))
    if not set(asked) <= told:
        raise Unavailable("HubSpot left a look-up unanswered.", code="CH-HS-SHORT")


def _results(answer: dict[str, Any]) -> list[dict[str, Any]]:
    results = answer.get("results")
    if not isinstance(results, list):
        raise not_json("a look-up")
    return [one for one in results if isinstance(one, dict)]
