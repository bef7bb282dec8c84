"""`crm-health` in processes that start at once: forked from one that has imported everything.

A sweep of kills would otherwise spend two thirds of its time in Python's imports. Each is a
process of its own with the real command line in it; only its first second is missing.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import orjson


class Forks:
    """The process that forks. One at a time speaks with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.ask({"do": "ready"}) == "ready"

    def ask(self, what: Mapping[str, Any]) -> Any:
        """Send one line, and read the answer to it."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(orjson.dumps(what) + b"\n")
        self._server.stdin.flush()
        return orjson.loads(self._server.stdout.readline())

    def start(self, words: Sequence[str], environment: Mapping[str, str]) -> Fork:
        """Start a command."""
        said = self._folder / f"said-{os.urandom(6).hex()}"
        return Fork(
            self,
            self.ask({"do": "start", "words": words, "env": environment, "said": str(said)}),
            said,
        )

    def close(self) -> None:
        """End the process that forks."""
        self._server.kill()
        self._server.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Fork:
    """One command; the part of `subprocess.Popen` that the tests need."""

    def __init__(self, forks: Forks, pid: int, said: Path) -> None:
        self._forks, self.pid, self._said = forks, pid, said
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        if self.returncode is None:
            self.returncode = self._forks.ask({"do": "poll", "pid": self.pid})
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """`kill -9`."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for its end; what it said on stdout and stderr."""
        if self.returncode is None:
            self.returncode = self._forks.ask({"do": "wait", "pid": self.pid, "timeout": timeout})
        if self.returncode is None:
            raise subprocess.TimeoutExpired("crm-health", timeout)
        return self._text("out"), self._text("err")

    def _text(self, stream: str) -> str:
        path = self._said.with_suffix(f".{stream}")
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _child(words: list[str], environment: dict[str, str], said: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, stream in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{said}.{stream}", os.O_WRONLY | os.O_CREAT, 0o600), number)
    # Imported before the fork; here only named.
    from crm_health.cli import main  # noqa: PLC0415

    main(words)


def _code(pid: int, flags: int) -> int | None:
    found, status = os.waitpid(pid, flags)
    return os.waitstatus_to_exitcode(status) if found else None


def _wait(pid: int, timeout: float) -> int | None:
    def late(*_: Any) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, timeout)
    with contextlib.suppress(TimeoutError):
        return _code(pid, 0)
    return None


def _serve() -> None:
    # Only imported: forked from a process whose Polars has threads, a child would hang.
    for name in ("crm_health.cli.sync", "connectors.salesforce", "connectors.hubspot"):
        importlib.import_module(name)

    for line in sys.stdin.buffer:
        asked = orjson.loads(line)
        answer: Any = "ready"
        if asked["do"] == "start":
            answer = os.fork()
            if not answer:
                try:
                    _child(asked["words"], asked["env"], asked["said"])
                except SystemExit as end:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    os._exit(int(end.code or 0))
                finally:
                    os._exit(99)
        elif asked["do"] == "poll":
            answer = _code(asked["pid"], os.WNOHANG)
        elif asked["do"] == "wait":
            answer = _wait(asked["pid"], asked["timeout"])
            signal.setitimer(signal.ITIMER_REAL, 0)
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
