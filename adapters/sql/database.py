"""One database: its pool of kept connections, its tables at the first connection, and the limit of a call."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from adapters.sql.dialects import dialect
from adapters.sql.options import ProfileOptions
from adapters.sql.statements import parted
from engine.contract import Link, Unavailable

_DRIVERS = {"mssql": "mssql+pymssql"}  # where SQLAlchemy's own choice is another


class Database:
    """Connections to `link.url`, at most `limits.at_once`; each is tried before it is used again."""

    def __init__(self, link: Link) -> None:
        try:
            url = make_url(link.url or "")
        except ArgumentError:
            raise ValueError("a database needs a url like postgresql://host/database") from None
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        if link.login is not None:
            url = url.set(username=link.login.user, password=link.login.password)
        self.dialect = dialect(url.get_backend_name())
        limits = link.limits
        self.engine: Engine = create_engine(
            url,
            connect_args=self.dialect.arguments(limits),
            pool_size=limits.at_once,
            max_overflow=0,
            pool_timeout=limits.connect,
            pool_recycle=int(limits.idle),
            pool_pre_ping=True,
            hide_parameters=True,
            **({"isolation_level": self.dialect.isolation} if self.dialect.isolation else {}),
        )
        self.dialect.prepare(self.engine)
        self._schema = _schema(link)
        self._making = threading.Lock()

    @contextmanager
    def connected(self, *, reading: bool) -> Iterator[Connection]:
        """A connection from the pool. Raises Unavailable: nothing has been asked of the database yet."""
        try:
            connection = self.engine.connect()
        except (SQLAlchemyError, OSError):
            connection = None
        if connection is None:
            raise Unavailable("connect_failed")
        with connection:
            self._make_tables(connection)
            yield connection.execution_options(reading=reading)

    @contextmanager
    def limited(self, connection: Connection, timeout: float) -> Iterator["Fuse"]:
        """Breaks the connection off when the block takes longer than `timeout` seconds."""
        fuse = Fuse(self.dialect.cut, connection.connection.driver_connection)
        timer = threading.Timer(timeout, fuse.blow)
        timer.daemon = True
        timer.start()
        try:
            yield fuse
        finally:
            timer.cancel()
            fuse.end()

    def close(self) -> None:
        self.engine.dispose()

    def _make_tables(self, connection: Connection) -> None:
        with self._making:
            if not self._schema:
                return
            try:
                with connection.begin():
                    for statement in self._schema:
                        connection.exec_driver_sql(statement)
                made = True
            except SQLAlchemyError:
                made = False
            if not made:
                raise Unavailable("schema_failed")
            self._schema = []


class Fuse:
    """Breaks one call off, at most once and never after its end: the connection is another's then."""

    def __init__(self, cut: Any, raw: Any) -> None:
        self.blown = False
        self._cut = cut
        self._raw = raw
        self._lock = threading.Lock()
        self._over = False

    def blow(self) -> None:
        with self._lock:
            if not self._over:
                self.blown = True
                self._cut(self._raw)

    def end(self) -> None:
        with self._lock:
            self._over = True


def _schema(link: Link) -> list[str]:
    """The statements that make the tables; none where the configuration does not ask for them."""
    name = link.options.schema_file if isinstance(link.options, ProfileOptions) else None
    if not link.create or name is None:
        return []
    return parted((Path(link.folder) / name).read_text(encoding="utf-8"))
