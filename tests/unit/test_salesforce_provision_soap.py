"""Answers of the Metadata API, as recorded from the real one, and what setup makes of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from lxml import etree

from connectors.salesforce import provision_soap as soap
from connectors.salesforce.client import Client
from connectors.salesforce.provision_rights import Rights, granted
from crm_health.errors import AuthError, CrmHealthError, SetupError, Unavailable

ROOT = Path(__file__).parents[2]
CONTRACT = Path(os.environ.get("CRM_HEALTH_CONTRACT", ROOT.parent / "shared" / "contract"))
RECORDED = CONTRACT / "salesforce" / "ampersand" / "metadata"
FAULT = """<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault>
<faultcode>sf:{code}</faultcode><faultstring>{code}: no</faultstring>
</e:Fault></e:Body></e:Envelope>"""


class _Answers:
    """Stands for a client: answers with one body, keeps what was sent."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.sent: list[bytes] = []

    def soap(self, body: bytes) -> bytes:
        self.sent.append(body)
        return self._body


def _client(body: bytes | str) -> Client:
    return cast("Client", _Answers(body if isinstance(body, bytes) else body.encode()))


@pytest.fixture
def recorded() -> Callable[[str], bytes]:
    """Reads a recorded body."""
    if not RECORDED.is_dir():
        pytest.skip("no recorded answers: set CRM_HEALTH_CONTRACT to their folder")
    return lambda name: (RECORDED / name).read_bytes()


def _fields(*names: str) -> list[soap.Component]:
    return [soap.Component("CustomField", f"TestObject15__c.{name}__c") for name in names]


def test_a_recorded_success_is_one(recorded: Callable[[str], bytes]) -> None:
    """Created or there before, each component that the answer calls a success is done."""
    soap.upsert(_client(recorded("upsert-success.xml")), _fields("Birthday", "Hobby", "Age"))


def test_a_component_without_an_answer_is_not_done(recorded: Callable[[str], bytes]) -> None:
    """An answer that leaves one out is an error that names it."""
    with pytest.raises(SetupError, match=r"no answer for TestObject15__c\.Extra__c"):
        soap.upsert(_client(recorded("upsert-success.xml")), _fields("Birthday", "Extra"))


def test_a_recorded_refusal_names_the_culprit_alone(recorded: Callable[[str], bytes]) -> None:
    """What was rolled back with the culprit is not blamed."""
    with pytest.raises(SetupError) as caught:
        soap.upsert(
            _client(recorded("upsert-err-bad-request.xml")), _fields("Birthday", "Hobby", "Age")
        )
    assert "TestObject15__c.Birthday__c: Invalid length, minimum is: 256" in caught.value.message
    assert "Hobby" not in caught.value.message


def test_a_recorded_permission_set_is_read(recorded: Callable[[str], bytes]) -> None:
    """Field rights are found by name; a set under another name is none of ours."""
    body = recorded("write/read-field-permissions-response.xml")
    assert granted(_client(body)) is None
    renamed = body.replace(b"IntegrationCustomFieldVisibility", b"Crm_Health")
    assert granted(_client(renamed)) == Rights({"TestObject15__c.Hobby__c": True}, {})


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("INSUFFICIENT_ACCESS", AuthError),
        ("INVALID_TYPE", SetupError),
        ("UNKNOWN_EXCEPTION", Unavailable),
    ],
)
def test_faults_become_our_errors(code: str, error: type[CrmHealthError]) -> None:
    """Each SOAP fault is an error by what the admin must do, with its code."""
    with pytest.raises(error) as caught:
        soap.read(_client(FAULT.format(code=code)), "CustomField", ["Account.X__c"])
    assert caught.value.code == code


@pytest.mark.parametrize("body", ["", "<html><p>Maintenance</html>", "not xml"])
def test_what_is_not_xml_is_unavailable(body: str) -> None:
    """A page of a proxy is not taken for an org without fields."""
    with pytest.raises(Unavailable):
        soap.read(_client(body), "CustomField", ["Account.X__c"])


def test_a_page_that_happens_to_be_xml_is_unavailable() -> None:
    """A well-formed page without a result is not an empty answer either."""
    with pytest.raises(Unavailable):
        soap.read(_client("<html><p>Maintenance</p></html>"), "CustomField", ["Account.X__c"])


def test_types_are_named_as_in_the_recorded_request(recorded: Callable[[str], bytes]) -> None:
    """`xsi:type` is a name without prefix, resolved by a default namespace that is Metadata's."""
    client = _client(recorded("upsert-success.xml"))
    soap.upsert(client, _fields("Birthday", "Hobby", "Age"))
    (sent,) = cast("_Answers", client).sent
    real = recorded("write/object15/mix-of-many-fields-payload.xml")
    ours, theirs = (next(etree.fromstring(body).iter("{*}metadata")) for body in (sent, real))
    kind = "{http://www.w3.org/2001/XMLSchema-instance}type"
    assert (ours.tag, ours.nsmap[None], ours.get(kind)) == (
        theirs.tag, theirs.nsmap[None], theirs.get(kind),
    )  # fmt: skip


def test_ten_components_a_call_and_values_are_escaped() -> None:
    """25 names take three calls; a name can't break out of its element."""
    empty = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        b'<readMetadataResponse xmlns="http://soap.sforce.com/2006/04/metadata"><result/>'
        b"</readMetadataResponse></e:Body></e:Envelope>"
    )
    answers = _Answers(empty)
    names = [f"Account.<a>&{n}__c" for n in range(25)]
    assert soap.read(cast("Client", answers), "CustomField", names) == {}
    asked = [[e.text for e in etree.fromstring(body).iter("{*}fullNames")] for body in answers.sent]
    assert [len(part) for part in asked] == [10, 10, 5]
    assert [name for part in asked for name in part] == names
