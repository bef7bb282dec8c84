"""Start a sandbox and reach behind it, from a test or the demo."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Any, Self

import orjson
import requests

from connectors.sandbox import control, people
from connectors.sandbox.clock import Clock
from connectors.sandbox.hubspot.handle import HubSpot, hubspot_environment
from connectors.sandbox.org import Org
from connectors.sandbox.records import Records
from connectors.sandbox.server import Server

_TIMEOUT = 60.0
_LONG_TIMEOUT = 1_800.0


class ControlError(Exception):
    """The control API refused: its words."""


class Sandbox:
    """A running sandbox, in a thread of this process, in a process of its own, or elsewhere.

    Everything goes by the control API; in a thread it is called without HTTP, and `org` reaches
    the record store directly.
    """

    def __init__(
        self,
        url: str,
        *,
        org: Org | None = None,
        server: Server | None = None,
        process: multiprocessing.process.BaseProcess | None = None,
    ) -> None:
        self.url = url
        self.org = org
        self._server = server
        self._process = process
        self._http = requests.Session()
        self._http.trust_env = False  # a proxy setting must not send loopback calls elsewhere

    @classmethod
    def start(cls, port: int = 0, *, now: datetime | None = None, frozen: bool = False) -> Self:
        """Serve from a thread; port 0 takes a free one."""
        org = _new_org(now, frozen=frozen)
        server = Server(org, port)
        server.start()
        return cls(server.url, org=org, server=server)

    @classmethod
    def start_process(
        cls,
        port: int = 0,
        *,
        now: datetime | None = None,
        frozen: bool = False,
        volume: int = 0,
        usage: int = 0,
    ) -> Self:
        """Serve from a process of its own, so that it outlives a killed client.

        With `volume` it holds a company of so many accounts, with `usage`: see `Sandbox.volume`.
        """
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_serve, args=(theirs, port, now), kwargs={"frozen": frozen}, daemon=True
        )
        process.start()
        if not ours.poll(_TIMEOUT):
            process.kill()
            raise ControlError("the sandbox did not start in time")
        box = cls(str(ours.recv()), process=process)
        try:
            if volume:
                box.volume(volume, usage=usage)
        except BaseException:
            box.close()
            raise
        return box

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point the connector at this sandbox, as the integration user."""
        return environment(self.url)

    @property
    def hubspot_environment(self) -> dict[str, str]:
        """The variables that point the HubSpot connector at this sandbox, with every scope."""
        return hubspot_environment(self.url)

    @property
    def hubspot(self) -> HubSpot:
        """The portal, to reach behind."""
        return HubSpot(self.call)

    def call(
        self,
        method: str,
        name: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeout: float = _TIMEOUT,
    ) -> Any:
        """One control command. Raises ControlError with what it said when it refuses."""
        path = f"{control.PREFIX}/{name}"
        raw = orjson.dumps(body or {}, default=_plain)
        if self.org is not None:
            status, answer = control.handle(self.org, method, path, raw)
        else:
            response = self._http.request(method, self.url + path, data=raw, timeout=timeout)
            status, answer = response.status_code, response.json()
        if status != 200:
            raise ControlError(answer.get("error", answer))
        return answer

    def status(self) -> dict[str, Any]:
        """What is in it, and what time it is there."""
        return dict(self.call("GET", ""))

    def clock(self, now: datetime | None = None) -> datetime:
        """The sandbox's time, after setting it if `now` is given."""
        body = {"now": now.isoformat()} if now else {}
        answer = self.call("POST", "clock", body)
        return datetime.fromisoformat(answer["now"])

    def advance(self, seconds: float) -> datetime:
        """Move the clock; returns the new time."""
        answer = self.call("POST", "clock", {"advance_seconds": seconds})
        return datetime.fromisoformat(answer["now"])

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop the clock, or let it run on."""
        self.call("POST", "clock", {"freeze": frozen})

    def edit(
        self,
        object_name: str,
        id18: str | None,
        fields: Mapping[str, Any],
        *,
        user: str = people.PERSON,
        hold: bool = False,
    ) -> Any:
        """A person saves; without an id, creates. Returns the id, or a hold number with `hold`."""
        body = {
            "object": object_name,
            "id": id18,
            "fields": fields,
            "user": user,
            "hold": hold,
        }
        answer = self.call("POST", "edit", body)
        return answer["held"] if hold else answer["id"]

    def release(self, held: int | None = None) -> list[str]:
        """Commit held saves with their old stamps; returns the ids."""
        return list(self.call("POST", "release", {"held": held})["ids"])

    def delete(self, object_name: str, id18: str, *, purge: bool = False) -> None:
        """A person deletes; with `purge`, for good."""
        self.call("POST", "delete", {"object": object_name, "id": id18, "purge": purge})

    def faults(self, *rules: Mapping[str, Any], seed: int | None = None) -> list[dict[str, Any]]:
        """Add fault rules (see `faults.py`); without any, only report."""
        body = {"rules": list(rules), "seed": seed}
        return list(self.call("POST", "faults", body)["rules"])

    def clear_faults(self) -> None:
        """No more faults."""
        self.call("DELETE", "faults")

    def calls(self, after: int = 0) -> list[dict[str, Any]]:
        """The call log after the n-th entry."""
        return list(self.call("GET", "calls", {"after": after})["calls"])

    def counters(self) -> dict[str, Any]:
        """Calls counted by status, method, path and fault, and rows written."""
        return dict(self.call("GET", "calls", {"after": 10**9})["counters"])

    def jobs(self) -> list[dict[str, Any]]:
        """Every bulk job: its state, its age in seconds of this clock, and what it did."""
        return list(self.call("GET", "jobs")["jobs"])

    def clear_calls(self) -> None:
        """Start the call log anew."""
        self.call("DELETE", "calls")

    def records(self, object_name: str, since: datetime | None = None) -> list[dict[str, Any]]:
        """Every row of an object as stored, the recycle bin included; or those saved since."""
        body = {"object": object_name, "since": since.isoformat() if since else None}
        return list(self.call("GET", "records", body)["records"])

    def load(
        self,
        records: Mapping[str, Iterable[Mapping[str, Any]]],
        *,
        schema: Iterable[Mapping[str, Any]] = (),
        features: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Put records in; `schema` declares fields that the org had before. See `control.load`."""
        if self.org is not None and not schema and not features:
            waiting = self.org.records.load(records)
            return {"waiting": waiting}
        body = {"records": records, "schema": list(schema), "features": list(features)}
        return dict(self.call("POST", "load", body))

    def volume(self, accounts: int, seed: int = 1, usage: int = 0) -> dict[str, int]:
        """Fill it with a company of that size, made in its own process; returns rows by object.

        For N accounts 2N contacts, 10N cases, N/2 opportunities and 5N activities, and for each
        customer so many `usage` rows: without any, the default model scores nobody. 100,000
        accounts take about a minute and 2 GB.
        """
        body = {"accounts": accounts, "seed": seed, "usage": usage}
        return dict(self.call("POST", "volume", body, timeout=_LONG_TIMEOUT)["loaded"])

    def touch(self, percent: float, object_name: str = "Case", seed: int = 1) -> int:
        """People save that share of an object's rows now, as they do; returns how many."""
        body = {"percent": percent, "object": object_name, "seed": seed}
        return int(self.call("POST", "touch", body, timeout=_LONG_TIMEOUT)["touched"])

    def reset(self) -> None:
        """An empty org."""
        self.call("POST", "reset")

    def snapshot(self, name: str = "") -> None:
        """Remember the org as it is."""
        self.call("POST", "snapshot", {"name": name})

    def restore(self, name: str = "") -> None:
        """Back to what was remembered."""
        self.call("POST", "restore", {"name": name})

    def wait(self) -> None:
        """Block until interrupted."""
        if self._server is not None:
            self._server.wait()

    def close(self) -> None:
        """Stop it, if it was started here. May be called twice."""
        self._http.close()
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._process is not None:
            self._process.terminate()
            self._process.join(timeout=5)
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def environment(url: str, client: str = "sandbox-sync") -> dict[str, str]:
    """The variables that point the connector at a sandbox. The secret is public and worthless."""
    return {
        "CRM_HEALTH_SALESFORCE_DOMAIN": "sandbox.my",
        "CRM_HEALTH_SALESFORCE_CLIENT_ID": client,
        "CRM_HEALTH_SALESFORCE_CLIENT_SECRET": client,
        "CRM_HEALTH_SALESFORCE_BASE_URL": url,
    }


def _new_org(now: datetime | None, *, frozen: bool) -> Org:
    clock = Clock()
    clock.freeze(frozen=frozen)  # first: a frozen clock stands exactly at `now`
    if now is not None:
        clock.set(now if now.tzinfo else now.replace(tzinfo=UTC))
    return Org(Records(clock))


def _serve(pipe: Any, port: int, now: datetime | None, *, frozen: bool) -> None:
    server = Server(_new_org(now, frozen=frozen), port)
    pipe.send(server.url)
    server.run()


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"cannot send {type(value).__name__} to the sandbox")
