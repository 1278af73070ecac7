"""One database: its pool of kept connections, and its tables at the first of them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from adapters.sql.dialects import dialect
from adapters.sql.fuse import Fuse, Fuses
from adapters.sql.options import ProfileOptions
from adapters.sql.statements import parted
from engine.contract import Link, Unavailable

_DRIVERS = {"mssql": "mssql+pymssql", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
"""Where SQLAlchemy's own choice is another, or one that has to be compiled."""


class Database:
    """Connections to `link.url`, at most `limits.at_once`; each is asked before it is used again."""

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
            hide_parameters=True,
            **({"isolation_level": self.dialect.isolation} if self.dialect.isolation else {}),
        )
        self.dialect.prepare(self.engine, limits)
        self._errors: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        self._schema = _schema(link)
        self._making = threading.Lock()
        self._calls = threading.local()
        self._fuses = Fuses(self.dialect.cut)
        event.listen(self.engine, "connect", self._connected, insert=True)

    @contextmanager
    def session(self, limit: float, *, reading: bool) -> Iterator[tuple[Connection, Fuse]]:
        """A living connection for one call of at most `limit` seconds, and the fuse that says whether they are over.
        Raises Unavailable: nothing has been asked of the database yet.
        """
        with self._fuses.lit(limit) as fuse:
            self._calls.fuse = fuse
            try:
                connection = self._living(fuse)
            except (SQLAlchemyError, self._errors, OSError):
                connection = None
            if connection is None:
                raise Unavailable("timeout" if fuse.blown else "connect_failed")
            with connection:
                self._make_tables(connection)
                yield connection.execution_options(reading=reading), fuse

    def close(self) -> None:
        self._fuses.close()
        self.engine.dispose()

    def _connected(self, raw: Any, _record: Any) -> None:
        """Before SQLAlchemy asks a new connection its first questions, which have no limit of their own."""
        self._calls.fuse.hold(raw)

    def _living(self, fuse: Fuse) -> Connection:
        """A new connection, or a kept one that has just answered. SQLAlchemy's own `pool_pre_ping` asks without
        a limit: on a connection that a firewall has forgotten its thread would wait for ever.
        """
        while True:
            connection = self.engine.connect()
            if "kept" not in connection.info:
                connection.info["kept"] = True
                return connection
            fuse.hold(connection.connection.driver_connection)
            try:
                self.engine.dialect.do_ping(connection.connection.dbapi_connection)  # type: ignore[arg-type]  # open
                return connection
            except (self._errors, OSError):
                connection.invalidate()
                connection.close()
                if fuse.blown:
                    raise

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


def _schema(link: Link) -> list[str]:
    """The statements that make the tables; none where the configuration does not ask for them."""
    name = link.options.schema_file if isinstance(link.options, ProfileOptions) else None
    if not link.create or name is None:
        return []
    return parted((Path(link.folder) / name).read_text(encoding="utf-8"))
