"""Metadata calls for the tests: components, envelopes, and what came back."""

from __future__ import annotations

from lxml import etree

from connectors.sandbox import people
from connectors.sandbox.records import Records
from connectors.sandbox.salesforce.metadata import handle

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MD = "http://soap.sforce.com/2006/04/metadata"

OBJECT = """<metadata xsi:type="CustomObject"><fullName>TestObject15__c</fullName>
<label>Test</label><pluralLabel>Tests</pluralLabel><deploymentStatus>Deployed</deploymentStatus>
<sharingModel>ReadWrite</sharingModel><enableActivities>true</enableActivities>
<nameField><type>AutoNumber</type><label>No</label><displayFormat>T-{0000}</displayFormat></nameField>
</metadata>"""


def field(name: str, type_: str, more: str = "") -> str:
    """A CustomField component."""
    return (
        f'<metadata xsi:type="CustomField"><fullName>{name}</fullName><label>L</label>'
        f"<type>{type_}</type>{more}</metadata>"
    )


def envelope(body: str, *, all_or_none: bool = False) -> bytes:
    """A SOAP request."""
    return (
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f'<soapenv:Header xmlns="{MD}"><AllOrNoneHeader><allOrNone>{str(all_or_none).lower()}'
        "</allOrNone></AllOrNoneHeader><SessionHeader><sessionId>S1</sessionId></SessionHeader>"
        f'</soapenv:Header><soapenv:Body xmlns="{MD}">{body}</soapenv:Body></soapenv:Envelope>'
    ).encode()


def plain(xml: bytes) -> object:
    """Answers as nested (name, type, content), to compare without regard to spelling of XML."""

    def walk(element: etree._Element) -> object:
        kind = element.get("{http://www.w3.org/2001/XMLSchema-instance}type")
        inside = [walk(child) for child in element]
        return (element.tag, kind, inside or (element.text or "").strip())

    parser = etree.XMLParser(remove_blank_text=True, resolve_entities=False)
    return walk(etree.fromstring(xml, parser))


def call(records: Records, body: str, *, all_or_none: bool = False) -> etree._Element:
    """The response element of a call that is answered with HTTP 200."""
    request = envelope(body, all_or_none=all_or_none)
    status, answer = handle(request, people.ADMIN, records)
    assert status == 200, answer
    root = etree.fromstring(answer)
    assert root.tag == f"{{{SOAP}}}Envelope"
    response: etree._Element = root[0][0]
    return response


def ok(records: Records, body: str) -> list[bool]:
    """Saves that must succeed; whether each was created."""
    response = call(records, body)
    assert [e.text for e in response.iter(f"{{{MD}}}success")] == ["true"] * len(response), (
        etree.tostring(response)
    )
    return [e.text == "true" for e in response.iter(f"{{{MD}}}created")]


def errors(records: Records, body: str, **options: bool) -> list[tuple[str, str]]:
    """(code, message) of every component that was refused."""
    response = call(records, body, **options)
    return [
        (found.findtext(f"{{{MD}}}statusCode", ""), found.findtext(f"{{{MD}}}message", ""))
        for found in response.iter(f"{{{MD}}}errors")
    ]


def faultcode(records: Records, request: bytes, user: str | None = people.ADMIN) -> str:
    """Code and text of a call that is refused as a whole."""
    status, answer = handle(request, user, records)
    assert status == 500
    found = etree.fromstring(answer)[0][0]
    assert found.tag == f"{{{SOAP}}}Fault"
    return f"{found.findtext('faultcode')} {found.findtext('faultstring')}"


def text(name: str) -> str:
    """A text field on the recorded object."""
    return field(f"TestObject15__c.{name}", "Text", "<length>30</length>")


def granted(name: str, *, editable: bool = True, readable: str = "true") -> str:
    """A fieldPermissions element."""
    return (
        f"<fieldPermissions><editable>{str(editable).lower()}</editable><field>{name}</field>"
        f"<readable>{readable}</readable></fieldPermissions>"
    )


def rights(object_name: str, allowed: str) -> str:
    """An objectPermissions element; ``allowed`` names the rights that are true."""
    names = "allowCreate allowDelete allowEdit allowRead modifyAllRecords viewAllRecords"
    flags = "".join(f"<{n}>{str(n in allowed.split()).lower()}</{n}>" for n in names.split())
    return f"<objectPermissions>{flags}<object>{object_name}</object></objectPermissions>"


def permission_set(name: str, inside: str, label: str = "L") -> str:
    """A PermissionSet component."""
    return (
        f'<metadata xsi:type="PermissionSet"><fullName>{name}</fullName>{inside}'
        f"<label>{label}</label></metadata>"
    )
