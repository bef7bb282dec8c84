"""Ingest jobs that were made although nobody heard so: the answer to their making was lost.

They are open, hold nothing, and would die after a day. The service has no name or label for a
job, so one counts as ours when our user made it, in the minutes in which we asked, for the same
object and in the same way, and nothing was done with it since.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from connectors.salesforce.bulk_jobs import JobKind, State
from connectors.salesforce.bulk_notes import Note
from connectors.salesforce.client import Client
from connectors.salesforce.errors import not_json
from connectors.salesforce.soql import is_id

#: How long after asking a job can still come into being: all repeats of one call, and some.
WINDOW = timedelta(minutes=10)
#: Pages of the list of jobs that are looked at, the newest jobs among them.
PAGES = 10


def orphans(client: Client, note: Note, known: str = "") -> Iterator[str]:
    """Ids of open jobs that the call behind a note made unheard.

    Args:
        client: of the org.
        note: what was asked for, and when.
        known: the job that was heard of.
    """
    since = _instant(note.since)
    if since is None:
        return
    told = client.get("/services/oauth2/userinfo").json()
    user = told.get("user_id") if isinstance(told, dict) else None
    for job in _listed(client):
        made = _instant(str(job.get("createdDate")))
        if (
            is_id(str(job.get("id")))
            and job.get("id") != known
            and job.get("state") == State.OPEN
            and job.get("object") == note.object
            and job.get("operation") == note.operation
            and user
            and str(job.get("createdById"))[:15] == str(user)[:15]
            and made is not None
            and since <= made <= since + WINDOW
        ):
            yield str(job["id"])


def _listed(client: Client) -> Iterator[dict[str, Any]]:
    root = f"{client.data}/jobs/{JobKind.INGEST.value}"
    path = root
    for _ in range(PAGES):
        parsed = client.get(path).json()
        if not isinstance(parsed, dict):
            raise not_json("the list of jobs")
        yield from (job for job in parsed.get("records") or [] if isinstance(job, dict))
        path = str(parsed.get("nextRecordsUrl") or "")
        if parsed.get("done") is not False or not path.startswith(root):
            return


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
