"""The environment is checked before anything is called, and never quoted."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.salesforce.settings import PREFIX, Login, Settings, load
from crm_health.errors import ConfigError

GOOD = {"DOMAIN": "acme.my", "CLIENT_ID": "app", "CLIENT_SECRET": "hush-hush"}


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    return monkeypatch


def put(env: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        env.setenv(PREFIX + name, value)


def pem() -> str:
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode()
    )


def test_everything_missing_is_named_at_once(env: pytest.MonkeyPatch) -> None:
    """One message, all variables."""
    with pytest.raises(ConfigError) as caught:
        load("62.0")
    for name in ("DOMAIN", "CLIENT_ID", "CLIENT_SECRET"):
        assert PREFIX + name in caught.value.message


def test_a_key_asks_for_a_username(env: pytest.MonkeyPatch) -> None:
    """The JWT login needs one, the secret it does not."""
    put(env, {"DOMAIN": "acme.my", "CLIENT_ID": "app", "PRIVATE_KEY": pem()})
    with pytest.raises(ConfigError) as caught:
        load("62.0")
    assert PREFIX + "USERNAME" in caught.value.message
    assert "SECRET" not in caught.value.message
    put(env, {"USERNAME": "sync@acme.example"})
    assert load("62.0").way is Login.JWT


def test_a_key_must_be_rsa_and_is_not_quoted(env: pytest.MonkeyPatch) -> None:
    """Found out before the first call."""
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for key in ("not a key hush-hush", other.decode(), pem().replace("\n", "\nhush-hush")):
        put(env, {"DOMAIN": "acme.my", "CLIENT_ID": "a", "USERNAME": "u", "PRIVATE_KEY": key})
        with pytest.raises(ConfigError, match="PRIVATE_KEY") as caught:
            load("62.0")
        assert "hush" not in repr(caught.value)


@pytest.mark.parametrize(
    "domain",
    ["acme.my", "acme--uat.sandbox.my", "https://acme.my.salesforce.com", "acme.my.salesforce.com"],
)
def test_my_domains_pass(env: pytest.MonkeyPatch, domain: str) -> None:
    """Short, or as copied from a browser."""
    put(env, {**GOOD, "DOMAIN": domain})
    assert load("62.0").domain.endswith(".my")


@pytest.mark.parametrize(
    "domain",
    [
        "http://acme.my.salesforce.com",
        "https://x.my.salesforce.com.evil.example",
        "https://user:pw@acme.my.salesforce.com",
        "http://169.254.169.254/",
        "169.254.169.254",
        "xn--acm-dma.my",
        "\u0430cme.my",
        "acme.my.",
        "acme.my:8443",
        "acme.my/path",
        "acme.my\r\nHost: evil",
        "acme.my\n",
        "evil.example",
        "login",
    ],
)
def test_other_hosts_are_refused(env: pytest.MonkeyPatch, domain: str) -> None:
    """The client secret goes to the org's own host only."""
    put(env, {**GOOD, "DOMAIN": domain})
    with pytest.raises(ConfigError, match="DOMAIN"):
        load("62.0")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:9"])
def test_loopback_may_be_plain(env: pytest.MonkeyPatch, url: str) -> None:
    """A CRM on this machine."""
    put(env, {**GOOD, "BASE_URL": url})
    assert load("62.0").base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com",
        "https://127.0.0.1:8080",
        "http://169.254.169.254:80",
        "http://127.0.0.1",
        "http://127.0.0.1.evil.example:80",
        "http://user@127.0.0.1:80",
        "http://127.0.0.1:80@evil.example:80",
        "http://127.0.0.1:80\\@evil.example",
        "http://127.0.0.1:80/path",
        "http://127.0.0.1:80/?x",
        "http://127.0.0.1:80\r\n",
        "http://127.0.0.1:99999",
        "file:///etc/passwd",
    ],
)
def test_nothing_else_may_be_plain(env: pytest.MonkeyPatch, url: str) -> None:
    """No plain http beyond this machine, no tricks with the host."""
    put(env, {**GOOD, "BASE_URL": url})
    with pytest.raises(ConfigError, match="BASE_URL"):
        load("62.0")


def test_a_secret_file_must_be_private(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """0600, or it is not read."""
    file = tmp_path / "secret"
    file.write_text("from-the-file\n")
    put(env, {"DOMAIN": "acme.my", "CLIENT_ID": "app", "CLIENT_SECRET_FILE": str(file)})
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        _ = load("62.0").secret
    file.chmod(0o600)
    assert load("62.0").secret == "from-the-file"
    file.unlink()
    with pytest.raises(ConfigError, match="can't be read"):
        _ = load("62.0").secret


def test_values_are_never_shown(env: pytest.MonkeyPatch) -> None:
    """Neither in a representation nor in an error about another field."""
    put(env, {**GOOD, "PASSWORD": "hush-hush", "SECURITY_TOKEN": "hush-hush"})
    assert "hush" not in repr(load("62.0"))
    put(env, {"DOMAIN": "hush-hush/"})
    with pytest.raises(ConfigError) as caught:
        load("62.0")
    assert "hush" not in repr(caught.value)


def test_the_old_login_is_off_and_pinned(env: pytest.MonkeyPatch) -> None:
    """A password alone does nothing; asked for, it stops at version 64."""
    old = {"DOMAIN": "acme.my", "USERNAME": "u", "PASSWORD": "p"}
    put(env, old)
    with pytest.raises(ConfigError, match="CLIENT_ID"):
        load("62.0")
    put(env, {"LOGIN": "legacy"})
    assert load("64.0").way is Login.LEGACY
    with pytest.raises(ConfigError, match="64"):
        load("65.0")


def test_setup_may_have_credentials_of_its_own(env: pytest.MonkeyPatch) -> None:
    """Without them it uses those of the sync."""
    put(env, GOOD)
    assert load("62.0", admin=True).client_id == "app"
    put(env, {"SETUP_CLIENT_ID": "admin", "SETUP_CLIENT_SECRET": "other"})
    assert load("62.0", admin=True).secret == "other"
    assert load("62.0").client_id == "app"


@pytest.mark.parametrize("version", ["62", "v62.0", "62.0/../", "", "1.0"])
def test_versions_are_checked(env: pytest.MonkeyPatch, version: str) -> None:
    """It becomes part of every path."""
    put(env, GOOD)
    with pytest.raises(ConfigError, match="api_version"):
        load(version)


@pytest.mark.parametrize(
    ("name", "value"),
    [("BULK_FROM", "-1"), ("BULK_FROM", "many"), ("BULK_PAGE", "0"), ("BULK_PAGE", "50,000")],
)
def test_a_size_that_is_none_is_named(env: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Before a job is made with it."""
    put(env, {**GOOD, name: value})
    with pytest.raises(ConfigError, match=PREFIX + name):
        load("62.0")


def test_jobs_read_from_twenty_thousand_rows_on(env: pytest.MonkeyPatch) -> None:
    """And can be switched off."""
    put(env, GOOD)
    assert load("62.0").bulk_from == 20_000
    put(env, {"BULK_FROM": "0"})
    assert load("62.0").bulk_from == 0
