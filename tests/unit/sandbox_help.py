"""What the sandbox tests share: a client that logs in, and the recorded answers."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.records import Records
from connectors.sandbox.schema import Field

VERSION = "v67.0"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_DEFAULT = Path(__file__).parents[3] / "shared" / "contract"


def contract(name: str) -> Path:
    """A file of the recorded Salesforce answers; skips the test where they are absent."""
    root = Path(os.environ.get("CRM_HEALTH_CONTRACT", _DEFAULT))
    path = root / "salesforce" / name
    if not path.exists():
        pytest.skip(f"the recorded answers are not here: {path}")
    return path


def recorded(name: str) -> Any:
    """A recorded JSON body."""
    return json.loads(contract(name).read_text())


class Client:
    """A plain HTTP client of one sandbox, logged in."""

    def __init__(self, box: Sandbox, client: str = "sandbox-sync") -> None:
        self.box = box
        self.http = requests.Session()
        self.http.trust_env = False
        answer = self.http.post(
            f"{box.url}/services/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_id": client,
                "client_secret": client,
            },
            timeout=10,
        )
        self.token = answer.json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def send(self, method: str, tail: str, body: Any = None, **options: Any) -> requests.Response:
        """A request to a path of the API version, or to an absolute path."""
        path = tail if tail.startswith("/") else f"/services/data/{VERSION}/{tail}"
        return self.http.request(
            method, self.box.url + path, json=body, timeout=10, allow_redirects=False, **options
        )

    def query(self, soql: str, tail: str = "query", **options: Any) -> Any:
        """The first page of a query."""
        return self.send("GET", tail, params={"q": soql}, **options).json()

    def account(self, **fields: Any) -> str:
        """The id of a new account."""
        return str(self.send("POST", "sobjects/Account", {"Name": "Acme", **fields}).json()["id"])


def custom_key(records: Records, object_name: str = "Account", *, unique: bool = True) -> None:
    """Give an object the external id field `Key__c`, which everybody may use."""
    field = Field("Key__c", "string", "Key", 80, unique=unique, external_id=True, custom=True)
    records.add_field(object_name, field)
    records.grant("Keys", object_name, "Key__c", read=True, edit=True)
    for user in records.rows("User"):
        records.assign("Keys", user["Id"])
