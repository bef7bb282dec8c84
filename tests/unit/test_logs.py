"""Logs: JSON lines that carry no secret, no address and no terminal command."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from crm_health import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    kept, level = root.handlers, root.level
    yield
    root.handlers, root.level = kept, level
    structlog.reset_defaults()


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_level_and_instant() -> None:
    """An event of a connector becomes one JSON object with what, when and its values."""
    stream = io.StringIO()
    logs.setup("info", stream)
    logs.port()("salesforce.page", object="Account", rows=2000)
    (line,) = _lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "salesforce.page", "object": "Account", "rows": 2000, "level": "info"}


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer 00Dxx0000000001!AQEAQF8x", "AQEAQF8x"),
        ("session 00D000000000001AAA!ARsAQKz.1x_y sent", "ARsAQKz"),
        ('{"client_secret": "hunter2hunter2"}', "hunter2"),
        ("grant_type=password&password=hunter2&x=1", "hunter2"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
        ("key pat-na1-12345678-abcd", "12345678"),
        ("jwt eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4eHgifQ.sig", "eyJpc3Mi"),
        ("mail ada.lovelace@example.com bounced", "lovelace"),
    ],
)
def test_what_looks_like_a_secret_does_not_pass(text: str, secret: str) -> None:
    """A credential or address in a value, a nested value or a library's message is hidden."""
    stream = io.StringIO()
    logs.setup("debug", stream)
    logs.port()("x", value=text, nested={"deep": [text]})
    logging.getLogger("urllib3").warning("odd: %s", text)
    assert len(_lines(stream)) == 2
    assert secret not in stream.getvalue()


def test_a_value_under_a_secret_name_is_hidden() -> None:
    """Whatever stands under a name such as client_secret is not shown."""
    stream = io.StringIO()
    logs.setup("info", stream)
    logs.port()("x", client_secret="abc", deep={"Authorization": "abc"})
    (line,) = _lines(stream)
    assert line["client_secret"] == line["deep"]["Authorization"] == "[hidden]"


def test_control_characters_and_line_ends_are_escaped() -> None:
    """A value can neither start a line of its own nor command the terminal."""
    stream = io.StringIO()
    logs.setup("info", stream)
    logs.port()("x", value="a\nINFO sync ok\x1b[2J\u202e")
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_long_texts_are_cut() -> None:
    """A megabyte in a value leaves a short line."""
    stream = io.StringIO()
    logs.setup("info", stream)
    logs.port()("x", value="a" * 1_000_000)
    assert len(stream.getvalue()) < 1000


def test_without_a_level_nothing_is_logged() -> None:
    """No level means no line, from us or from libraries."""
    stream = io.StringIO()
    logs.setup(None, stream)
    logs.port()("x")
    logging.getLogger("urllib3").error("y")
    assert stream.getvalue() == ""


def test_libraries_are_quiet_below_warnings() -> None:
    """A library's request log, which may hold headers, is not written even at debug."""
    stream = io.StringIO()
    logs.setup("debug", stream)
    logging.getLogger("urllib3").debug("GET / Authorization: x")
    assert stream.getvalue() == ""


def test_printable_disarms_a_terminal() -> None:
    """Text from outside is shown with its control characters spelled out."""
    assert logs.printable("a\x1b]0;x\x07\u202eb c") == "a\\x1b]0;x\\x07\\u202eb c"
