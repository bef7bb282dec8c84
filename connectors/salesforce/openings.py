"""What a read begins with: how much there is, up to when it is complete, and first pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

import orjson

from connectors.salesforce import soql
from connectors.salesforce.client import COMPOSITE_MAX, COMPOSITE_QUERIES, Client, Part
from connectors.salesforce.errors import not_json
from connectors.salesforce.window import Window
from crm_health.errors import AuthError, Rejected, SetupError

#: The stretch asked of `/updated`: only its `latestDateCovered` is of interest.
COVERED = timedelta(minutes=10)


@dataclass(frozen=True)
class Opening:
    """What is known of one window before its first row."""

    #: All that was stamped before it is visible by now; None on objects without a stamp.
    watermark: datetime | None
    #: About how many rows will come; None where nobody asked.
    rows: int | None = None
    #: The first page, if it was fetched along.
    body: bytes | None = None


class Opener:
    """Opens windows, several in a call."""

    def __init__(self, client: Client, headers: Mapping[str, str] | None) -> None:
        self._client = client
        self._headers = dict(headers) if headers else None

    def open(self, windows: Sequence[Window], *, count: bool) -> list[Opening]:
        """An opening for each window.

        Args:
            windows: what is to be read.
            count: whether to ask for the number of rows of objects that are read whole.
        """
        opened: list[tuple[Window, datetime | None, Part | None]] = []
        for group in _groups(windows):
            watermarks, parts = self._composite(group)
            for window in group:
                watermark = watermarks.get(window.name, window.now) if window.shape.stamp else None
                opened.append((window, watermark, parts.get(id(window))))
        counts = self._counts(windows) if count else {}
        return [
            _opening(watermark, counts.get(window.name), part) for window, watermark, part in opened
        ]

    def _counts(self, windows: Sequence[Window]) -> dict[str, int]:
        """Rows by object, roughly: the service leaves out objects that it finds empty."""
        names = dict.fromkeys(w.name for w in windows if w.whole and w.cursor.place is None)
        if not names:
            return {}
        path = f"{self._client.data}/limits/recordCount"
        try:
            answer = self._client.get(path, {"sObjects": ",".join(names)}).json()
        except (AuthError, Rejected, SetupError) as error:
            # Then the first pages tell.
            self._client.ports.log("salesforce.no_counts", code=error.code)
            return {}
        try:
            return {str(item["name"]): int(item["count"]) for item in answer["sObjects"]}
        except (TypeError, KeyError, ValueError):
            raise not_json("recordCount") from None

    def _composite(
        self, group: Sequence[Window]
    ) -> tuple[dict[str, datetime], dict[int, Part | None]]:
        """Watermarks by object, and first pages by window, in one call for the whole group.

        The watermarks stand before the queries: what is covered when they are taken is seen by
        the queries that follow.
        """
        covered = {window.name: f"c{n}" for n, window in enumerate(group) if _is_covered(window)}
        asked = {f"q{n}": window for n, window in enumerate(group) if _is_asked(window)}
        parts = [
            (reference, self._covered_path(name, group[0].now))
            for name, reference in covered.items()
        ]
        parts += [
            (reference, query_path(self._client, window.query))
            for reference, window in asked.items()
        ]
        answers = self._client.composite(parts, self._headers) if parts else {}
        watermarks = {}
        for name, reference in covered.items():
            watermark = self._watermark(name, answers.get(reference))
            if watermark:
                watermarks[name] = min(watermark, group[0].now)
        return watermarks, {id(w): answers.get(reference) for reference, w in asked.items()}

    def _covered_path(self, name: str, now: datetime) -> str:
        end = now.replace(second=0, microsecond=0)
        span = "&".join(
            f"{key}={quote(value.isoformat(), safe='')}"
            for key, value in (("start", end - COVERED), ("end", end))
        )
        return f"{self._client.data}/sobjects/{soql.object_name(name)}/updated/?{span}"

    def _watermark(self, name: str, part: Part | None) -> datetime | None:
        if part is not None and part.ok and isinstance(part.body, dict):
            try:
                covered = datetime.fromisoformat(str(part.body.get("latestDateCovered")))
            except ValueError:
                covered = None
            if covered is not None and covered.tzinfo is not None:
                return covered
        # Then only the overlap guards against rows that become visible late.
        self._client.ports.log(
            "salesforce.no_watermark", object=name, status=part.status if part else None
        )
        return None


def _is_covered(window: Window) -> bool:
    """Whether the service tells up to when the object is complete."""
    return bool(window.shape.stamp and window.shape.replicateable)


def _is_asked(window: Window) -> bool:
    """Whether its first page is fetched along."""
    return window.incremental and window.cursor.place is None


def _groups(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Windows that one composite call can open, in their order."""
    group: list[Window] = []
    parts = queries = 0
    for window in windows:
        asked = int(_is_asked(window))
        wanted = asked + int(_is_covered(window))
        if group and (parts + wanted > COMPOSITE_MAX or queries + asked > COMPOSITE_QUERIES):
            yield group
            group, parts, queries = [], 0, 0
        group.append(window)
        parts, queries = parts + wanted, queries + asked
    if group:
        yield group


def query_path(client: Client, query: str) -> str:
    """The path of a query, rows in the recycle bin and archived ones included."""
    return f"{client.data}/queryAll?q={quote(query, safe='')}"


def _opening(watermark: datetime | None, rows: int | None, part: Part | None) -> Opening:
    # A part that failed is asked again on its own, where errors get their full treatment.
    if part is None or not part.ok:
        return Opening(watermark, rows)
    total = part.body.get("totalSize") if isinstance(part.body, dict) else None
    return Opening(watermark, total if isinstance(total, int) else None, orjson.dumps(part.body))
