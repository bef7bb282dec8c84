"""Records of one object as the core wants them: by list, or by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from connectors.cells import typed
from connectors.hubspot import related
from connectors.hubspot.client import BATCH, Client
from connectors.hubspot.describe import LINKS, MERGED, OWNERS, Describer, Shape
from connectors.hubspot.wire import Parsed, Unread, Wanted, glance, missing_names, parse
from crm_health.connector import BAD_SCHEMA, Stream
from crm_health.errors import SetupError

#: Longer addresses are refused somewhere between here and 8,192 characters.
URL_MAX = 7_000
LIST_MAX = 100


@dataclass(frozen=True)
class Found:
    """Rows as `Stream.schema()` has them, and cells that could not be typed."""

    rows: pl.DataFrame
    bad: pl.DataFrame
    #: The service's cursor to what follows in a list.
    after: str | None = None


@dataclass
class Records:
    """One stream's records in the account."""

    client: Client
    describer: Describer
    stream: Stream
    shape: Shape
    #: Properties that the account has but some answers leave out: asked about once.
    _quiet: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        paths = [f.path for f in self.stream.fields]
        owners = self._owners = self.stream.object == OWNERS
        properties = () if owners else tuple(p for p in paths if p not in LINKS)
        merged = (MERGED,) if self.shape.has(MERGED) and MERGED not in properties else ()
        self._wanted = Wanted(
            properties=(*properties, *merged),
            links=tuple(target for path, target in LINKS.items() if path in paths),
            members=tuple(paths) if owners else (),
        )
        self._values = Wanted(self._wanted.properties)
        self._long = len(",".join(self._wanted.properties)) > URL_MAX

    def page(self, after: str = "", *, archived: bool = False) -> Unread:
        """A page of the list of all live records, or of all archived ones, as it came."""
        paths = self.client.paths
        query = [("limit", str(LIST_MAX))]
        if after:
            query.append(("after", after))
        if archived:
            query.append(("archived", "true"))
        if self._owners:
            return glance(self.client.get(paths.owners, query).body, self._wanted, "list")
        path = paths.objects(self.stream.object)
        if archived or self._long:
            return glance(self.client.get(path, query).body, Wanted(), "list")
        if self._wanted.properties:
            query.append(("properties", ",".join(self._wanted.properties)))
        if self._wanted.links:
            query.append(("associations", ",".join(self._wanted.links)))
        return glance(self.client.get(path, query).body, self._wanted, "list")

    def found(self, came: Sequence[Unread], *, archived: bool = False) -> Found:
        """What some pages of a list hold, as the core wants it: many at once cost little more."""
        pages = [parse(page.body, page.wanted, "list") for page in came]
        rows, after = pl.concat([page.rows for page in pages], rechunk=True), came[-1].after
        if archived and not self._owners:
            return Found(self._bare(rows["id"].unique(maintain_order=True)), _no_bad(), after)
        if self._long:
            found = self.by_id(rows["id"].to_list())
            return Found(found.rows, found.bad, after)
        for page, one in zip(pages, came, strict=True):
            self._check_properties(page, one.body)
        wire = self._wanted.flat(rows)
        links = {}
        for target in self._wanted.links:
            ends, going_on = related.inline(wire, target)
            if going_on:
                again = related.read(self.client, self.stream.object, target, going_on)
                ends = pl.concat([ends.filter(~pl.col("id").is_in(going_on)), again])
            links[target] = ends
        return self._typed(wire, [cell for page in pages for cell in page.odd], links, after)

    def by_id(self, ids: Sequence[str]) -> Found:
        """Records of these ids with all that is wanted; those archived since, bare."""
        parts = [self._batch(ids[n : n + BATCH]) for n in range(0, len(ids), BATCH)]
        if not parts:
            return Found(pl.DataFrame(schema=self.stream.schema()), _no_bad())
        wire = self._values.flat(pl.concat([parsed.rows for parsed, _ in parts]))
        odd = [cell for parsed, _ in parts for cell in parsed.odd]
        wire = wire.unique("id", keep="last", maintain_order=True)
        links = {
            target: related.read(self.client, self.stream.object, target, wire["id"].to_list())
            for target in self._wanted.links
        }
        found = self._typed(wire, odd, links)
        gone = pl.Series("id", [i for _, lost in parts for i in lost], pl.String)
        gone = gone.filter(~gone.is_in(found.rows["id"].to_list()))
        return Found(pl.concat([found.rows, self._bare(gone)]), found.bad)

    def _batch(self, ids: Sequence[str]) -> tuple[Parsed, list[str]]:
        """Up to 100 records; and which of the others are proven to be archived."""
        wanted = self._values
        body = self._ask(ids, archived=False)
        parsed = parse(body, wanted, "read")
        self._check_properties(parsed, body)
        missing = _missing(ids, parsed.rows)
        if not missing:
            return parsed, []
        # An answer may leave out records that are there: what it lacks is asked for once more.
        again = parse(self._ask(missing, archived=False), wanted, "read")
        rows = pl.concat([parsed.rows, again.rows])
        missing = _missing(ids, rows)
        lost: list[str] = []
        if missing:
            archived = parse(self._ask(missing, archived=True), Wanted(), "read")
            lost = [i for i in archived.rows["id"].to_list() if i in missing]
        unknown = len(missing) - len(lost)
        if unknown:
            # Merged away: its survivor has changed too, and names it.
            self.client.ports.log("hubspot.silent", object=self.stream.object, rows=unknown)
        return Parsed(rows, parsed.odd + again.odd, None, {}), lost

    def _ask(self, ids: Sequence[str], *, archived: bool) -> bytes:
        path = self.client.paths.batch(self.stream.object, "read")
        properties = ["hs_object_id"] if archived else list(self._wanted.properties)
        body = {"properties": properties, "inputs": [{"id": i} for i in ids]}
        return self.client.post(path, body, [("archived", "true")] if archived else []).body

    def _check_properties(self, parsed: Parsed, body: bytes) -> None:
        """HubSpot silently passes over properties that it lacks: don't take that for emptiness.

        Raises:
            SetupError: properties of the mapping are gone from the account.
        """
        if not parsed.rows.height:
            return
        suspect = set(missing_names(body, self._wanted.properties)) - self._quiet
        if not suspect:
            return
        gone = self.describer.gone(self.stream.object, sorted(suspect))
        if gone:
            raise SetupError(
                f"HubSpot has no property {', '.join(gone[:10])} of {self.stream.object} any "
                "more: run `crm-health setup`, or correct the mapping.",
                code="PROPERTY_DOESNT_EXIST",
            )
        self._quiet |= suspect

    def _typed(
        self,
        wire: pl.DataFrame,
        odd: list[dict[str, str]],
        links: dict[str, pl.DataFrame],
        after: str | None = None,
    ) -> Found:
        for target in self._wanted.links:
            name = f"associations.{target}"
            ends = links[target].rename({"to": name})
            wire = wire.drop(name, strict=False).join(
                ends, on="id", how="left", maintain_order="left"
            )
        texts = wire.select("id", *(f.path for f in self.stream.fields if f.path != "id"))
        reads = tuple(f for f in self.stream.fields if f.path != "id")
        values, bad = typed(texts, reads)
        if odd:
            known = {f.path for f in self.stream.fields}
            kept = [cell for cell in odd if cell["path"] in known]
            bad = pl.concat([pl.DataFrame(kept, schema=BAD_SCHEMA), bad])
        rows = self._framed(
            texts.select(
                "id",
                pl.lit(False).alias("deleted"),
                pl.lit(None, pl.String).alias("merged_into"),
            ).hstack(values)
        )
        rows = rows.unique("id", keep="last", maintain_order=True)
        return Found(pl.concat([rows, self._eaten(wire, rows)]), bad, after)

    def _eaten(self, wire: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        """Records that survivors of a merge name as theirs: gone, and where to."""
        if MERGED not in wire.columns:
            return rows.clear()
        survivors = wire.filter(pl.col(MERGED) != "")
        if survivors.is_empty():
            return rows.clear()
        eaten = (
            survivors.select(
                pl.col(MERGED).str.split(";").alias("id"), pl.col("id").alias("merged_into")
            )
            .explode("id")
            .filter(pl.col("id").str.contains(r"^\d+$"), pl.col("id") != pl.col("merged_into"))
            .unique("id", keep="last", maintain_order=True)
            .join(rows, on="id", how="anti")
        )
        return self._framed(eaten.with_columns(pl.lit(True).alias("deleted")))

    def _bare(self, ids: pl.Series) -> pl.DataFrame:
        """Deleted rows: nothing but their ids."""
        return self._framed(pl.DataFrame({"id": ids}).with_columns(pl.lit(True).alias("deleted")))

    def _framed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The columns of the contract, in its order; what there is none of is null."""
        schema = self.stream.schema()
        return rows.select(
            pl.col(name) if name in rows.columns else pl.lit(None, kind).alias(name)
            for name, kind in schema.items()
        )


def _missing(ids: Sequence[str], rows: pl.DataFrame) -> list[str]:
    known = set(rows["id"].to_list())
    return [i for i in ids if i not in known]


def _no_bad() -> pl.DataFrame:
    return pl.DataFrame(schema=BAD_SCHEMA)
