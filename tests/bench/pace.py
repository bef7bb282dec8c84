"""Reading as fast as the account allows: so many calls of one process, in real time."""

from __future__ import annotations

from crm_health.connector import Request
from tests.bench.product import given, product, tell


def main() -> None:
    """Read one object by list, again and again, until that many calls were made."""
    asked = given()
    with product() as made:
        stream = next(s for s in made.setting.reads.streams if s.object == asked["object"])

        def done() -> bool:
            return made.connector.usage().calls >= asked["calls"]

        rows = 0
        while not done():
            for page in made.connector.changes([Request(stream, None)]):
                rows += page.rows.height
                if done():
                    break
        calls = made.connector.usage().calls
    tell({"calls": calls, "rows": rows})


if __name__ == "__main__":
    main()
