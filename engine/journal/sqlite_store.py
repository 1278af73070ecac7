"""The journal's file on SQLite: its lock, its connections, its commits.

Write-ahead log with `synchronous=FULL`: a commit that returned survives a power loss. The commit runs
on the event loop or in one thread of its own, as the disk's flush decides (decision 18).
"""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from engine.base import log
from engine.base.clock import Clock
from engine.journal import sqlite as sql
from engine.journal.errors import JournalError, WrongKey
from engine.journal.lock import FileLock
from engine.journal.marks import Mark
from engine.journal.migrate import missing, must_be_current
from engine.journal.settings import Settings
from engine.journal.sqlite_batch import Batch
from engine.journal.sqlite_errors import in_our_words, understood
from engine.journal.store import Crash, crash_points

_log = log.get("journal")

_SLOW_FLUSH = 0.001  # seconds: above it a commit on the loop would hold up every connection
_LOOK_AGAIN = 1.0  # seconds between two looks at the free disk


class SqliteStore:
    """One writer of one file. Made by `open_sqlite`."""

    def __init__(self, path: Path, node: str, clock: Clock, settings: Settings, check: str) -> None:
        self.node = node
        self._path = path
        self._clock = clock
        self._settings = settings
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        try:
            self._write = connect(path)
            try:
                self._prepare(check)
            except BaseException:
                self._write.close()
                raise
        except BaseException:
            self._lock.release()
            raise
        self._read = connect(path)
        self._read.execute("pragma query_only = on")
        self._cursor = self._write.cursor()
        self._looked = -_LOOK_AGAIN
        self._low = False
        self._thread = ThreadPoolExecutor(1, "journal") if self._in_thread() else None

    @property
    def owner(self) -> str:
        """As it stands in `deliveries.owner`."""
        return f"{self.node}/{self._epoch}"

    async def commit(self, marks: Sequence[Mark], crash: Crash | None) -> list[Any]:
        if self._thread is None:
            return self._commit(marks, crash)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, marks, crash)

    async def fetch(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        named = {str(place): value for place, value in enumerate(values, start=1)}
        with in_our_words():
            return self._read.execute(statement, named).fetchall()

    async def nodes(self) -> int:
        return 1

    def low(self) -> bool:
        ticks = self._clock.monotonic()
        if ticks - self._looked >= _LOOK_AGAIN:
            self._looked, self._low = ticks, free_space(self._path.parent) < self._settings.reserve
        return self._low

    async def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown()
        try:
            self._write.execute(sql.RECOVER, (self._clock.now(),))
        except sqlite3.Error as error:  # the next start does it
            _log.warning("journal_left_unsaid", node=self.node, error=type(error).__name__)
        self._read.close()
        self._write.close()
        self._lock.release()

    def _prepare(self, check: str) -> None:
        """Makes the tables of a new file, takes up the node's name, and what a former life left behind."""
        must_be_current(schema(self._write))
        migrate(self._write)
        self._write.execute(sql.BEGIN)
        self._check(check)
        self._epoch = self._write.execute(sql.JOIN, (self.node, self._clock.now())).fetchone()[0]
        left = self._write.execute(sql.RECOVER, (self._clock.now(),)).rowcount
        self._ask_anew()
        self._seq = self._write.execute("select coalesce(max(seq), 0) from messages").fetchone()[0]
        self._write.execute("commit")
        _log.info("journal_opened", node=self.node, epoch=self._epoch, count=left)

    def _ask_anew(self) -> None:
        """Makes every doubt due: nobody is asking now."""
        run, now, system = self._write.execute, self._clock.now(), ""
        while (system := run(sql.NEXT_SYSTEM, (system,)).fetchone()[0]) is not None:
            run(sql.MEND_DOUBTFUL, (now, system, now))

    def _check(self, check: str) -> None:
        self._write.execute(sql.ESTABLISH, ("check", check))
        if self._write.execute(sql.FACT, ("check",)).fetchone()[0] != check:
            raise WrongKey("the master secret is not the one this journal was made with")

    def _in_thread(self) -> bool:
        if self._settings.commit != "auto":
            return self._settings.commit == "thread"
        took = []
        for _ in range(5):
            begun = self._clock.monotonic()
            self._write.execute(sql.SEEN, (self._clock.now(), self.node, self._epoch))  # the least durable commit
            took.append(self._clock.monotonic() - begun)
        slow = sorted(took)[2] > _SLOW_FLUSH
        _log.info("journal_flush_measured", took_ms=round(sorted(took)[2] * 1000, 3), why="thread" if slow else "loop")
        return slow

    def _commit(self, marks: Sequence[Mark], crash: Crash | None) -> list[Any]:
        now, cursor = self._clock.now(), self._cursor
        batch = Batch(cursor, self.owner, now, self._seq, self._settings)
        kinds = crash_points(marks) if crash is not None else ()
        try:
            cursor.execute(sql.BEGIN)
            if cursor.execute(sql.FENCE, (self.node, self._epoch)).fetchone() is None:
                raise JournalError("another process has taken over this node's name in the file")
            results = batch.run(marks)
            for kind in kinds:
                crash(f"before-{kind}-commit")  # type: ignore[misc]  # kinds is empty without a crash to call
            cursor.execute("commit")
        except BaseException as error:
            self._undo(batch)
            raise understood(error) from error
        self._seq = batch.seq
        for kind in kinds:
            crash(f"after-{kind}-commit")  # type: ignore[misc]  # the same
        return results

    def _undo(self, batch: Batch) -> None:
        if self._write.in_transaction:
            self._write.execute("rollback")
        batch.rooms.give_back()


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose commits are durable; transactions are begun by hand."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        connection.execute("pragma journal_mode = wal")  # the first look into the file
    except BaseException:
        connection.close()
        raise
    connection.execute("pragma synchronous = full")
    connection.execute("pragma busy_timeout = 5000")
    connection.execute("pragma wal_autocheckpoint = 4000")  # 16 MB: pages that many commits touch are written once
    connection.execute("pragma cache_size = -16000")
    return connection


def schema(connection: sqlite3.Connection) -> int:
    """The schema's number; 0 where there are no tables yet."""
    if connection.execute("select 1 from sqlite_master where name = 'facts'").fetchone() is None:
        return 0
    row = connection.execute("select value from facts where name = 'schema'").fetchone()
    return int(row[0]) if row else 0


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the schema to the newest number, a transaction for each step. Raises Newer."""
    for statements in missing(schema(connection), "sqlite"):
        connection.execute(sql.BEGIN)
        try:
            for statement in statements:
                connection.execute(statement)
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")


def free_space(folder: Path) -> int:
    """Bytes that this process may still write there."""
    if hasattr(os, "statvfs"):
        there = os.statvfs(folder)
        return there.f_bavail * there.f_frsize
    import shutil  # Windows has no statvfs

    return shutil.disk_usage(folder).free
