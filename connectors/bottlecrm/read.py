"""Reading: BottleCRM tells of no change, so every read is whole.

No list can be asked for what changed, and most records bear no date of their last change. The core
compares what comes with what it has, and takes what a whole read did not meet for gone.

A list of tasks shows neither custom fields nor texts: those are asked for one by one, only of the
tasks that are ours, and of closed ones not each time (`closed.py`). Interactions are listed by
account.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import polars as pl

from connectors.bottlecrm.client import Client
from connectors.bottlecrm.closed import Closed, Values
from connectors.bottlecrm.cursor import WHOLE, Place
from connectors.bottlecrm.describe import Describer
from connectors.bottlecrm.errors import Absent, odd
from connectors.bottlecrm.listing import Listing
from connectors.bottlecrm.objects import CUSTOM, MARK, MARK_VALUE, TASKS, CrmObject
from connectors.bottlecrm.wire import Wanted, accounts_offered
from connectors.cells import typed
from crm_health.connector import Page, Request, Stream
from crm_health.errors import SetupError

#: Rows of a page. A list of interactions gives no more than 200, whatever is asked for.
PAGE_ROWS = 200


class Reader:
    """Reads objects page by page."""

    def __init__(self, client: Client, describer: Describer, page_rows: int = PAGE_ROWS) -> None:
        self._client = client
        self._describer = describer
        self._page_rows = page_rows
        self._lists = Listing(client, page_rows)

    def changes(self, requests: Sequence[Request]) -> Iterator[Page]:
        """See `Connector.changes`: every row, whatever the cursor; a cursor in mid-read goes on."""
        for request in requests:
            yield from self._stream(request)

    def ids(self, name: str) -> Iterator[pl.Series]:
        """Ids of all live rows."""
        crm_object = self._describer.need(name)
        for rows, _ in self._rows(crm_object, (), None):
            yield rows["id"]

    def _stream(self, request: Request) -> Iterator[Page]:
        stream = request.stream
        crm_object = self._describer.need(stream.object)
        paths = tuple(read.path for read in stream.fields)
        lacking = self._describer.lacking(stream.object, paths)
        if lacking:
            raise SetupError(
                f"BottleCRM's {stream.object} have no field {', '.join(lacking)}: run "
                "`crm-health setup`, or correct the mapping.",
                code="CH-BC-FIELD",
            )
        for rows, following in self._rows(crm_object, paths, request.cursor):
            cursor = WHOLE if following is None else following.dump()
            yield _page(stream, rows, cursor, last=following is None)

    def _rows(
        self, crm_object: CrmObject, paths: tuple[str, ...], cursor: str | None
    ) -> Iterator[tuple[pl.DataFrame, Place | None]]:
        place = Place.load(cursor, len(crm_object.parts), self._client.now)
        if crm_object.by_account:
            yield from self._by_account(crm_object, paths, place)
            return
        asked = tuple(path for path in paths if _only_asked(crm_object, path))
        if asked:
            yield from self._with_details(crm_object, paths, asked, place)
            return
        for found in self._lists.pages(crm_object, Wanted(crm_object, paths), place):
            yield found.rows, found.following

    def _ours(self, crm_object: CrmObject) -> frozenset[str]:
        """Ids of the records that bear our mark."""
        wanted = Wanted(crm_object, ())
        marked = [(MARK, MARK_VALUE)]
        pages = self._lists.pages(crm_object, wanted, query=marked)
        return frozenset(one for found in pages for one in found.rows["id"])

    def _with_details(
        self,
        crm_object: CrmObject,
        paths: tuple[str, ...],
        asked: tuple[str, ...],
        place: Place,
    ) -> Iterator[tuple[pl.DataFrame, Place | None]]:
        """Rows of a list, with what it does not show of those that are ours."""
        field, value = crm_object.closed or ("id", "")
        shown = Wanted(crm_object, (field, *(path for path in paths if path not in asked)))
        whole = Wanted(crm_object, paths)
        schema = dict.fromkeys(whole.paths, pl.String)
        ours = pl.col("id").is_in(list(self._ours(crm_object)))
        now = self._client.now
        closed = Closed(self._client.ports.notes, asked, now.toordinal() if now else 0)
        for found in self._lists.pages(crm_object, shown, place):
            rows = [pl.DataFrame(schema=schema)]
            for row in found.rows.filter(ours).iter_rows(named=True):
                is_closed = row[field] == value
                known = closed.recall(row) if is_closed else None
                told = {**row, **known} if known else self._one(crm_object, whole, row["id"])
                if told is None:
                    # Deleted since the list was read.
                    continue
                if is_closed and known is None and told.get(field, value) == value:
                    closed.learn(row, told)
                rows.append(pl.DataFrame([[told[path]] for path in schema], schema=schema))
            if found.following is None:
                closed.keep()
            others = found.rows.filter(~ours).with_columns(
                pl.lit(None, pl.String).alias(path) for path in asked
            )
            yield pl.concat([*rows, others.select(whole.paths)]), found.following

    def _one(self, crm_object: CrmObject, whole: Wanted, row_id: str) -> Values | None:
        """One record; None where it is gone."""
        try:
            told = whole.one(self._client.get(f"{crm_object.path}{row_id}/").body)
        except Absent:
            return None
        if told["id"].to_list() != [row_id]:
            raise odd(f"one of its {crm_object.name}")
        return told.row(0, named=True)

    def _by_account(
        self, crm_object: CrmObject, paths: tuple[str, ...], place: Place
    ) -> Iterator[tuple[pl.DataFrame, Place | None]]:
        """One list an account, in the order of the accounts' ids; several make one page."""
        start = replace(Place.load(None, len(crm_object.parts)), begun=place.begun)
        offered = self._client.get(TASKS.path, [("limit", "1")])
        accounts = sorted(accounts_offered(offered.body))
        wanted = Wanted(crm_object, paths)
        gathered = [pl.DataFrame(schema=dict.fromkeys(wanted.paths, pl.String))]
        for account in accounts:
            if account <= place.account:
                continue
            pages = self._lists.pages(crm_object, wanted, start, [("account", account)])
            # An account may be deleted since they were listed.
            with suppress(Absent):
                gathered.extend(found.rows for found in pages)
            if sum(rows.height for rows in gathered) >= self._page_rows:
                yield pl.concat(gathered), replace(start, account=account)
                gathered = gathered[:1]
        yield pl.concat(gathered), None


def _only_asked(crm_object: CrmObject, path: str) -> bool:
    """Whether a list does not show a field."""
    if path.startswith(CUSTOM):
        return not crm_object.shows_custom
    return crm_object.fields[path].detail


def _page(stream: Stream, rows: pl.DataFrame, cursor: str, *, last: bool) -> Page:
    # A list that moved while it was read may bring a row twice.
    rows = rows.unique("id", keep="last", maintain_order=True)
    values, bad = typed(rows, stream.fields)
    # Its id may be wanted as a value as well.
    frame = values.with_columns(
        rows["id"],
        pl.lit(value=False).alias("deleted"),
        pl.lit(None, pl.String).alias("merged_into"),
    )
    return Page(stream, frame.select(stream.schema().keys()), cursor, last, bad)
