"""Copies of a journal, taken while a bus runs on it, and their way back. Day keys are copied apart (decision 25).

SQLite: one file, whole as of one commit. PostgreSQL: a folder with a file for each table, whole as of one
snapshot, in the server's own binary form; it goes back into an empty database of any server.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import asyncpg

from engine.journal import reads, tables
from engine.journal.errors import JournalError
from engine.journal.keys import KeyFolder, KeyRing
from engine.journal.migrate import STEPS
from engine.journal.place import is_postgres, key_folder, sqlite_path
from engine.journal.postgres_store import migrate
from engine.journal.reader import open_reader

Told = Callable[[str], None]
"""Told the name of each table that is done."""

_SCHEMA = "schema"

# Numbers go on from where the copied rows end.
_COUNT_ON = """
select setval('message_seq', (select coalesce(max(seq), 0) + 1 from messages));
select setval(pg_get_serial_sequence('evidence', 'id'), (select coalesce(max(id), 0) + 1 from evidence));
select setval(pg_get_serial_sequence('reads', 'id'), (select coalesce(max(id), 0) + 1 from reads))
"""


async def back_up(url: str, target: Path, told: Told) -> None:
    """Copies the journal to `target`: a new file, or for PostgreSQL a new folder. Raises JournalError."""
    if is_postgres(url):
        _must_be_new(target)
        await _copy_out(url, target, told)
    else:
        await asyncio.to_thread(_copy_file, sqlite_path(url), target)
        told("journal")


async def restore(url: str, source: Path, told: Told) -> None:
    """Puts a backup back, into a place where no journal is yet. Raises JournalError."""
    if is_postgres(url):
        await _copy_in(url, source, told)
        return
    path = sqlite_path(url)
    for beside in ("-wal", "-journal"):  # the database would play what a killed bus left there into the new file
        _must_be_new(path.with_name(path.name + beside))
    await asyncio.to_thread(_copy_file, source, path)
    told("journal")


async def back_up_keys(url: str, ring: KeyRing, keys: str | None, target: Path) -> int:
    """Copies the day keys, wrapped as they are, into a folder of their own. Returns how many were new there."""
    reader, source = await open_reader(url, ring, keys)
    try:
        place, count = KeyFolder(target), 0
        there = set(await place.days())
        for day in await source.days():
            wrapped = await source.read(day)
            if day not in there and wrapped is not None:
                await place.add(day, wrapped)
                count += 1
    finally:
        await reader.close()
    return count


async def restore_keys(url: str, keys: str | None, source: Path) -> int:
    """Puts the wrapped day keys of a backup back, before a bus makes new ones. Returns how many there were."""
    backed, folder = KeyFolder(source), key_folder(url, keys)
    wrapped = {day: await backed.read(day) or b"" for day in await backed.days()}
    if folder is not None:
        place = KeyFolder(folder)
        for day, key in wrapped.items():
            await place.add(day, key)
        return len(wrapped)
    connection = await asyncpg.connect(url)
    try:
        await migrate(connection)
        await connection.executemany("insert into day_keys values ($1, $2) on conflict do nothing", wrapped.items())
    finally:
        await connection.close()
    return len(wrapped)


def _copy_file(source: Path, target: Path) -> None:
    """The database's own copying, in one reading transaction: writers go on meanwhile."""
    _must_be_new(target)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    reading, writing = sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True), sqlite3.connect(part)
    try:
        reading.backup(writing)
        if (found := writing.execute("pragma quick_check").fetchone()[0]) != "ok":
            raise JournalError(f"the copy is not sound: {found}")
    finally:
        reading.close()
        writing.close()
    part.chmod(0o600)
    part.rename(target)


def _must_be_new(target: Path) -> None:
    if target.exists():
        raise JournalError(f"{target.name} is there already, and nothing is replaced: move it away first")


async def _copy_out(url: str, target: Path, told: Told) -> None:
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            number = await connection.fetchval(reads.FACT, _SCHEMA)
            for table in tables.metadata.sorted_tables:
                if table.name == tables.day_keys.name:
                    continue  # apart, with `back_up_keys`
                columns = [column.name for column in table.columns]
                await connection.copy_from_table(
                    table.name, columns=columns, output=part / f"{table.name}.copy", format="binary"
                )
                told(table.name)
    finally:
        await connection.close()
    (part / _SCHEMA).write_text(str(number), encoding="utf-8")
    part.rename(target)


async def _copy_in(url: str, source: Path, told: Told) -> None:
    number = (source / _SCHEMA).read_text(encoding="utf-8")
    if number != str(len(STEPS)):
        raise JournalError(f"the backup has schema {number}: restore it with the program that made it")
    connection = await asyncpg.connect(url)
    try:
        await migrate(connection)
        if await connection.fetchval("select exists (select 1 from messages)"):
            raise JournalError("there is a journal already: restore into an empty database")
        async with connection.transaction():
            for table in tables.metadata.sorted_tables:
                file = source / f"{table.name}.copy"
                if file.exists():
                    await connection.execute(f"delete from {table.name}")
                    columns = [column.name for column in table.columns]
                    await connection.copy_to_table(table.name, columns=columns, source=file, format="binary")
                    told(table.name)
            await connection.execute(_COUNT_ON)
    finally:
        await connection.close()
