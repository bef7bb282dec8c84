"""The sandbox's SOQL: what is refused, and in which words."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from soql_org import OWNER, Runner, small_org

from connectors.sandbox.errors import WireError
from connectors.sandbox.records import Records
from connectors.sandbox.soql import execute, parse

CONTRACT = Path(
    os.environ.get("CRM_HEALTH_CONTRACT", Path(__file__).parents[3] / "shared" / "contract")
)


ORG = small_org()


@pytest.fixture
def records() -> Records:
    """The small org."""
    return small_org()


@pytest.fixture
def run(records: Records) -> Runner:
    """Queries of that org."""
    return Runner(records)


def refusal(run: Runner, text: str) -> WireError:
    """The error a query ends in."""
    with pytest.raises(WireError) as caught:
        run(text)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            "SELECT Nope FROM Account",
            "INVALID_FIELD",
            (
                "\nSELECT Nope FROM Account\n       ^\nERROR at Row:1:Column:8\n"
                "No such column 'Nope' on entity 'Account'. If you are attempting to use a custom "
                "field, be sure to append the '__c' after the custom field name. Please reference "
                "your WSDL or the describe call for the appropriate names."
            ),
        ),
        ("SELECT Id FROM Account WHERE Nope = 1", "INVALID_FIELD", "No such column 'Nope'"),
        ("SELECT Id FROM Account ORDER BY Nope", "INVALID_FIELD", "No such column 'Nope'"),
        ("SELECT Owner.Nope FROM Account", "INVALID_FIELD", "'Nope' on entity 'User'"),
        ("SELECT Foo.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Foo'"),
        (
            "SELECT (SELECT Id FROM Foos) FROM Account",
            "INVALID_TYPE",
            "Didn't understand relationship 'Foos' in FROM part",
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
            (
                "value of filter criterion for field 'CreatedDate' must be of type dateTime "
                "and should not be enclosed in quotes"
            ),
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > 2026-01-01",
            "INVALID_FIELD",
            "must be of type dateTime",
        ),
        (
            "SELECT Id FROM Opportunity WHERE CloseDate > 2026-01-01T00:00:00Z",
            "INVALID_FIELD",
            "must be of type date and should not",
        ),
        (
            "SELECT Id FROM Account WHERE Name = 1",
            "INVALID_FIELD",
            "must be of type string and should be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Account WHERE AnnualRevenue = '1'",
            "INVALID_FIELD",
            "must be of type currency and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Account WHERE IsDeleted = 'false'",
            "INVALID_FIELD",
            "must be of type boolean",
        ),
        (
            "SELECT Id FROM Account WHERE Id = 'abc'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid ID field: abc",
        ),
        (
            "SELECT Id FROM Account WHERE Id LIKE '001%'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on id field",
        ),
        (
            "SELECT Id FROM Account WHERE IsDeleted > false",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on boolean field",
        ),
        (
            "SELECT Id FROM Account WHERE Description = 'x'",
            "INVALID_FIELD",
            "field 'Description' can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Account ORDER BY Description",
            "INVALID_FIELD",
            "field 'Description' can not be sorted in a query call",
        ),
        ("SELECT Id FRM Account", "MALFORMED_QUERY", "unexpected token: 'Account'"),
        ("SELECT Id FROM", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ('SELECT Id FROM Account WHERE Name = "x"', "MALFORMED_QUERY", "unexpected token: '\"'"),
        (
            "SELECT Id FROM Account WHERE Name = 'a' AND Id = '' OR Id = ''",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        ("SELECT Id FROM Account ALL ROWS", "MALFORMED_QUERY", "unexpected token: 'ROWS'"),
        (
            "SELECT Id FROM Account WHERE Name = 'a\\q'",
            "MALFORMED_QUERY",
            "Illegal character sequence",
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > 2026-13-01T00:00:00Z",
            "MALFORMED_QUERY",
            "Invalid date",
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS",
            "MALFORMED_QUERY",
            "unexpected token: 'LAST_N_DAYS'",
        ),
        ("SELECT Id FROM Account LIMIT -1", "MALFORMED_QUERY", "unexpected token: '-1'"),
        ("SELECT Id, id FROM Account", "MALFORMED_QUERY", "duplicate field selected: Id"),
        ("SELECT Name n FROM Account", "MALFORMED_QUERY", "only aggregate expressions"),
        (
            "SELECT Name, COUNT(Id) FROM Account",
            "MALFORMED_QUERY",
            "Field must be grouped or aggregated: Name",
        ),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY Name ORDER BY Industry",
            "MALFORMED_QUERY",
            "Ordered field must be grouped or aggregated: Industry",
        ),
        (
            "SELECT SUM(Name) FROM Account",
            "INVALID_FIELD",
            "field Name does not support aggregate operator SUM",
        ),
        (
            "SELECT convertCurrency(AnnualRevenue) FROM Account",
            "MALFORMED_QUERY",
            "CONVERTCURRENCY is not supported",
        ),
        (
            "SELECT Id FROM Account WHERE Name = 'a' OR Id IN (SELECT AccountId FROM Contact)",
            "MALFORMED_QUERY",
            "Semi join sub-selects are only allowed at the top level",
        ),
        (
            "SELECT Id FROM Account WHERE Parent.Parent.Parent.Parent.Parent.Parent.Name = 'x'",
            "MALFORMED_QUERY",
            "at most 5 relationships",
        ),
        (f"SELECT Id FROM Account WHERE Name = '{'x' * 4001}'", "MALFORMED_QUERY", "4000"),
        (f"SELECT Id FROM Account WHERE Name = 'x'{' ' * 100_000}", "MALFORMED_QUERY", "100000"),
    ],
)
def test_refusals(run: Runner, text: str, code: str, message: str) -> None:
    """Each mistake is refused with the service's code, and words that name the spot."""
    found = refusal(run, text)
    assert found.code == code
    assert message in found.message


