"""From the wire to typed frames, beside simple-salesforce's `query_all_iter` on the same rows."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import requests
from simple_salesforce import Salesforce

from crm_health.connector import Request, Stream
from tests.bench.measure import cpu_of, in_turns
from tests.bench.product import Product, given, product, tell

#: So that one way or the other reads everything.
_NEVER, _ALWAYS = "0", "1"


class Rewriting(requests.Session):
    """Sends every request to the sandbox, whatever host the library thinks of."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.trust_env = False
        self._url = url

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return super().request(method, f"{self._url}{parts.path}{query}", **options)


def theirs(stream: Stream, version: str) -> int:
    """Read the object with simple-salesforce; how many rows."""
    client = Salesforce(
        consumer_key="sandbox-sync",
        consumer_secret="sandbox-sync",
        domain="acme.my",
        version=version,
        session=Rewriting(os.environ["CRM_HEALTH_SALESFORCE_BASE_URL"]),
    )
    fields = ", ".join(
        dict.fromkeys(["Id", "SystemModstamp", *(field.path for field in stream.fields)])
    )
    return sum(1 for _ in client.query_all_iter(f"SELECT {fields} FROM {stream.object}"))


def ours(made: Product, stream: Stream) -> int:
    """Read it with our connector; how many rows."""
    return sum(page.rows.height for page in made.connector.changes([Request(stream, None)]))


def main() -> None:
    """Both ways of ours against the same of theirs."""
    asked = given()
    answer = {}
    for name, least in (("REST", _NEVER), ("Bulk", _ALWAYS)):
        os.environ["CRM_HEALTH_SALESFORCE_BULK_FROM"] = least
        with product() as made:
            version = made.setting.config.mapping.api_version
            stream = next(s for s in made.setting.reads.streams if s.object == asked["object"])
            rows = {ours(made, stream), theirs(stream, version)}
            if len(rows) != 1:
                raise RuntimeError(f"not the same rows: {rows}")
            pair = in_turns(
                lambda made=made, stream=stream: cpu_of(lambda: ours(made, stream)),
                lambda stream=stream, version=version: cpu_of(lambda: theirs(stream, version)),
                asked["repeats"],
            )
        answer[name] = {"ours": pair.ours, "theirs": pair.bare, "rows": rows.pop()}
    tell(answer)


if __name__ == "__main__":
    main()
