"""Reading a journal beside the bus that writes it, or without one: connections that change nothing."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import asyncpg
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.sql import ClauseElement

from engine.journal import reads
from engine.journal.errors import Damaged, DatabaseDown, JournalError, WrongKey
from engine.journal.keys import KeyFolder, KeyRing, KeySource
from engine.journal.migrate import must_be_current
from engine.journal.place import is_postgres, key_folder, sqlite_path
from engine.journal.sqlite_errors import in_our_words

_ASYNCPG = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped

_SQLITE = sqlite.dialect()


class Reader(Protocol):
    """Rows of a statement: of SQLAlchemy Core, or text with values $1, $2 …"""

    async def fetch(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]: ...

    async def select(self, statement: ClauseElement) -> Sequence[Sequence[Any]]: ...

    async def damage(self) -> list[str]:
        """What is wrong with the file itself, in the database's words; none for a server, which looks after its own."""
        ...

    async def close(self) -> None: ...


class SqliteReader:
    """Reads the file in a thread of the loop's pool: a long search holds up nobody."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise JournalError(f"there is no journal at {path.name}")
        with in_our_words():
            self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, check_same_thread=False)
            self._connection.execute("pragma query_only = on")

    async def fetch(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        named = {str(place): value for place, value in enumerate(values, start=1)}
        return await asyncio.to_thread(self._all, statement, named)

    async def select(self, statement: ClauseElement) -> Sequence[Sequence[Any]]:
        compiled = statement.compile(dialect=_SQLITE, compile_kwargs={"render_postcompile": True})
        values = [compiled.params[name] for name in compiled.positiontup or ()]  # type: ignore[attr-defined]
        return await asyncio.to_thread(self._all, str(compiled), values)

    async def damage(self) -> list[str]:
        try:
            rows = await self.fetch("pragma integrity_check(10)")
        except Damaged as damaged:
            return [str(damaged)]
        return [line for row in rows for line in str(row[0]).splitlines() if line != "ok"]

    async def close(self) -> None:
        self._connection.close()

    def _all(self, statement: str, values: Any) -> list[Any]:
        with in_our_words():
            return self._connection.execute(statement, values).fetchall()


class PostgresReader:
    """Reads in sessions that the server itself keeps from writing."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = await self._connection.fetch(statement, *values)
        return rows

    async def select(self, statement: ClauseElement) -> Sequence[Sequence[Any]]:
        compiled = statement.compile(dialect=_ASYNCPG, compile_kwargs={"render_postcompile": True})
        values = [compiled.params[name] for name in compiled.positiontup or ()]  # type: ignore[attr-defined]
        return await self.fetch(str(compiled), *values)

    async def damage(self) -> list[str]:
        return []

    async def close(self) -> None:
        await self._connection.close()


class KeyRows:
    """The table of day keys, for reading: a reader asks for keys that are there and never makes one."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def read(self, day: int) -> bytes | None:
        rows = await self._reader.fetch("select wrapped from day_keys where day = $1", day)
        return bytes(rows[0][0]) if rows else None

    async def days(self) -> list[int]:
        return [row[0] for row in await self._reader.fetch("select day from day_keys order by day")]


async def open_reader(url: str, ring: KeyRing, keys: str | None, *, former: bool = False) -> tuple[Reader, KeySource]:
    """A reader of the journal at `url`, and where its day keys lie. `former`: its tables may be a former program's.
    Raises WrongKey, DatabaseDown, Newer, Older, Damaged where not even that can be read.
    """
    reader: Reader
    if is_postgres(url):
        settings = {"default_transaction_read_only": "on"}
        try:
            reader = PostgresReader(await asyncpg.connect(url, server_settings=settings))
        except OSError as error:
            raise DatabaseDown(type(error).__name__) from None
    else:
        reader = SqliteReader(sqlite_path(url))
    try:
        await _must_be_ours(reader, ring, former)
    except JournalError:
        await reader.close()
        raise
    folder = key_folder(url, keys)
    return reader, KeyRows(reader) if folder is None else KeyFolder(folder)


async def _must_be_ours(reader: Reader, ring: KeyRing, former: bool) -> None:
    """Raises WrongKey, Newer, Older."""
    facts = {name: rows[0][0] for name in ("check", "schema") if (rows := await reader.fetch(reads.FACT, name))}
    if facts.get("check", ring.check) != ring.check:
        raise WrongKey("the master secret is not the one this journal was made with")
    if not former:
        must_be_current(int(facts.get("schema", 0)))
