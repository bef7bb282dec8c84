"""What tests of the HubSpot sandbox share: a client of one portal, and the recorded answers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot.tokens import PRIVATE

_DEFAULT = Path(__file__).parents[3] / "shared" / "contract"
_NEEDED: dict[str, dict[str, str]] = {
    "tickets": {"subject": "T", "hs_pipeline": "0", "hs_pipeline_stage": "1"},
    **{
        kind: {"hs_timestamp": "2026-01-01T00:00:00Z"}
        for kind in ("tasks", "calls", "meetings", "emails", "notes")
    },
}


def contract(name: str) -> Any:
    """A JSON file of recorded HubSpot answers; skips the test where they are absent."""
    return json.loads(_recorded(name).read_text())


def fixtures() -> list[str]:
    """The files of recorded answers, by their paths among them; skips where they are absent."""
    root = _recorded("fixtures")
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.json"))


def _recorded(name: str) -> Path:
    path = Path(os.environ.get("CRM_HEALTH_CONTRACT", _DEFAULT)) / "hubspot" / name
    if not path.exists():
        pytest.skip(f"the recorded answers are not here: {path}")
    return path


def cassettes() -> list[dict[str, Any]]:
    """The recorded calls of one public repository, with headers."""
    return list(contract("fixtures/hubspot-api-ruby-cassettes.json")["interactions"])


def shape(where: str, status: int) -> dict[str, Any]:
    """The one error shape whose place begins with these words and that has this status."""
    shapes = contract("contract/error-shapes.json")["shapes"]
    return next(s for s in shapes if s["where"].startswith(where) and s["status"] == status)


def like(ours: Any, theirs: Any, at: str = "") -> list[str]:
    """Where our JSON differs from theirs in members or kinds of values; empty if it doesn't."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        wrong = [f"{at}.{name}" for name in sorted(set(ours) ^ set(theirs))]
        both = sorted(set(ours) & set(theirs))
        return wrong + [w for name in both for w in like(ours[name], theirs[name], f"{at}.{name}")]
    if isinstance(theirs, list) and isinstance(ours, list):
        return like(ours[0], theirs[0], f"{at}[0]") if theirs and ours else []
    unknown = ours is None or theirs is None  # null may stand for any kind
    return [] if unknown or type(ours) is type(theirs) else [at]


class Hub:
    """A plain HTTP client of one portal."""

    def __init__(self, box: Sandbox, token: str = PRIVATE) -> None:
        self.box = box
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Authorization"] = f"Bearer {token}"

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        """A request to an absolute path."""
        return self.http.request(
            method,
            self.box.url + path,
            json=body,
            params=query,
            timeout=10,
            allow_redirects=False,
        )

    def get(self, path: str, **query: Any) -> Any:
        """The body of a GET that succeeds."""
        answer = self.send("GET", path, **query)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        """The body of a POST that succeeds."""
        answer = self.send("POST", path, body)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def create(self, kind: str, **properties: Any) -> str:
        """The id of a new record, given what its object type asks for."""
        body = {"properties": {**_NEEDED.get(kind, {}), **properties}}
        return str(self.post(f"/crm/v3/objects/{kind}", body)["id"])

    def close(self) -> None:
        """Let the connection go."""
        self.http.close()
