"""Who is told."""

from __future__ import annotations

import polars as pl
import pytest

from crm_health.programmes.people import owners

TEXTS = {"csm_id": pl.String, "owner_id": pl.String}
USERS = pl.DataFrame(
    {
        "id": ["csm", "owner", "boss", "gone", "gone_too", "odd"],
        "is_active": [True, True, True, False, False, None],
        "manager_id": ["boss", "boss", None, "boss", "gone", "boss"],
    }
)


def told(csm: str | None, owner: str | None, fallback: str | None = None) -> str | None:
    frame = pl.DataFrame({"csm_id": [csm], "owner_id": [owner]}, schema=TEXTS)
    found = owners(frame, USERS, fallback)[0]
    assert found is None or isinstance(found, str)
    return found


@pytest.mark.parametrize(
    ("csm", "owner", "expected"),
    [
        ("csm", "owner", "csm"),
        (None, "owner", "owner"),
        ("gone", "owner", "owner"),
        ("gone", "gone_too", "boss"),  # the CSM's manager
        (None, "gone", "boss"),
        ("gone_too", "gone", "boss"),  # the CSM's manager is gone, the owner's is not
        ("gone_too", None, None),
        ("odd", None, "boss"),  # not known to be active is not active
        ("nobody", None, None),
        (None, None, None),
    ],
)
def test_the_nearest_active_person_is_told(
    csm: str | None, owner: str | None, expected: str | None
) -> None:
    """The CSM, the owner, a manager; never an inactive user."""
    assert told(csm, owner) == expected
    assert told(csm, owner, "named") == (expected or "named")


def test_without_users_ids_are_taken_as_they_are() -> None:
    """Who may not read users can't tell who is active."""
    frame = pl.DataFrame({"csm_id": ["x", None, None], "owner_id": ["y", "y", None]}, schema=TEXTS)
    assert owners(frame, None, "named").to_list() == ["x", "y", "named"]
    assert owners(frame, None, None).to_list() == ["x", "y", None]


def test_accounts_keep_their_order() -> None:
    """One owner an account, in the accounts' order, also when several share a manager."""
    frame = pl.DataFrame(
        {"csm_id": ["gone", None, "csm", "gone"], "owner_id": [None, "owner", None, "owner"]}
    )
    assert owners(frame, USERS, None).to_list() == ["boss", "owner", "csm", "owner"]
    assert owners(frame.head(0), USERS, None).len() == 0
