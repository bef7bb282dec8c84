"""Metadata API bodies: read and upsert components, at most ten of one type a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from connectors.salesforce.client import SESSION, Client
from crm_health.errors import AuthError, SetupError, Unavailable

MOST = 10
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_METADATA = "http://soap.sforce.com/2006/04/metadata"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
# What comes over the wire loads nothing and expands nothing.
_PARSER_OPTIONS: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "remove_comments": True,
    "remove_pis": True,
}


@dataclass(frozen=True)
class Component:
    """A piece of metadata: plain elements, and nested ones as a mapping or several of them."""

    type: str
    full_name: str
    elements: Mapping[str, Any] = field(default_factory=dict)


def read(client: Client, kind: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Those components that exist, by full name. Repeated elements are lists of dicts.

    Raises:
        AuthError, SetupError, Unavailable: see `_called`.
    """
    found = {}
    for part in _parts(names):
        call = _element("readMetadata")
        _text(call, "type", kind)
        for name in part:
            _text(call, "fullNames", name)
        for result in _called(client, call):
            for record in _children(result, "records"):
                if record.get(f"{{{_XSI}}}nil") != "true":
                    values = _values(record)
                    found[str(values.get("fullName"))] = values
    return found


def upsert(client: Client, components: Sequence[Component]) -> None:
    """Make or change components of one type; each call is all or nothing.

    Raises:
        SetupError: naming the components that were refused, and why.
        AuthError, Unavailable: see `_called`.
    """
    for part in _parts(components):
        call = _element("upsertMetadata")
        for component in part:
            element = etree.SubElement(call, _name("metadata"))
            element.set(f"{{{_XSI}}}type", component.type)
            _text(element, "fullName", component.full_name)
            _fill(element, component.elements)
        results = [_values(result) for result in _called(client, call)]
        done = {r.get("fullName") for r in results if r.get("success") == "true"}
        refused = [
            _problem(result)
            for result in results
            if result.get("success") != "true" and not _bystander(result)
        ]
        missing = [c.full_name for c in part if c.full_name not in done]
        if refused or missing:
            what = "; ".join(refused) or f"no answer for {', '.join(missing)}"
            raise SetupError(f"Salesforce refused to make {what}.", code="CH-SF-METADATA")


def _called(client: Client, call: etree._Element) -> list[etree._Element]:
    """The results of one call.

    Raises:
        AuthError: the user may not change metadata.
        SetupError: the call as such was refused.
        Unavailable: the answer is not SOAP.
    """
    envelope = etree.Element(f"{{{_ENVELOPE}}}Envelope", nsmap={"e": _ENVELOPE, "xsi": _XSI})
    header = etree.SubElement(envelope, f"{{{_ENVELOPE}}}Header")
    all_or_none = etree.SubElement(header, _name("AllOrNoneHeader"))
    _text(all_or_none, "allOrNone", "true")
    _text(etree.SubElement(header, _name("SessionHeader")), "sessionId", SESSION.decode())
    etree.SubElement(envelope, f"{{{_ENVELOPE}}}Body").append(call)
    answer = client.soap(etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))
    try:
        root = etree.fromstring(answer, etree.XMLParser(**_PARSER_OPTIONS))
    except etree.XMLSyntaxError:
        raise Unavailable(
            "The answer to setup is not XML: is a proxy in between?", code="CH-NOT-XML"
        ) from None
    fault = root.find(f".//{{{_ENVELOPE}}}Fault")
    if fault is not None:
        _raise_fault(fault)
    results = list(root.iter(_name("result")))
    if not results:
        raise Unavailable("The answer to setup holds no result.", code="CH-NOT-SOAP")
    return results


def _raise_fault(fault: etree._Element) -> None:
    code = (fault.findtext("faultcode") or "").rpartition(":")[2]
    text = (fault.findtext("faultstring") or "").strip()[:300]
    if code.startswith("INSUFFICIENT_ACCESS") or code in ("API_DISABLED_FOR_ORG",):
        raise AuthError(
            "This user may not change metadata: run setup as an administrator, with "
            "CRM_HEALTH_SALESFORCE_SETUP_CLIENT_ID and its secret.",
            code=code,
        )
    if code in ("SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "Server"):
        raise Unavailable("Salesforce can't change metadata for now.", code=code)
    raise SetupError(f"Salesforce refused the setup call: {text}", code=code)


def _bystander(result: Mapping[str, Any]) -> bool:
    errors = result.get("errors")
    first = errors[0] if isinstance(errors, list) else errors
    code = first.get("statusCode") if isinstance(first, dict) else None
    return code == "ALL_OR_NONE_OPERATION_ROLLED_BACK"


def _problem(result: Mapping[str, Any]) -> str:
    errors = result.get("errors") or []
    texts = [
        f"{e.get('message')} ({e.get('statusCode')})"
        for e in (errors if isinstance(errors, list) else [errors])
        if isinstance(e, dict)
    ]
    return f"{result.get('fullName')}: {', '.join(texts) or 'no reason given'}"


def _fill(parent: etree._Element, elements: Mapping[str, Any]) -> None:
    for name, value in elements.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, dict):
                _fill(etree.SubElement(parent, _name(name)), one)
            else:
                _text(parent, name, str(one))


def _values(element: etree._Element) -> dict[str, Any]:
    """Child elements as values; nested ones as lists of dicts, since they may repeat."""
    found: dict[str, Any] = {}
    for child in element:
        name = etree.QName(child).localname
        if len(child):
            found.setdefault(name, []).append(_values(child))
        else:
            found[name] = (child.text or "").strip()
    return found


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), MOST):
        yield items[start : start + MOST]


def _children(element: etree._Element, name: str) -> list[etree._Element]:
    return list(element.findall(_name(name)))


def _text(parent: etree._Element, name: str, value: str) -> None:
    etree.SubElement(parent, _name(name)).text = value


def _element(local: str) -> etree._Element:
    """A call's element. Its namespace is the default one: `xsi:type` names are resolved by it."""
    spaces: dict[str | None, str] = {None: _METADATA, "xsi": _XSI}
    # None is lxml's word for the default namespace; the stubs omit it.
    return etree.Element(_name(local), nsmap=spaces)  # type: ignore[arg-type]


def _name(local: str) -> str:
    return f"{{{_METADATA}}}{local}"
