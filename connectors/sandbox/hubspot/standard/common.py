"""Properties that every object type has."""

from __future__ import annotations

from connectors.sandbox.hubspot.definitions import Property
from connectors.sandbox.hubspot.standard.table import read

_TEXT = """
hs_object_id number cr "Record ID"
hs_createdate datetime r "Object create date/time"
hs_lastmodifieddate datetime r "Object last modified date/time"
hs_created_by_user_id number rh "Created by user ID"
hs_updated_by_user_id number rh "Updated by user ID"
hs_merged_object_ids enumeration/checkbox rh "Merged object IDs"
hs_unique_creation_key string rh "Unique creation key"
hs_object_source string r "Record source"
hs_object_source_id string rh "Record source ID"
hs_object_source_label string rh "Record source label"
hs_user_ids_of_all_owners enumeration/checkbox rh "User IDs of all owners"
hs_all_accessible_team_ids enumeration/checkbox rxh "All accessible team IDs"
"""
_OWNED = """
hubspot_owner_id enumeration o "Owner"
hubspot_owner_assigneddate datetime r "Owner assigned date"
hs_all_owner_ids enumeration rxh "All owner ids"
"""


def common(group: str) -> list[Property]:
    """The properties of a new object type, a custom one too."""
    return [*read(group, _TEXT), *read(group, _OWNED)]
