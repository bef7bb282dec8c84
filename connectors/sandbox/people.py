"""The users that every sandbox org has, and the two clients that log in as them."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.sandbox.ids import sf_id

ORG_ID = sf_id("00D", 1)
# Far from the small numbers that loaded data uses.
ADMIN = sf_id("005", 99_000_001)
SYNC = sf_id("005", 99_000_002)
PERSON = sf_id("005", 99_000_003)


@dataclass(frozen=True)
class Client:
    """An OAuth client. The secrets are public and open nothing but this sandbox."""

    client_id: str
    client_secret: str
    user_id: str


CLIENTS = (
    Client("sandbox-admin", "sandbox-admin", ADMIN),
    Client("sandbox-sync", "sandbox-sync", SYNC),
)
USERS: tuple[dict[str, object], ...] = (
    {
        "Id": ADMIN,
        "Username": "admin@sandbox.example",
        "Email": "admin@sandbox.example",
        "FirstName": "Sandbox",
        "LastName": "Admin",
        "Alias": "admin",
    },
    {
        "Id": SYNC,
        "Username": "sync@sandbox.example",
        "Email": "sync@sandbox.example",
        "FirstName": "Health",
        "LastName": "Sync",
        "Alias": "sync",
    },
    {
        "Id": PERSON,
        "Username": "pat@sandbox.example",
        "Email": "pat@sandbox.example",
        "FirstName": "Pat",
        "LastName": "Person",
        "Alias": "pat",
    },
)
