"""`explain` in this process, from its words to its answer; Python and its libraries are loaded."""

from __future__ import annotations

import contextlib
import io
import time

from crm_health.cli import boundary, cli
from tests.bench.product import given, tell

_TURNS = 5


def main() -> None:
    """The least seconds of a few turns, as text and as JSON."""
    account, taken = given()["account"], {}
    for name, more in (("text", ()), ("json", ("--json",))):
        turns = []
        for _ in range(_TURNS):
            out = io.StringIO()
            begun = time.perf_counter()
            with contextlib.redirect_stdout(out):
                code = boundary.run(cli, ["explain", account, *more])
            turns.append(time.perf_counter() - begun)
            if code or account not in out.getvalue():
                raise RuntimeError(f"explain ended with {code}")
        taken[name] = min(turns)
    tell(taken)


if __name__ == "__main__":
    main()
