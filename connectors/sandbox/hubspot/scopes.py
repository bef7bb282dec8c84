"""Which scopes a call needs, by what it touches and whether it only reads."""

from __future__ import annotations

import re

from connectors.sandbox.hubspot.errors import HubError
from connectors.sandbox.hubspot.kinds import FEEDBACK, TICKET, Kind, Kinds

_READS = re.compile(r".*/(batch/read|search)")
_LINKED = re.compile(r"objects/([^/]+)/[^/]+/associations/(?:default/)?([^/]+).*")
_TYPES = re.compile(r"(?:objects|properties|pipelines)/([^/]+).*")
_PAIR = re.compile(r"associations/(?!definitions)([^/]+)/([^/]+)/.*")
_CUSTOM = "2-"
_WORDS = ("companies", "contacts", "custom", "deals", "line_items")
#: Every scope that a call to this sandbox can need.
EVERY = frozenset(
    {
        "oauth",
        "tickets",
        "crm.objects.feedback_submissions.read",
        "crm.objects.owners.read",
        *(
            f"crm.{what}.{word}.{verb}"
            for what in ("objects", "schemas")
            for word in _WORDS
            for verb in ("read", "write")
        ),
    }
)
#: What a call needs: one scope of each group.
Needs = list[tuple[str, ...]]


def required(method: str, address: str, kinds: Kinds) -> Needs:
    """Groups of scopes of which a token needs one each.

    Args:
        method: the HTTP method.
        address: family and what follows the version, such as `objects/companies/search`.
        kinds: the portal's object types; an unknown one needs nothing and fails later.
    """
    family, verb = address.partition("/")[0], "write"
    if method == "GET" or _READS.fullmatch(address):
        verb = "read"
    if family == "owners":
        return [("crm.objects.owners.read",)]
    if family == "schemas":
        # As recorded: this refusal calls the scope by its old name.
        return [
            ("custom-object-read", "crm.schemas.custom.read")
            if verb == "read"
            else ("crm.schemas.custom.write",)
        ]
    if address == "limits/custom-object-types":
        return [("crm.schemas.custom.read",)]
    pair = _LINKED.fullmatch(address) or _PAIR.fullmatch(address)
    if pair is not None:
        found = [kinds.find(name) for name in pair.groups()]
        return [(_object(kind, verb),) for kind in found if kind is not None]
    match = _TYPES.fullmatch(address)
    kind = kinds.find(match[1]) if match is not None else None
    if kind is None:
        return []
    if family == "objects":
        return [(_object(kind, verb),)]
    schema = _schema(kind, verb)
    return [(schema, _object(kind, verb)) if verb == "read" else (schema,)]


def _object(kind: Kind, verb: str) -> str:
    if kind.type_id == TICKET.type_id:
        return "tickets"
    if kind.type_id == FEEDBACK.type_id:
        return "crm.objects.feedback_submissions.read"
    # There is no scope for tasks, notes, calls, meetings and emails: they go with contacts.
    return f"crm.objects.{_word(kind)}.{verb}"


def _schema(kind: Kind, verb: str) -> str:
    if kind.type_id in (TICKET.type_id, FEEDBACK.type_id):
        return _object(kind, verb)
    return f"crm.schemas.{_word(kind)}.{verb}"


def _word(kind: Kind) -> str:
    if kind.type_id.startswith(_CUSTOM):
        return "custom"
    return "contacts" if kind.activity else kind.plural


def missing(names: tuple[str, ...]) -> HubError:
    """The token has none of these scopes."""
    return HubError(
        403,
        "One or more of the following scopes are required.",
        "MISSING_SCOPES",
        context={
            "requiredGranularScopes": names[:1],
            "links": ["https://developers.hubspot.com/scopes"],
        },
    )
