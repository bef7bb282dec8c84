"""Messages outside the CRM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr
from sync_kit import Org, config

from crm_health import notices
from crm_health.errors import ConfigError
from crm_health.notices import notifier
from crm_health.settings import load

S1 = {"acknowledge": 4, "due": 16, "update_days": 1, "tell_at_opening": True}


def test_leadership_gets_one_message_for_each_task_that_tells_it(tmp_path: Path) -> None:
    """As the task says it; not again by a second sync or a lost database."""
    org = Org(tmp_path, config(playbook={"severities": {"S1": S1}}))
    org.case(org.account(80))
    said: list[str] = []

    def notice(title: str, body: str) -> None:
        assert "It ends when: The case is closed" in body
        said.append(title)

    org.sync(dry_run=True, notice=notice)
    assert said == []
    org.sync(notice=notice)
    assert said == ["Acme: Support issue is escalated"]
    org.pass_time(days=1, hours=9)
    org.sync(notice=notice)
    assert said[1:] == ["Acme: Support issue is past its due, step in"]
    org.sync(notice=notice)
    org.reset_state()
    org.sync(notice=notice)
    assert len(said) == 2


def test_a_missing_package_is_named_and_no_address_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who configures messages without the package is told so before anything runs."""
    monkeypatch.setattr(notices, "PACKAGE", "apprise_is_not_here")
    with pytest.raises(ConfigError, match=r"install crm-health\[notify\]") as raised:
        notifier(SecretStr("json://u:hush@example.org"), "CRM_HEALTH_NOTIFY", print)
    assert "hush" not in raised.value.message


def test_addresses_come_from_one_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment or in a file that others can't read, and never in a text."""
    monkeypatch.setenv("CRM_HEALTH_NOTIFY", "json://u:hush@example.org")
    assert load().notified == SecretStr("json://u:hush@example.org")
    assert "hush" not in repr(load())
    file = tmp_path / "notify"
    file.write_text("json://example.org\n")
    monkeypatch.setenv("CRM_HEALTH_NOTIFY_FILE", str(file))
    with pytest.raises(ConfigError, match="both set"):
        _ = load().notified
    monkeypatch.delenv("CRM_HEALTH_NOTIFY")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        _ = load().notified
    file.chmod(0o600)
    assert load().notified == SecretStr("json://example.org")


@pytest.fixture
def inbox() -> Iterator[tuple[str, list[Any]]]:
    """A service that takes messages, and what it got."""
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if "/refuse" not in self.path else 500)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"json://127.0.0.1:{server.server_port}", got
        server.shutdown()
        thread.join()


# What apprise itself imports is not ours to mend.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_apprise_carries_the_message(inbox: tuple[str, list[Any]]) -> None:
    """Title and body arrive; what can't be delivered is logged, without the address."""
    url, got = inbox
    events: list[tuple[str, dict[str, Any]]] = []

    def log(event: str, **values: Any) -> None:
        events.append((event, values))

    notifier(SecretStr(url), "CRM_HEALTH_NOTIFY", log)("Acme: escalated", "Support has it")
    assert (got[0]["title"], got[0]["message"]) == ("Acme: escalated", "Support has it")
    notifier(SecretStr(f"{url}/refuse"), "CRM_HEALTH_NOTIFY", log)("Acme: escalated", "")
    assert [event for event, _ in events] == ["notice_sent", "notice_failed"]
    with pytest.raises(ConfigError, match="can't use address 2") as raised:
        notifier(SecretStr(f"{url} nothing://hush"), "CRM_HEALTH_NOTIFY", log)
    assert "hush" not in raised.value.message
