"""Settings: from the environment, overruled by the command line, wrong ones named together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crm_health import settings
from crm_health.errors import ConfigError
from crm_health.location import Postgres


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith(("CRM_HEALTH_", "DATABASE_URL"))]:
        monkeypatch.delenv(name)


def test_without_settings_there_are_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Salesforce, packaged config, and a state file in the user's state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    found = settings.load()
    assert (found.crm, found.config, found.max_calls) == ("salesforce", None, None)
    assert found.state_path == Path("/var/state/crm-health/salesforce.db")


def test_a_relative_xdg_folder_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The XDG rules call a relative path a mistake: the home folder is used."""
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert settings.load().state_path.is_relative_to(Path.home())


def test_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given overrules the environment; None gives nothing."""
    monkeypatch.setenv("CRM_HEALTH_STATE", "/a.db")
    monkeypatch.setenv("CRM_HEALTH_CRM", "hubspot")
    found = settings.load(state=Path("/b.db"), crm=None)
    assert (found.state_path, found.crm) == (Path("/b.db"), "hubspot")


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """`CRM_HEALTH_MAX_CALLS=` in an env file means the default."""
    monkeypatch.setenv("CRM_HEALTH_MAX_CALLS", "")
    assert settings.load().max_calls is None


def test_all_mistakes_come_at_once_without_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wrong variable is named; what stood in it is not repeated."""
    monkeypatch.setenv("CRM_HEALTH_MAX_CALLS", "hunter2")
    monkeypatch.setenv("CRM_HEALTH_CRM", "../x")
    with pytest.raises(ConfigError) as caught:
        settings.load()
    text = caught.value.message
    assert "CRM_HEALTH_MAX_CALLS" in text
    assert "CRM_HEALTH_CRM" in text
    assert "hunter2" not in text
    assert "../x" not in text


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_database_instead_of_a_file(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """DATABASE_URL in each of its spellings, with a schema of its own or ours."""
    monkeypatch.setenv(
        "DATABASE_URL", f"{scheme}://u:p%40ss@db.example.com:6543/app?sslmode=require"
    )
    where = settings.load().location
    assert isinstance(where, Postgres)
    assert where.dsn == "postgresql://u:p%40ss@db.example.com:6543/app?sslmode=require"
    assert str(where) == "db.example.com:6543/app/crm_health"
    monkeypatch.setenv("CRM_HEALTH_SCHEMA", "second_org")
    assert str(settings.load().location) == "db.example.com:6543/app/second_org"


def test_a_database_on_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's folder stands for the host."""
    monkeypatch.setenv("DATABASE_URL", "postgresql:///app?host=/run/postgresql")
    assert str(settings.load().location) == "/run/postgresql/app/crm_health"


def test_the_url_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A secret may be mounted as a file of one's own; one that can't be used is named."""
    (tmp_path / "url").write_text("postgres://u:p@h/app\n")
    (tmp_path / "url").chmod(0o644)
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    with pytest.raises(ConfigError, match=r"DATABASE_URL_FILE: others may read .*chmod 600"):
        _ = settings.load().location
    (tmp_path / "url").chmod(0o600)
    assert str(settings.load().location) == "h/app/crm_health"
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="DATABASE_URL_FILE: can't read"):
        _ = settings.load().location


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:s3cret@h/app",
        "postgresql://u:s3cret@h",
        "postgresql://u:s3cret@h/",
        "postgresql://u:s3cret@h:port/app",
        "postgresql://u:s3cret/x@[h/app",
        "postgresql://u:p@s3cret@h/app",
        "postgresql://u:p@x/s3cret@h/app",
        "postgresql://u:12/s3cret@h/app",
        "host=h password=s3cret dbname=app",
    ],
)
def test_other_urls_are_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """What is not a URL of a PostgreSQL database is refused, and not repeated."""
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ConfigError, match="DATABASE_URL is not") as caught:
        _ = settings.load().location
    assert "s3cret" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize("schema", ["Org", "pg_org", "1org", "a-b", 'x"; DROP', "x" * 64])
def test_schema_names(monkeypatch: pytest.MonkeyPatch, schema: str) -> None:
    """Only plain names are taken for a schema."""
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@h/app")
    monkeypatch.setenv("CRM_HEALTH_SCHEMA", schema)
    with pytest.raises(ConfigError, match="CRM_HEALTH_SCHEMA must be"):
        _ = settings.load().location


def test_a_state_in_two_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file and a database, or a URL given twice, are refused: neither is the obvious one."""
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@h/app")
    monkeypatch.setenv("CRM_HEALTH_STATE", "/a.db")
    with pytest.raises(ConfigError, match=r"DATABASE_URL .* CRM_HEALTH_STATE"):
        _ = settings.load().location
    monkeypatch.delenv("CRM_HEALTH_STATE")
    monkeypatch.setenv("DATABASE_URL_FILE", "/url")
    with pytest.raises(ConfigError, match="both set"):
        _ = settings.load().location


def test_the_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings nor location show it when printed."""
    monkeypatch.setenv("DATABASE_URL", "postgres://u:s3cret@h/app")
    found = settings.load()
    assert "s3cret" not in f"{found!r} {found} {found.location!r} {found.location}"
