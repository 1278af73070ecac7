"""Brings a journal that a former program left to today's schema. A bus does not do it by itself: from then on the
former program cannot go on with it, and the way back is the backup that a person has just named.
"""

import asyncio
from pathlib import Path

import asyncpg

from engine.journal import postgres_store, sqlite_store
from engine.journal.backup import Told, back_up
from engine.journal.errors import JournalError, Locked
from engine.journal.lock import FileLock
from engine.journal.migrate import STEPS, must_be_known
from engine.journal.place import is_postgres, sqlite_path
from engine.journal.postgres import NAME

_NODES = "select node from nodes order by node"


async def upgrade(url: str, target: Path, told: Told) -> int:
    """Backs the journal up to `target`, then runs every step that it lacks, each in a transaction. Returns the number
    that it had; where that is today's, nothing was done.

    Raises Locked while a bus runs on it, Newer, JournalError where there is none.
    """
    return await (_upgrade_shared if is_postgres(url) else _upgrade_file)(url, target, told)


async def _upgrade_file(url: str, target: Path, told: Told) -> int:
    path = sqlite_path(url)
    if not path.exists():
        raise JournalError(f"there is no journal at {path.name}")
    lock, connection = FileLock(path.with_name(path.name + ".lock")), sqlite_store.connect(path)
    try:
        number = _number(sqlite_store.schema(connection))
        if number < len(STEPS):
            await back_up(url, target, told)
            await asyncio.to_thread(sqlite_store.migrate, connection)
    finally:
        connection.close()
        lock.release()
    return number


async def _upgrade_shared(url: str, target: Path, told: Told) -> int:
    connection = await asyncpg.connect(url)
    try:
        number = _number(await postgres_store.schema(connection))
        await _hold_names(connection)
        if number < len(STEPS):
            await back_up(url, target, told)
            await postgres_store.migrate(connection)
    finally:
        await connection.close()
    return number


def _number(number: int) -> int:
    must_be_known(number)
    if not number:
        raise JournalError("there is no journal yet: hisbus journal init makes one")
    return number


async def _hold_names(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Takes the name of every node, so that none runs and none starts; they are free again with the connection."""
    for (node,) in await connection.fetch(_NODES):
        if not await connection.fetchval(NAME, node):
            raise Locked(f"a bus named {node} is running on this journal: stop it first")