WORDS = [
    "SELECT",
    "Id",
    "FROM",
    "Account",
    "WHERE",
    "Name",
    "IN",
    "(",
    ")",
    ",",
    "=",
    "!=",
    "LIKE",
    "'a'",
    "'\\\\q'",
    "NOT",
    "AND",
    "OR",
    "null",
    "TODAY",
    "LAST_N_DAYS:9999999999",
    "2026-01-01",
    "0001-01-01T00:00:00+09:00",
    "1e999",
    "-5",
    "GROUP",
    "BY",
    "HAVING",
    "COUNT()",
    "COUNT(Id)",
    "MAX(Amount)",
    "ORDER",
    "ASC",
    "NULLS",
    "LAST",
    "LIMIT",
    "1",
    "OFFSET",
    "What.Name",
    "Contacts",
]


@given(st.lists(st.sampled_from(WORDS), max_size=14))
def test_no_text_does_worse_than_a_refusal(words: list[str]) -> None:
    """Any jumble of words runs or ends in a WireError, never in another exception."""
    for text in (" ".join(words), " ".join(["SELECT Id FROM Account WHERE", *words])):
        with contextlib.suppress(WireError):
            execute(parse(text), ORG, OWNER)


@given(st.text(max_size=60))
def test_no_characters_do_worse_than_a_refusal(characters: str) -> None:
    """The same for any characters, in a literal and outside."""
    for text in (characters, f"SELECT Id FROM Account WHERE Name LIKE '{characters}'"):
        with contextlib.suppress(WireError):
            execute(parse(text), ORG, OWNER)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT Id FROM Account WHERE " + "NOT " * 5_000 + "Name = 'a'",
        "SELECT Id FROM Account LIMIT " + "9" * 5_000,
        "SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS:" + "9" * 5_000,
        "SELECT Id FROM Account WHERE CreatedDate > 0001-01-01T00:00:00+09:00",
        "SELECT Id FROM Account WHERE CreatedDate = NEXT_N_YEARS:99999",
    ],
)
def test_absurd_sizes_are_refused(run: Runner, text: str) -> None:
    """Depth and numbers beyond all measure are refused, not run into."""
    assert refusal(run, text).code in ("MALFORMED_QUERY", "QUERY_TOO_COMPLICATED")


def recorded_type_errors() -> Iterator[tuple[str, str]]:
    """(query, message) of recorded INVALID_TYPE answers."""
    path = CONTRACT / "salesforce" / "recorded" / "cumulusci_rest.jsonl"
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        exchange = json.loads(line)
        asked = exchange["request_body"] or {}
        if not isinstance(asked, dict) or "compositeRequest" not in asked:
            continue
        answers = exchange["response_body"]["compositeResponse"]
        for ask, answer in zip(asked["compositeRequest"], answers, strict=True):
            body = answer["body"]
            if isinstance(body, list) and body[0]["errorCode"] == "INVALID_TYPE":
                yield ask["url"].partition("q=")[2].replace("+", " "), body[0]["message"]


def test_unknown_object_is_refused_in_the_recorded_words(run: Runner) -> None:
    """The recorded INVALID_TYPE message is reproduced to the letter."""
    pairs = list(recorded_type_errors())
    if not pairs:
        pytest.skip(f"no recorded answers under {CONTRACT}")
    for text, message in pairs:
        found = refusal(run, text)
        assert (found.code, found.message) == ("INVALID_TYPE", message)


def test_long_context_is_clipped_as_recorded(run: Runner) -> None:
    """The text before the caret is cut at a word, and the caret still points at the object."""
    path = CONTRACT / "salesforce" / "ampersand" / "unknown-object.json"
    if not path.exists():
        pytest.skip(f"no recorded answers under {CONTRACT}")
    recorded = json.loads(path.read_text())[0]["message"]
    found = refusal(run, "SELECT Id,Name,BillingCity,IsDeleted FROM Accout")
    assert found.message == recorded
