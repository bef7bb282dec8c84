"""What the tests of the sandbox's portal share: a plain client, and the recorded answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import requests

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot.tokens import PRIVATE
from tests.unit.hubspot_help import contract as recorded

__all__ = ["NOW", "Client", "recorded", "shape"]

NOW = datetime(2026, 3, 2, 9, 30, 0, 123_000, tzinfo=UTC)


class Client:
    """A plain HTTP client of one sandbox's portal."""

    def __init__(self, box: Sandbox, token: str = PRIVATE) -> None:
        self.box = box
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Authorization"] = f"Bearer {token}"

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """A request to an absolute path."""
        url = path if path.startswith("http") else self.box.url + path
        return self.http.request(
            method, url, json=body, timeout=10, allow_redirects=False, **options
        )

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET it."""
        return self.send("GET", path, **options)

    def post(self, path: str, body: Any) -> requests.Response:
        """POST a JSON body."""
        return self.send("POST", path, body)

    def create(self, kind: str, **properties: Any) -> str:
        """A new record's id."""
        answer = self.post(f"/crm/v3/objects/{kind}", {"properties": properties})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def batch(self, kind: str, what: str, *inputs: Any, **more: Any) -> requests.Response:
        """A batch call."""
        return self.post(f"/crm/v3/objects/{kind}/batch/{what}", {"inputs": list(inputs), **more})

    def search(self, kind: str, *filters: tuple[str, str, Any], **more: Any) -> dict[str, Any]:
        """The answer of a search by filters that must all hold."""
        told = [{"propertyName": n, "operator": o, "value": v} for n, o, v in filters]
        body = {"filterGroups": [{"filters": told}]} if told else {}
        answer = self.post(f"/crm/v3/objects/{kind}/search", {**body, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def close(self) -> None:
        """Let the connection go."""
        self.http.close()


def shape(value: Any) -> Any:
    """What a JSON body is made of: names and kinds of values, of lists the first member's."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__
