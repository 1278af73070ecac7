"""The database by its URL: SQLite, PostgreSQL or MariaDB. Columns are what the database itself says they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError, ProgrammingError, SQLAlchemyError

_DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql", "mysql": "mysql+pymysql"}
_SCHEMA = Path(__file__).parent / "schema.sql"
Row = dict[str, Any]


class Database:
    """Opened with its tables made. Raises ValueError for what is no URL, OSError where the database cannot be
    reached or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            chosen = make_url(url)
        except ArgumentError as error:
            raise ValueError("a warehouse has a URL, like sqlite:///var/warehouse.db") from error
        chosen = chosen.set(drivername=_DRIVERS.get(chosen.drivername, chosen.drivername))
        try:
            self._engine = create_engine(chosen, hide_parameters=True)
            self.is_file = self._engine.dialect.name == "sqlite"
            if self.is_file:
                event.listen(self._engine, "connect", _let_others_read)
            with self._engine.begin() as connection:
                for statement in _statements():
                    connection.exec_driver_sql(statement)
            looked = inspect(self._engine)
            self.columns = {name: [one["name"] for one in looked.get_columns(name)] for name in _tables()}
        except (SQLAlchemyError, ImportError) as error:
            raise OSError(f"the warehouse at {chosen.render_as_string()}: {type(error).__name__}") from error

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def together(self) -> Iterator[Connection]:
        """All or nothing. Raises ValueError where the database will not have a value."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except (DataError, IntegrityError, ProgrammingError) as error:
            raise ValueError(f"the database will not have it: {type(error.orig).__name__}") from error

    def insert(self, connection: Connection, table: str, rows: list[Row]) -> None:
        """Columns that a row does not name are NULL."""
        names = self.columns[table]
        statement = f"insert into {table} ({', '.join(names)}) values ({', '.join(f':{name}' for name in names)})"
        connection.execute(text(statement), [self._bound({name: row.get(name) for name in names}) for row in rows])

    def update(self, connection: Connection, table: str, where: Row, values: Row) -> int:
        """Gives how many rows it touched."""
        changes = ", ".join(f"{name} = :{name}" for name in values)
        chosen = " and ".join(f"{name} = :key_{name}" for name in where)
        keys = {f"key_{name}": value for name, value in where.items()}
        bound = self._bound(values) | self._bound(keys)
        return connection.execute(text(f"update {table} set {changes} where {chosen}"), bound).rowcount

    def all(self, statement: str, **values: Any) -> list[Row]:
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(statement), self._bound(values)).mappings()]

    def value(self, statement: str, **values: Any) -> Any:
        """The first column of the first row, or None."""
        with self._engine.connect() as connection:
            return connection.execute(text(statement), self._bound(values)).scalar()

    def _bound(self, row: Row) -> Row:
        """Values as the driver takes them: SQLite keeps moments as ISO 8601 text and knows no decimals."""
        if not self.is_file:
            return row
        return {name: _as_text(value) for name, value in row.items()}


def _as_text(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def moment(value: Any) -> datetime | None:
    """A moment as a driver gives it, text or not."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _let_others_read(raw: Any, _record: Any) -> None:
    """Whoever reads the file does not wait for who writes it."""
    raw.execute("pragma journal_mode = wal")
    raw.execute("pragma synchronous = normal")


def _statements() -> Iterable[str]:
    lines = [line.partition("--")[0] for line in _SCHEMA.read_text(encoding="utf-8").splitlines()]
    return [one for one in "\n".join(lines).split(";") if one.strip()]


def _tables() -> list[str]:
    return [one.split("(")[0].split()[-1] for one in _statements() if one.lstrip().startswith("create table")]
