"""Every address of HubSpot that we call, in one table: the legacy ones and the dated ones.

One setting, the mapping's `api_version`, chooses: `v3` means the legacy paths (associations then
are v4), a date such as `2026-09` the paths of that date.
"""

from __future__ import annotations

import re

from crm_health.errors import BrokenInvariant, ConfigError

LEGACY = "v3"
#: Dated versions that are supported now.
DATED = ("2026-03", "2026-09")

#: Address by name: (legacy, dated); `{v}` is the date.
_TABLE = {
    "objects": ("/crm/v3/objects/{a}", "/crm/objects/{v}/{a}"),
    "search": ("/crm/v3/objects/{a}/search", "/crm/objects/{v}/{a}/search"),
    "batch": ("/crm/v3/objects/{a}/batch/{b}", "/crm/objects/{v}/{a}/batch/{b}"),
    "associations": (
        "/crm/v4/associations/{a}/{b}/batch/{c}",
        "/crm/associations/{v}/{a}/{b}/batch/{c}",
    ),
    "labels": ("/crm/associations/v4/{a}/{b}/labels", "/crm/associations/{v}/{a}/{b}/labels"),
    "properties": ("/crm/v3/properties/{a}", "/crm/properties/{v}/{a}"),
    "property": ("/crm/v3/properties/{a}/{b}", "/crm/properties/{v}/{a}/{b}"),
    "property_batch": (
        "/crm/v3/properties/{a}/batch/{b}",
        "/crm/properties/{v}/{a}/batch/{b}",
    ),
    "groups": ("/crm/v3/properties/{a}/groups", "/crm/properties/{v}/{a}/groups"),
    "pipelines": ("/crm/v3/pipelines/{a}", "/crm/pipelines/{v}/{a}"),
    "owners": ("/crm/v3/owners", "/crm/owners/{v}"),
    "schemas": ("/crm-object-schemas/v3/schemas", "/crm-object-schemas/{v}/schemas"),
    "schema_associations": (
        "/crm-object-schemas/v3/schemas/{a}/associations",
        "/crm-object-schemas/{v}/schemas/{a}/associations",
    ),
    "account": ("/account-info/v3/details", "/account-info/{v}/details"),
    "limits": ("/crm/v3/limits/{a}", "/crm/limits/{v}/{a}"),
}
#: Object types, property names and the few fixed words: nothing that could change an address.
_PART = re.compile(r"[A-Za-z0-9_-]{1,150}|associate/default", re.ASCII)


class Paths:
    """The addresses of one API version."""

    def __init__(self, version: str) -> None:
        """The addresses of `v3`, or of a date.

        Raises:
            ConfigError: there is no such version.
        """
        if version != LEGACY and version not in DATED:
            known = ", ".join((LEGACY, *DATED))
            raise ConfigError(f"api_version must be one of {known}", code="CH-HS-VERSION")
        self.version = version

    def objects(self, object_type: str) -> str:
        """List or create records."""
        return self._path("objects", object_type)

    def search(self, object_type: str) -> str:
        """Search records."""
        return self._path("search", object_type)

    def batch(self, object_type: str, what: str) -> str:
        """`read`, `create`, `update` or `upsert` up to 100 records."""
        return self._path("batch", object_type, what)

    def associations(self, start: str, end: str, what: str) -> str:
        """`read`, `create` or `associate/default` associations from one type to another."""
        return self._path("associations", start, end, what)

    def labels(self, start: str, end: str) -> str:
        """The association types from one object type to another."""
        return self._path("labels", start, end)

    def properties(self, object_type: str) -> str:
        """List or create properties."""
        return self._path("properties", object_type)

    def one_property(self, object_type: str, name: str) -> str:
        """One property."""
        return self._path("property", object_type, name)

    def property_batch(self, object_type: str, what: str) -> str:
        """`create` up to 100 properties."""
        return self._path("property_batch", object_type, what)

    def groups(self, object_type: str) -> str:
        """Groups of properties."""
        return self._path("groups", object_type)

    def pipelines(self, object_type: str) -> str:
        """Pipelines with their stages."""
        return self._path("pipelines", object_type)

    def limits(self, what: str) -> str:
        """How much of a limit of the account is used."""
        return self._path("limits", what)

    @property
    def owners(self) -> str:
        """Owners."""
        return self._path("owners")

    @property
    def schemas(self) -> str:
        """Custom objects."""
        return self._path("schemas")

    def schema_associations(self, object_type: str) -> str:
        """What records of a custom object may hang on."""
        return self._path("schema_associations", object_type)

    @property
    def account(self) -> str:
        """Which account this is."""
        return self._path("account")

    def _path(self, name: str, *parts: str) -> str:
        for part in parts:
            if not _PART.fullmatch(part):
                raise BrokenInvariant(f"{part!r} was about to become part of an address.")
        legacy, dated = _TABLE[name]
        form = legacy if self.version == LEGACY else dated
        return form.format(v=self.version, **dict(zip("abc", parts, strict=False)))
