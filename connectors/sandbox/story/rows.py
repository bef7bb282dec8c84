"""The growing set of records: numbers their ids and stamps them as the CRM would."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.sandbox.ids import sf_id

#: Key prefixes of the ids given here. Those of custom objects are ours, each CRM hands out its own.
PREFIXES: dict[str, str] = {
    "User": "005",
    "Account": "001",
    "Contact": "003",
    "Case": "500",
    "Opportunity": "006",
    "OpportunityContactRole": "00K",
    "Task": "00T",
    "Event": "00U",
    "Asset": "02i",
    "Health_Usage__c": "a0U",
    "Health_Survey__c": "a0S",
}


class Rows:
    """Records by object name, in the order they were added; ids count up from 1 per object."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.records: dict[str, list[dict[str, Any]]] = {name: [] for name in PREFIXES}

    def add(
        self,
        object_name: str,
        created: datetime,
        modified: datetime | None = None,
        /,
        **fields: Any,
    ) -> str:
        """Add one record with its Id and the three system stamps, and return its id.

        Args:
            object_name: One of `PREFIXES`.
            created: When the record was made.
            modified: When it was last saved, if later than `created`.
            fields: The other fields by their names in the CRM.
        """
        rows = self.records[object_name]
        record_id = sf_id(PREFIXES[object_name], len(rows) + 1)
        # Stamps are of whole seconds, as the CRM's are, and none lies ahead.
        created = min(created, self._now).replace(microsecond=0)
        saved = max(created, min(modified or created, self._now).replace(microsecond=0))
        rows.append(
            {
                "Id": record_id,
                **fields,
                "CreatedDate": created,
                "LastModifiedDate": saved,
                "SystemModstamp": saved,
            }
        )
        return record_id
