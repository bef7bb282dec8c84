"""Settings of the HubSpot connector: what is wrong is named, and no secret is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.hubspot.paths import DATED, Paths
from connectors.hubspot.settings import HOST, PREFIX, load
from crm_health.errors import BrokenInvariant, ConfigError
from tests.unit.hubspot_help import contract

TOKEN = "pat-eu1-11111111-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "TOKEN_FILE", "SETUP_TOKEN", "SETUP_TOKEN_FILE", "BASE_URL"):
        monkeypatch.delenv(PREFIX + name, raising=False)


def test_a_token_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a token only, calls go to HubSpot's own host."""
    monkeypatch.setenv(PREFIX + "TOKEN", TOKEN)
    settings = load("2026-09")
    assert (settings.bearer, settings.host) == (TOKEN, HOST)
    assert TOKEN not in repr(settings)


def test_without_a_token_its_variable_is_named() -> None:
    """The message names the variables that could hold it."""
    with pytest.raises(ConfigError, match=r"CRM_HEALTH_HUBSPOT_TOKEN or .*_TOKEN_FILE"):
        load("v3")


@pytest.mark.parametrize("token", ["", "short", "pat-na1\r\nX-Evil: 1", "pat-na1 spaced token"])
def test_what_is_no_token_is_refused(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """A text that could not stand in a header is refused without being shown."""
    monkeypatch.setenv(PREFIX + "TOKEN", token)
    with pytest.raises(ConfigError) as caught:
        load("v3")
    assert "Evil" not in str(caught.value)


def test_a_token_file_must_be_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that others may read is refused; with chmod 600 its token is taken."""
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o644)
    monkeypatch.setenv(PREFIX + "TOKEN_FILE", str(file))
    with pytest.raises(ConfigError, match="chmod 600"):
        load("v3")
    file.chmod(0o600)
    assert load("v3").bearer == TOKEN


def test_setup_has_a_token_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setup token is taken for setup only, and need not be given."""
    monkeypatch.setenv(PREFIX + "TOKEN", TOKEN)
    assert load("v3", admin=True).bearer == TOKEN
    monkeypatch.setenv(PREFIX + "SETUP_TOKEN", TOKEN[::-1])
    assert load("v3", admin=True).bearer == TOKEN[::-1]
    assert load("v3").bearer == TOKEN


@pytest.mark.parametrize(
    "url",
    ["http://api.hubapi.com", "https://evil.example", "http://127.0.0.1", "http://u@127.0.0.1:80"],
)
def test_plain_http_stays_on_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A base URL may name this machine and nothing else."""
    monkeypatch.setenv(PREFIX + "TOKEN", TOKEN)
    monkeypatch.setenv(PREFIX + "BASE_URL", url)
    with pytest.raises(ConfigError, match="BASE_URL"):
        load("v3")


@pytest.mark.parametrize("version", ["", "v4", "65.0", "2025-09", "2026-09/../x"])
def test_an_unknown_api_version_is_named(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Only the versions of the table are taken."""
    monkeypatch.setenv(PREFIX + "TOKEN", TOKEN)
    with pytest.raises(ConfigError, match="api_version must be one of v3, 2026-03, 2026-09"):
        load(version)


def test_every_address_is_one_of_the_published_ones() -> None:
    """Each address of the table is in the published list, in the legacy form and the dated one."""
    rows = contract("contract/path-map-legacy-to-2026-09.json")["rows"]
    pairs = {(_bare(row["legacy"]), _bare(row["dated"] or "")) for row in rows}
    old, new = Paths("v3"), Paths("2026-09")
    for ask in _ADDRESSES:
        assert (_named(ask(old)), _named(ask(new))) in pairs
    assert set(DATED) == {"2026-03", "2026-09"}


def test_no_part_of_an_address_leads_elsewhere() -> None:
    """An object name with a slash or a dot never becomes part of an address."""
    for name in ("../owners", "a/b", "a?b", "", "a.b"):
        with pytest.raises(BrokenInvariant):
            Paths("v3").objects(name)


_ADDRESSES = (
    lambda p: p.objects("A"),
    lambda p: p.search("A"),
    lambda p: p.batch("A", "read"),
    lambda p: p.batch("A", "update"),
    lambda p: p.batch("A", "upsert"),
    lambda p: p.batch("A", "create"),
    lambda p: p.associations("A", "B", "read"),
    lambda p: p.associations("A", "B", "create"),
    lambda p: p.associations("A", "B", "associate/default"),
    lambda p: p.labels("A", "B"),
    lambda p: p.properties("A"),
    lambda p: p.one_property("A", "B"),
    lambda p: p.property_batch("A", "create"),
    lambda p: p.groups("A"),
    lambda p: p.pipelines("A"),
    lambda p: p.limits("records"),
    lambda p: p.owners,
    lambda p: p.schemas,
    lambda p: p.account,
)


def _bare(path: str) -> str:
    parts = path.split("/")
    return "/".join("*" if part.startswith("{") else part for part in parts)


def _named(path: str) -> str:
    return "/".join("*" if part in ("A", "B") else part for part in path.split("/"))
