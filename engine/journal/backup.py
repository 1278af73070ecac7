"""Copies of a journal, taken while a bus runs on it, and their way back. Day keys are copied apart (decision 25).

SQLite: one file, whole as of one commit. PostgreSQL: a folder with a file for each table, whole as of one
snapshot, in the server's own binary form; it goes back into an empty database of any server. A backup of a former
program comes back too, and is brought to today's schema.

What is restored is as old as its backup: what was open in it may have been done since by the life that was lost. The
journal keeps the instant of the restore, and delivery holds everything from before it as in doubt.
"""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from engine.base.clock import Clock
from engine.journal import tables
from engine.journal.errors import JournalError
from engine.journal.keys import KeyFolder, KeyRing
from engine.journal.migrate import must_be_known
from engine.journal.place import is_postgres, key_folder, sqlite_path
from engine.journal.postgres_store import migrate, schema
from engine.journal.reader import open_reader
from engine.journal.restored import FORGET, REMEMBER
from engine.journal.sqlite_store import connect
from engine.journal.sqlite_store import migrate as migrate_file

Told = Callable[[str], None]
"""Told the name of each table that is done."""

_SCHEMA, _COLUMNS = "schema", "columns.json"

# As PostgreSQL has them, in the order in which they came.
_PRESENT = """
select table_name, array_agg(column_name::text order by ordinal_position) from information_schema.columns
where table_schema = current_schema() group by table_name
"""

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


async def restore(url: str, source: Path, clock: Clock, told: Told) -> None:
    """Puts a backup back, into a place where no journal is yet. Raises JournalError."""
    now = str(clock.now())
    if is_postgres(url):
        await _copy_in(url, source, now, told)
    else:
        await asyncio.to_thread(_put_file, source, sqlite_path(url), now)
        told("journal")


async def back_up_keys(url: str, ring: KeyRing, keys: str | None, target: Path) -> int:
    """Copies the day keys, wrapped as they are, into a folder of their own. Returns how many were new there."""
    reader, source = await open_reader(url, ring, keys, former=True)
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


def _put_file(source: Path, target: Path, now: str) -> None:
    """In its place only once it says that it was restored: a bus that finds it must not take it for the lost one."""
    for beside in ("", "-wal", "-journal"):  # the database would play what a killed bus left there into the new file
        _must_be_new(target.with_name(target.name + beside))
    made = target.with_name(target.name + ".restoring")
    made.unlink(missing_ok=True)
    _copy_file(source, made)
    connection = connect(made)
    try:
        migrate_file(connection)
        connection.execute("begin immediate")
        connection.execute(FORGET)
        connection.execute(REMEMBER, {"1": now})
        connection.execute("commit")
    finally:
        connection.close()
    made.rename(target)


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
            number, present = await schema(connection), await _present(connection)
            for table, columns in present.items():
                await connection.copy_from_table(table, columns=columns, output=part / f"{table}.copy", format="binary")
                told(table)
    finally:
        await connection.close()
    (part / _COLUMNS).write_text(json.dumps(present), encoding="utf-8")
    (part / _SCHEMA).write_text(str(number), encoding="utf-8")
    part.rename(target)


async def _present(connection: Any) -> dict[str, list[str]]:
    """The journal's tables as they are there, with their columns. Day keys go apart, with `back_up_keys`."""
    there = dict(await connection.fetch(_PRESENT))
    ours = (table.name for table in tables.metadata.sorted_tables if table.name != tables.day_keys.name)
    return {name: there[name] for name in ours if name in there}


async def _copy_in(url: str, source: Path, now: str, told: Told) -> None:
    """Into tables as the backup's program had them, which are then brought to today's."""
    number = int((source / _SCHEMA).read_text(encoding="utf-8"))
    must_be_known(number)
    connection = await asyncpg.connect(url)
    try:
        there = await schema(connection)
        if there not in {0, number} or (there and await connection.fetchval("select exists (select 1 from messages)")):
            raise JournalError("there is a journal already: restore into an empty database")
        await migrate(connection, number)
        said = source / _COLUMNS
        present = json.loads(said.read_text(encoding="utf-8")) if said.exists() else await _present(connection)
        async with connection.transaction():
            for table, columns in present.items():
                await connection.execute(f"delete from {table}")
                await connection.copy_to_table(table, columns=columns, source=source / f"{table}.copy", format="binary")
                told(table)
            await connection.execute(_COUNT_ON)
            await connection.execute(FORGET)
            await connection.execute(REMEMBER, now)
        await migrate(connection)
    finally:
        await connection.close()
