"""An org whose large objects are read by jobs, at the client's seam, with its knobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any
from urllib.parse import unquote

import orjson

from connectors.http import TooLarge
from connectors.salesforce.client import Answer, Part
from connectors.salesforce.describe import Describer, Shape, shape_of
from connectors.salesforce.errors import QueryLost
from connectors.salesforce.read import Reader
from crm_health.connector import FieldRead, Page, Ports, Request, Stream
from crm_health.entities import Kind
from crm_health.errors import SetupError
from crm_health.testing.clock import FixedClock
from crm_health.testing.ports import Log, make_ports

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
FIELDS = (FieldRead("Name", Kind.TEXT),)
BIG, SMALL = Stream("Big__c", FIELDS), Stream("Small__c", FIELDS)
JOB = "750{:012d}AAA"
ROWS = 7
Answers = dict[str, Any]


def shape(name: str) -> Shape:
    return shape_of(
        {
            "name": name,
            "replicateable": True,
            "fields": [
                {"name": field, "type": "boolean" if field == "IsDeleted" else "string"}
                for field in ("Id", "Name", "SystemModstamp", "IsDeleted")
            ],
        }
    )


class Service(Describer):
    """An org at the client's seam, with one answer a knob; Bulk gives rows in no order."""

    data, version, silent_for = "/services/data/v62.0", "62.0", 0.0

    def __init__(self, **knobs: Any) -> None:
        self.clock = FixedClock()
        self.ports: Ports = make_ports(self.clock, log=Log())
        self.now: datetime | None = NOW
        self.calls: list[str] = []
        self.jobs: dict[str, str] = {}
        self.aborted: list[str] = []
        self.counts = {"Big__c": ROWS}
        self.knobs = knobs
        self.states: Iterator[str] = cycle(knobs.get("states", ["JobComplete"]))
        self._known = {name: shape(name) for name in ("Big__c", "Other__c", "Small__c")}

    # The members of the client that are used.

    def get(self, path: str, params: Any = None, headers: Any = None) -> Answer:
        path = unquote(path)
        self.calls.append(path)
        if path.endswith("/recordCount"):
            return self._json(
                {"sObjects": [{"name": n, "count": c} for n, c in self.counts.items()]}
            )
        if "/queryAll?" in path or "/query/01g" in path:
            return self._json(self._query(path))
        if "/results" in path:
            return self._results(path)
        return self._json(self._info(path.rsplit("/", 1)[-1]))

    def send(self, method: str, path: str, body: bytes, headers: Any = None) -> Answer:
        self.calls.append(f"{method} {path}")
        asked = orjson.loads(body)
        if method == "PATCH":
            assert asked == {"state": "Aborted"}
            self.aborted.append(path.rsplit("/", 1)[-1])
            return self._json({"id": self.aborted[-1], "state": "Aborted"})
        if refused := self.knobs.get("refused"):
            raise refused
        assert asked["operation"] == "queryAll"
        made = JOB.format(len(self.jobs) + 1)
        self.jobs[made] = asked["query"]
        return self._json({"id": made, "state": "UploadComplete"})

    def composite(self, parts: Any, headers: Any = None) -> dict[str, Part]:
        self.calls.append("composite")
        covered: Answers = {"ids": [], "latestDateCovered": self.now and self.now.isoformat()}
        return {
            reference: Part(200, covered if "/updated/" in path else self._query(unquote(path)))
            for reference, path in parts
        }

    def _json(self, body: Any) -> Answer:
        return Answer(orjson.dumps(body), now=NOW)

    def _info(self, job: str) -> Answers:
        if job not in self.jobs:
            raise SetupError(code="NOT_FOUND")
        state = next(self.states)
        done = state == "JobComplete"
        promised = self.knobs.get("promised", self._count(self.jobs[job]))
        return {"id": job, "state": state, "numberRecordsProcessed": promised if done else 0}

    def _count(self, query: str) -> int:
        return 2 if "Small__c" in query else int(self.knobs.get("rows", ROWS))

    def _rows(self, query: str) -> list[int]:
        """Numbers of rows in a stamp order that is not the order they come in."""
        count = self._count(query)
        return [n * 3 % count for n in range(count)]

    def _results(self, path: str) -> Answer:
        job, size, _, start = re.search(  # type: ignore[union-attr]  # an address of ours
            r"query/(\w+)/results\?maxRecords=(\d+)(&locator=L(\d+))?", path
        ).groups()
        if job not in self.jobs:
            raise SetupError(code="NOT_FOUND")
        if int(size) > self.knobs.get("too_large", 10**9):
            raise TooLarge(code="CH-SIZE")
        first, query = int(start or 0), self.jobs[job]
        fault = self.knobs.get("fault")
        if fault and first >= 2:
            del self.knobs["fault"]
            raise fault
        rows = self._rows(query)[: self.knobs.get("given")]
        shown, end = rows[first : first + int(size)], first + int(size)
        columns = query.split(" FROM ")[0].removeprefix("SELECT ").split(", ")[::-1]
        lines = [",".join(columns)]
        for n in shown:
            cells = {
                "Id": f"001{n:012d}AAA",
                "Name": f"A{n}",
                "IsDeleted": "false",
                "SystemModstamp": self.stamp(n),
            }
            lines.append(",".join(cells[column] for column in columns))
        text = "\n".join(lines)
        found = {"Sforce-NumberOfRecords": str(len(shown)), "Sforce-Locator": f"L{end}"}
        if end >= len(rows):
            found["Sforce-Locator"] = "null"
        found |= self.knobs.get("headers", {})
        body = self.knobs.get("body", text.encode())
        return Answer(body, now=NOW, headers={k: v for k, v in found.items() if v})

    @staticmethod
    def stamp(n: int) -> str:
        return (NOW - timedelta(hours=n)).isoformat(timespec="milliseconds")

    def _query(self, path: str) -> Answers:
        if timeouts := self.knobs.get("timeouts"):
            self.knobs["timeouts"] = timeouts - 1
            raise QueryLost(code="QUERY_TIMEOUT")
        records = [
            {
                "Id": f"001{n:012d}AAA",
                "Name": f"A{n}",
                "SystemModstamp": self.stamp(n),
                "IsDeleted": False,
            }
            for n in sorted(self._rows(path), reverse=True)
        ]
        page = {"totalSize": len(records), "done": True, "records": records}
        if "Small__c" in path:
            return page
        if "01g" in path:
            return page | {"records": records[4:]}
        link = f"{self.data}/query/01g000000000001AAA-4"
        return page | {"done": False, "records": records[:4], "nextRecordsUrl": link}

    # What tests ask.

    @property
    def log(self) -> list[str]:
        assert isinstance(self.ports.log, Log)
        return [event for event, _ in self.ports.log.events]

    def made(self, part: str) -> int:
        return sum(part in call for call in self.calls)


def reader(service: Service, least: int = 5) -> Reader:
    return Reader(service, service, bulk_from=least, bulk_page=3)  # type: ignore[arg-type]


def read(service: Service, *streams: Stream, cursor: str | None = None) -> list[Page]:
    return list(reader(service).changes([Request(s, cursor) for s in streams or (BIG,)]))


def names(pages: list[Page]) -> list[str]:
    return [name for page in pages for name in page.rows["Name"]]


WHOLE = sorted(f"A{n}" for n in range(ROWS))
