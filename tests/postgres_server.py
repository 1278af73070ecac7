"""A PostgreSQL server of the tests' own, from Debian's packages, with fsync on: started once a session.

A conftest takes the fixture with `from tests.postgres_server import postgres`. Without the
server's programs the tests skip and say so; in CI they fail.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

_BIN = Path(os.environ.get("HISBUS_POSTGRES_BIN", "/usr/lib/postgresql/15/bin"))
_numbers = count()


class Server:
    """A private server on a socket in its own folder; no port is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data = folder / "data"
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # initdb refuses root
        if self._as:
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-D", str(self._data), "-U", "bus", "-A", "trust", "-E", "UTF8", "--locale=C")
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write(
                f"listen_addresses = ''\nunix_socket_directories = '{folder}'\nfsync = on\n"
                "shared_buffers = 32MB\nmax_connections = 60\nlogging_collector = off\n"
            )
        self.start()

    def start(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", str(self.folder / "log"), "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")

    def url(self, schema: str | None = None) -> str:
        """The address of its database; with `schema`, of that schema alone."""
        name = "" if schema is None else f"&search_path={schema}"
        return f"postgresql://bus@/postgres?host={self.folder}{name}"

    def fresh(self) -> str:
        """The address of a new, empty schema."""
        schema = f"t{next(_numbers)}"
        self._run("psql", "-q", "-h", str(self.folder), "-U", "bus", "postgres", "-c", f"create schema {schema}")
        return self.url(schema)

    def _run(self, program: str, *words: str) -> None:
        command = [*self._as, str(_BIN / program), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, timeout=60)
        assert done.returncode == 0, f"{program} failed: {done.stderr or done.stdout}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The session's server."""
    if not (_BIN / "initdb").exists():
        reason = f"PostgreSQL's programs are not in {_BIN}: install postgresql-15 or set HISBUS_POSTGRES_BIN"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with running_server() as server:
        yield server


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """A server in a folder of its own, stopped and gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="hisbus-pg-"))  # pytest's own folders are closed to the server's user
    try:
        server = Server(folder)
        yield server
        with contextlib.suppress(AssertionError):  # a test may have stopped it
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
