"""What differs between databases: limits on connecting and reading, how a running call is broken off from
another thread, what values they take, and what their errors prove.
"""

import math
import socket
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from engine.contract import Limits


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of database. `answered` tells a database that said no from a connection that broke."""

    arguments: Callable[[Limits], dict[str, Any]] = lambda _limits: {}
    """Driver's own arguments for connecting, with its limits."""
    prepare: Callable[[Engine, Limits], None] = lambda _engine, _limits: None
    """What each new connection needs."""
    cut: Callable[[Any], None] = lambda _raw: None
    """Breaks off what a driver's connection is doing; called from another thread."""
    bind: Callable[[Any], Any] = lambda value: value
    busy: Callable[[Any], bool] = lambda _error: False
    """A driver's error that says: not now (locked, deadlock, no room)."""
    answered: Callable[[DBAPIError], bool] = lambda error: not error.connection_invalidated
    mistaken: Callable[[Any], bool] = lambda _error: False
    """An operational error of the driver that really means a wrong statement."""
    isolation: str | None = None
    text_by_code: bool = False
    """Whether text is ordered by the codes of its characters, and not by a language's rules."""


def _seconds(limit: float) -> int:
    return max(1, math.ceil(limit))


# --- SQLite --------------------------------------------------------------------------------------


def _sqlite_prepare(engine: Engine, _limits: Limits) -> None:
    """Takes `begin` away from the driver, which would leave it out before reads and table definitions."""

    @event.listens_for(engine, "connect")
    def plain(raw: Any, _record: Any) -> None:
        raw.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A change takes the write lock at once: taken later, it can fail when two readers want it.
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("begin" if reading else "begin immediate")


def _sqlite_bind(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def _sqlite_code(error: Any) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


SQLITE = Dialect(
    arguments=lambda limits: {"timeout": limits.connect, "check_same_thread": False},
    prepare=_sqlite_prepare,
    cut=lambda raw: raw.interrupt(),
    bind=_sqlite_bind,
    busy=lambda error: _sqlite_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
    answered=lambda error: _sqlite_code(error.orig) not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_INTERRUPT),
    mistaken=lambda error: _sqlite_code(error) == sqlite3.SQLITE_ERROR,
    text_by_code=True,
)


# --- PostgreSQL ----------------------------------------------------------------------------------

_SERVER_GOES = ("08", "57P")  # connection exceptions; shutdown, crash, no connection now
_CANCELLED = "57014"
_NOT_NOW = ("40", "53", "55P03")  # rollback, resources, lock


def _state(error: Any) -> str:
    return getattr(error, "sqlstate", None) or ""


def _postgresql_prepare(engine: Engine, limits: Limits) -> None:
    """Lets the server end what its caller has given up: broken off, it would keep its locks until it is done."""

    @event.listens_for(engine, "connect")
    def limit(raw: Any, _record: Any) -> None:
        with raw.cursor() as cursor:
            cursor.execute(f"set statement_timeout = {int(limits.total * 1000)}")
        raw.commit()


def _shut(raw: Any) -> None:
    """Ends a libpq connection under the thread that waits for it: the wait fails at once."""
    with suppress(OSError, ValueError):
        line = socket.fromfd(raw.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        with line:
            line.shutdown(socket.SHUT_RDWR)


POSTGRESQL = Dialect(
    arguments=lambda limits: {"connect_timeout": _seconds(limits.connect)},
    prepare=_postgresql_prepare,
    cut=_shut,
    busy=lambda error: _state(error).startswith(_NOT_NOW),
    answered=lambda error: bool(_state(error.orig)) and not _state(error.orig).startswith((*_SERVER_GOES, _CANCELLED)),
)


# --- others: by their drivers' own limits --------------------------------------------------------


MSSQL = Dialect(
    arguments=lambda limits: {"login_timeout": _seconds(limits.connect), "timeout": _seconds(limits.total)},
    busy=lambda error: bool(error.args) and error.args[0] in (1205, 1222),  # deadlock victim, lock timeout
    isolation="READ COMMITTED",
)
ORACLE = Dialect(
    arguments=lambda limits: {"tcp_connect_timeout": limits.connect},
    cut=lambda raw: raw.cancel(),
    busy=lambda error: getattr(error.args[0], "code", 0) in (54, 60, 8177) if error.args else False,
)
MYSQL = Dialect(
    arguments=lambda limits: {
        "connect_timeout": _seconds(limits.connect),
        "read_timeout": _seconds(limits.total),
        "write_timeout": _seconds(limits.total),
    },
    busy=lambda error: bool(error.args) and error.args[0] in (1205, 1213),  # lock timeout, deadlock
    isolation="READ COMMITTED",
)

_DIALECTS = {
    "sqlite": SQLITE,
    "postgresql": POSTGRESQL,
    "mssql": MSSQL,
    "oracle": ORACLE,
    "mysql": MYSQL,
    "mariadb": MYSQL,
}


def dialect(name: str) -> Dialect:
    """The dialect by SQLAlchemy's name; an unknown one (达梦, 人大金仓 bring their own driver) gets no extras."""
    return _DIALECTS.get(name, Dialect())
