"""Associations that our rows ask for: with a new record, or after it by a step of their own.

Associating what is associated already changes nothing, so any of it may come twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from connectors.http import LostAnswer
from connectors.hubspot.client import Client
from connectors.hubspot.errors import Refused, fault_in
from connectors.hubspot.properties import links_in
from connectors.hubspot.receipts import UNANSWERED, Receipt, Receipts, from_error, refused
from connectors.hubspot.sending import ENDS, HALVING_CALLS
from crm_health.connector import Outcome
from crm_health.errors import SetupError

_HUBSPOT = "HUBSPOT_DEFINED"
_UNLINKED = "HubSpot saved the record but did not associate it."


class Linker:
    """Associates records of one account by the plain type, which every pair of types has."""

    def __init__(self, client: Client) -> None:
        self._client = client
        #: Object types to the number and category of their plain association.
        self._types: dict[tuple[str, str], tuple[int, str]] = {}

    def new(self, start: str, targets: Mapping[str, str]) -> list[dict[str, Any]]:
        """The `associations` of a record that is about to be made.

        Args:
            start: its object type.
            targets: object type to the id of the record there.
        """
        made = []
        for end, other in targets.items():
            number, category = self._plain(start, end)
            kind = {"associationCategory": category, "associationTypeId": number}
            made.append({"to": {"id": other}, "types": [kind]})
        return made

    def linked(
        self,
        name: str,
        rows: pl.DataFrame,
        receipts: Receipts,
        spare: frozenset[str] = frozenset(),
    ) -> Receipts:
        """Associate the records of rows that are done with what their columns name.

        A row whose association failed is not done any more, unless its column is one that may be
        `spare`d: then its receipt says what is missing.

        Args:
            name: their object type.
            rows: with the columns of `links_in`.
            receipts: of these rows.
            spare: such columns whose record may be gone.
        """
        for column, end in links_in(rows).items():
            wanted = {
                seq: (str(receipts[seq].id), other)
                for seq, other in rows.select("seq", column).iter_rows()
                if other is not None and receipts[seq].done
            }
            if not wanted:
                continue
            for seq, failed in self._associated(name, end, wanted).items():
                lost = failed.outcome is Outcome.REJECTED and column in spare
                receipts[seq] = replace(
                    failed,
                    id=receipts[seq].id,
                    outcome=Outcome.DONE if lost else failed.outcome,
                    created=receipts[seq].created if lost else None,
                    field=column if failed.outcome is Outcome.REJECTED else None,
                )
        return receipts

    def _associated(self, name: str, end: str, wanted: Mapping[int, tuple[str, str]]) -> Receipts:
        """Receipts of those rows that could not be associated."""
        failed: Receipts = {}
        groups = [list(wanted)]
        calls = 0
        while groups:
            seqs = groups.pop()
            try:
                made, answer = self._associate(name, end, [wanted[s] for s in seqs])
            except LostAnswer as error:
                failed |= {s: from_error(error, Outcome.UNKNOWN) for s in seqs}
                continue
            except Refused as error:
                made, answer = set(), {"errors": [{"category": error.fault.category}]}
            except ENDS as error:
                rest = [*seqs, *(s for group in groups for s in group)]
                failed |= {s: from_error(error, Outcome.RETRY) for s in rest}
                break
            left = [s for s in seqs if wanted[s] not in made]
            if len(seqs) == 1 or calls + len(left) > HALVING_CALLS:
                failed |= {s: _unlinked(answer, alone=len(seqs) == 1) for s in left}
            else:
                # The errors do not name their pair: each of the others is asked for alone.
                groups += [[s] for s in left]
                calls += len(left)
        return failed

    def _associate(
        self, start: str, end: str, pairs: Sequence[tuple[str, str]]
    ) -> tuple[set[tuple[str, str]], dict[str, Any]]:
        """Associate pairs of records; those that are now, and the whole answer."""
        sent = [{"from": {"id": near}, "to": {"id": far}} for near, far in pairs]
        path = self._client.paths.associations(start, end, "associate/default")
        answer = self._client.post(path, {"inputs": sent}).json()
        made = {pair for one in answer.get("results") or () if (pair := _pair(one)) is not None}
        return {pair for pair in pairs if pair in made or pair[::-1] in made}, answer

    def _plain(self, start: str, end: str) -> tuple[int, str]:
        if (start, end) not in self._types:
            told = self._client.get(self._client.paths.labels(start, end)).json()
            plain = [
                one
                for one in told.get("results") or ()
                if isinstance(one, dict) and one.get("label") is None
            ]
            # Between custom objects the plain type is the account's own.
            plain.sort(key=lambda one: one.get("category") != _HUBSPOT)
            if not plain:
                raise SetupError(
                    f"HubSpot can't associate {start} with {end}: correct the mapping.",
                    code="CH-HS-LINK",
                )
            first = plain[0]
            self._types[start, end] = int(first["typeId"]), str(first.get("category") or _HUBSPOT)
        return self._types[start, end]


def _unlinked(answer: Mapping[str, Any], *, alone: bool) -> Receipt:
    errors = [e for e in answer.get("errors") or () if isinstance(e, dict)]
    if not errors or not alone:
        return UNANSWERED
    told = refused(fault_in(errors[0]))
    # It is the other record that is not there.
    outcome = Outcome.REJECTED if told.outcome is Outcome.GONE else told.outcome
    return replace(told, outcome=outcome, message=_UNLINKED)


def _pair(result: Any) -> tuple[str, str] | None:
    """The two ids of a result: nested, or flat and as numbers, as the other call answers."""
    try:
        if "fromObjectId" in result:
            return str(result["fromObjectId"]), str(result["toObjectId"])
        return str(result["from"]["id"]), str(result["to"]["id"])
    except (KeyError, TypeError):
        return None
