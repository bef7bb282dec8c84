"""Reading and writing the Metadata API's XML. No entities, no DTDs, no network."""

from __future__ import annotations

from typing import Literal, overload

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
METADATA = "http://soap.sforce.com/2006/04/metadata"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


class SoapFaultError(Exception):
    """The whole call is refused: a SOAP fault with this code and text."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def read_request(xml: bytes) -> etree._Element:
    """The envelope of a request.

    Raises:
        SoapFaultError: if it is not XML, carries a DTD, or is no SOAP envelope.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        raise SoapFaultError("soapenv:Client", f"Content is not allowed: {error.msg}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise SoapFaultError("soapenv:Client", "DOCTYPE is not allowed in SOAP")
    if root.tag != f"{{{SOAP}}}Envelope":
        raise SoapFaultError("soapenv:VersionMismatch", "The request is no SOAP 1.1 envelope")
    find(root, "Body")
    return root


def local(element: etree._Element) -> str:
    """An element's name without its namespace."""
    return etree.QName(element).localname


@overload
def find(parent: etree._Element, name: str) -> etree._Element: ...
@overload
def find(
    parent: etree._Element, name: str, *, missing_ok: Literal[True]
) -> etree._Element | None: ...
def find(parent: etree._Element, name: str, *, missing_ok: bool = False) -> etree._Element | None:
    """The first child of that name, in any namespace.

    Raises:
        SoapFaultError: if there is none and that is not ok.
    """
    for child in parent:
        if isinstance(child.tag, str) and local(child) == name:
            return child
    if missing_ok:
        return None
    raise SoapFaultError("soapenv:Client", f"{local(parent)} has no {name}")


def children(parent: etree._Element, name: str) -> list[etree._Element]:
    """All children of that name."""
    return [child for child in parent if isinstance(child.tag, str) and local(child) == name]


def text_of(parent: etree._Element, name: str) -> str | None:
    """The text of a child; None if it is missing or blank."""
    child = find(parent, name, missing_ok=True)
    return ((child.text or "").strip() or None) if child is not None else None


def flag_of(parent: etree._Element, name: str) -> bool:
    """A child's boolean; a missing one is false."""
    return text_of(parent, name) in ("true", "1")


def type_of(component: etree._Element) -> str:
    """The ``xsi:type`` of a component, without its prefix."""
    return (component.get(f"{{{XSI}}}type") or "").rpartition(":")[2]


def envelope(name: str) -> tuple[etree._Element, etree._Element]:
    """A SOAP answer, and the response element inside its body."""
    spaces: dict[str | None, str] = {"soapenv": SOAP, None: METADATA, "xsi": XSI}
    root = etree.Element(
        f"{{{SOAP}}}Envelope",
        nsmap=spaces,  # type: ignore[arg-type]  # None is the default namespace; the stubs omit it
    )
    body = etree.SubElement(root, f"{{{SOAP}}}Body")
    return root, etree.SubElement(body, f"{{{METADATA}}}{name}")


def add(
    parent: etree._Element,
    name: str,
    value: str | bool | float | None = None,  # XML has booleans
    *,
    type_: str | None = None,
    nil: bool = False,
) -> etree._Element:
    """Append a child element with a text, an ``xsi:type`` or ``xsi:nil``."""
    child = etree.SubElement(parent, f"{{{METADATA}}}{name}")
    if type_ is not None:
        child.set(f"{{{XSI}}}type", type_)
    if nil:
        child.set(f"{{{XSI}}}nil", "true")
    if value is not None:
        child.text = str(value).lower() if isinstance(value, bool) else str(value)
    return child


def fault(refused: SoapFaultError) -> bytes:
    """A SOAP fault's answer."""
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soapenv": SOAP, "sf": METADATA})
    body = etree.SubElement(root, f"{{{SOAP}}}Body")
    inner = etree.SubElement(body, f"{{{SOAP}}}Fault")
    etree.SubElement(inner, "faultcode").text = refused.code
    etree.SubElement(inner, "faultstring").text = refused.text
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
