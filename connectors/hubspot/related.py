"""The one associated record that matters: the primary one, else the one of the smallest id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from connectors.hubspot.client import Client
from connectors.hubspot.errors import not_json
from crm_health.errors import Unavailable

#: Ids of one batch read of associations.
BATCH = 1_000
#: Rounds of per-record pages: a record with more associations than this is out of its mind.
ROUNDS_MAX = 1_000

_SINGULAR = {"companies": "company", "contacts": "contact"}
_SCHEMA = {"id": pl.String, "to": pl.String, "primary": pl.Boolean}


def best(ends: pl.DataFrame) -> pl.DataFrame:
    """Columns `id` and `to`: for each record the end that matters.

    Args:
        ends: `id`, `to`, `primary`, a row an association; a pair may come with several types.
    """
    # Ids beyond 2^53 are told apart as whole numbers only.
    by = [pl.col("primary").not_(), pl.col("to").cast(pl.Int64, strict=False)]
    order = ends.sort("id", *by, "to", nulls_last=True)
    return order.unique("id", keep="first", maintain_order=True).select("id", "to")


def inline(rows: pl.DataFrame, target: str) -> tuple[pl.DataFrame, list[str]]:
    """What the associations that came with a list say.

    Args:
        rows: `id`, and `associations.TARGET` as `wire.parse` gives it.
        target: object type associated to.

    Returns:
        `id`, `to` of the records that have one, and ids of records whose associations go on
        elsewhere without the primary one being among those that came.
    """
    column = pl.col(f"associations.{target}")
    # `ticket_to_company` is the primary type where there is one; then the plain one is called
    # `ticket_to_company_unlabeled`.
    word = f"_to_{_SINGULAR.get(target, target)}"
    ends = (
        rows.select("id", column.struct.field("results").alias("end"))
        .explode("end")
        .drop_nulls("end")
        .select(
            "id",
            pl.col("end").struct.field("id").alias("to"),
            pl.col("end")
            .struct.field("type")
            .str.ends_with(word)
            .fill_null(False)
            .alias("primary"),
        )
        .drop_nulls("to")
    )
    after = column.struct.field("paging").struct.field("next").struct.field("after")
    more = rows.filter(after.is_not_null()).select("id")
    found = more.join(ends.filter("primary"), on="id", how="semi")
    open_ends = more.join(found, on="id", how="anti")["id"].to_list()
    return best(ends), open_ends


def read(client: Client, start: str, target: str, ids: Sequence[str]) -> pl.DataFrame:
    """Ask for the associations of records: `id`, `to` of those that have one.

    Raises:
        Unavailable: some were left unanswered.
    """
    path = client.paths.associations(start, target, "read")
    ends: list[dict[str, Any]] = []
    for first in range(0, len(ids), BATCH):
        asked: list[dict[str, str]] = [{"id": i} for i in ids[first : first + BATCH]]
        for _ in range(ROUNDS_MAX):
            if not asked:
                break
            body = client.post(path, {"inputs": asked}).json()
            asked = _take(body, {one["id"] for one in asked}, ends)
        if asked:
            raise Unavailable("The associations of a record do not end.", code="CH-HS-PAGES")
    return best(pl.DataFrame(ends, schema=_SCHEMA))


def _take(
    body: Mapping[str, Any], asked: set[str], ends: list[dict[str, Any]]
) -> list[dict[str, str]]:
    """Note what an answer holds; what of it goes on."""
    results = body.get("results")
    if not isinstance(results, list):
        raise not_json("associations")
    following = []
    told = _without(body.get("errors"))
    for result in results:
        row = str(result["from"]["id"])
        told.add(row)
        ends += [
            {"id": row, "to": str(end["toObjectId"]), "primary": _is_primary(end)}
            for end in result.get("to") or ()
        ]
        after = ((result.get("paging") or {}).get("next") or {}).get("after")
        if after:
            following.append({"id": row, "after": str(after)})
    if asked - told:
        raise Unavailable("HubSpot left associations unanswered.", code="CH-HS-SHORT")
    return following


def _is_primary(end: Mapping[str, Any]) -> bool:
    types: Iterable[Mapping[str, Any]] = end.get("associationTypes") or ()
    return any(
        str(one.get("label") or "").startswith("Primary") and one.get("category") != "USER_DEFINED"
        for one in types
    )


def _without(errors: object) -> set[str]:
    """Ids that have no association, which the service tells among the errors."""
    return {
        str(i)
        for error in (errors if isinstance(errors, list) else ())
        for i in (error.get("context") or {}).get("fromObjectId") or ()
        if str(error.get("subCategory", "")).endswith("NO_ASSOCIATIONS_FOUND")
    }
