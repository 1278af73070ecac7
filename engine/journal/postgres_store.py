"""The journal on PostgreSQL, shared by all nodes: connections, commits, and who has died.

One connection writes; a few read. A node shows that it lives by its batches and, idle, by a beat every
few seconds; a node not seen for `dead_after` by the database's clock is taken over by another's beat.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg

from engine.base import log
from engine.base.clock import Clock
from engine.base.tasks import Supervisor
from engine.journal import postgres as sql
from engine.journal.errors import DatabaseDown, DatabaseFull, JournalError, Locked, MarkRefused, WrongKey
from engine.journal.marks import Accept, Acted, Mark, Sending, Settle, Split, Withdraw
from engine.journal.migrate import missing, must_be_current
from engine.journal.postgres_batch import Batch
from engine.journal.settings import Settings
from engine.journal.store import Crash, crash_points
from engine.journal.verbs import amended

_log = log.get("journal")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
_LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.InternalClientError,  # an answer where none was waited for: the session ended in the middle of one
)
_REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
_CLASHED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_CLASHES = 5
_WAIT = 0.2  # seconds between two tries to reach a database that went away
_NAME_TRIES = 10  # times _WAIT: how long a former session of this node may take to end

_EVERY_STATEMENT_WALKS_AN_INDEX = {
    # Plans are kept from when the tables were empty: they must not be scans when these have grown.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "synchronous_commit": "on",
}


class Deposed(Exception):
    """This node was not seen for too long and was taken over."""


class _NotCommitted(Exception):
    """The connection was lost, and surely nothing of the batch has happened."""


class PostgresStore:
    """One node of a journal that several share. Made by `open_postgres`."""

    def __init__(self, url: str, node: str, clock: Clock, settings: Settings, check: str) -> None:
        if not _NAME.match(node):
            raise JournalError("a node's name is made of letters, digits, dots, dashes and underscores")
        self.node = node
        self._url = url
        self._clock = clock
        self._settings = settings
        self._check = check
        self._write: Any = None
        self._session = 0
        self._pool: Any = None
        self._batch = 0
        self._epoch = 0
        self._reaching = False
        self._tasks = Supervisor()

    @property
    def owner(self) -> str:
        """As it stands in `deliveries.owner`."""
        return f"{self.node}/{self._epoch}"

    async def open(self) -> None:
        """Connects, makes the tables of an empty database, takes the node's name and what its former life left."""
        try:
            await self._connect()
            await make(self._write)
            await self._write.execute(sql.ESTABLISH, "check", self._check)
            if await self._write.fetchval(sql.FACT, "check") != self._check:
                raise WrongKey("the master secret is not the one this journal was made with")
            await self._join()
            self._pool = await asyncpg.create_pool(self._url, min_size=1, max_size=4)
        except _LOST as error:
            raise DatabaseDown(type(error).__name__) from None
        except BaseException:
            if self._write is not None:
                self._write.terminate()
            raise
        self._tasks.keep("journal beat", self._beating)

    async def commit(self, marks: Sequence[Mark], crash: Crash | None) -> list[Any]:
        for _ in range(_CLASHES):
            try:
                return await self._try(marks, crash)
            except (*_CLASHED, _NotCommitted) as clash:
                _log.warning("journal_batch_again", error=type(clash).__name__, count=len(marks))
            except Deposed:
                await self._join()
                _log.error("journal_node_deposed", node=self.node, epoch=self._epoch)
        raise DatabaseDown("the batch failed again and again")

    async def fetch(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        try:
            rows: Sequence[Sequence[Any]] = await self._pool.fetch(statement, *values)
        except _LOST as error:
            raise DatabaseDown(type(error).__name__) from None
        return rows

    async def nodes(self) -> int:
        rows = await self.fetch(sql.ALIVE, self._settings.dead_after)
        return max(1, int(rows[0][0]))

    def low(self) -> bool:
        return self._reaching

    async def beat(self) -> None:
        """Shows that this node lives, and takes over those that no longer do."""
        await self._pool.execute(sql.SEEN, self.node, self._epoch)
        done = await self._pool.execute(sql.TAKE_OVER, self.node, self._clock.now(), self._settings.dead_after)
        if count := int(done.split()[-1]):
            _log.warning("journal_node_taken_over", node=self.node, count=count)

    async def close(self) -> None:
        await self._tasks.stop(0)
        try:
            await self._write.execute(sql.RECOVER, self.node, self._clock.now())
            await self._write.execute(sql.LEAVE, self.node, self._epoch)
            await self._write.close()
            await self._pool.close()
        except _LOST as error:
            _log.warning("journal_left_unsaid", node=self.node, error=type(error).__name__)
            self._write.terminate()
            self._pool.terminate()

    # --- one batch ---

    async def _try(self, marks: Sequence[Mark], crash: Crash | None) -> list[Any]:
        if self._write.is_closed():
            await self._reconnect()
        number, kinds = self._batch + 1, crash_points(marks) if crash is not None else ()
        batch = Batch(self._write, self.owner, self._clock.now(), self._settings)
        results: list[Any] | None = None
        try:
            await self._begin(marks, number)
            results = await batch.run(marks)
            for kind in kinds:
                crash(f"before-{kind}-commit")  # type: ignore[misc]  # kinds is empty without a crash to call
            await self._write.execute("commit")
        except BaseException as error:  # noqa: BLE001 - whatever it was, the transaction must not stay open
            if not await self._committed(error, number, sent=results is not None):
                batch.rooms.give_back()
                raise _understood(error) from None
            assert results is not None
        self._batch = number
        for kind in kinds:
            crash(f"after-{kind}-commit")  # type: ignore[misc]  # the same
        return results

    async def _committed(self, error: BaseException, number: int, *, sent: bool) -> bool:
        """What became of a batch that raised: a commit may have been lost with its connection."""
        if not self._is_lost(error):
            with contextlib.suppress(*_LOST):  # found at the next batch, and nothing is in doubt
                await self._write.execute("rollback")
            return False
        _log.error("journal_connection_lost", node=self.node, error=type(error).__name__, batch=number)
        await self._reconnect()
        return sent and await self._write.fetchval(sql.COMMITTED, self.node) == number

    def _is_lost(self, error: BaseException) -> bool:
        if isinstance(error, asyncpg.InterfaceError):  # also what the client says of a call that it never made
            return bool(self._write.is_closed())
        return isinstance(error, _LOST)

    async def _begin(self, marks: Sequence[Mark], number: int) -> None:
        """Fence and locks, in one message to the server. Raises Deposed."""
        lanes, seqs = await self._shared(marks)
        me = {"node": self.node, "epoch": self._epoch, "batch": number}
        script = [sql.BEGIN, sql.FENCE.format(**me)]
        if lanes:
            script.append(sql.LOCK_LANES.format(lanes=",".join(map(str, sorted(lanes)))))
        if seqs:
            script.append(sql.LOCK_MESSAGES.format(messages=",".join(map(str, sorted(seqs)))))
        if any(isinstance(mark, Accept | Split) for mark in marks):
            script.append(sql.HASH_ARRAYS)
        script.append(sql.HOLDS.format(**me))
        if await self._write.execute(";".join(script)) != "SELECT 1":
            raise Deposed

    async def _shared(self, marks: Sequence[Mark]) -> tuple[set[int], set[int]]:
        """What other nodes may be deciding about as well: the locks of lanes, the numbers of messages."""
        lanes: set[bytes | None] = set()
        seqs: set[int] = set()
        unnamed: set[int] = set()
        for mark in marks:
            if isinstance(mark, Accept):
                lanes.update(mark.lanes)
            elif isinstance(mark, Split):
                lanes.update(lane for child in mark.children for lane in child.lanes)
                seqs.add(mark.delivery.seq)
            elif isinstance(mark, Sending):
                seqs.add(mark.delivery.seq)
            elif isinstance(mark, Settle):
                lanes.update(mark.lanes)
                lanes.add(mark.delivery.lane)
                lanes.update(one.key for one in mark.writes)  # locked like lanes: a record that is not there too
                seqs.add(mark.delivery.seq)
                if mark.then.skip or mark.then.corrects:
                    unnamed |= {mark.delivery.seq, *amended(mark)}
            elif isinstance(mark, Withdraw):
                unnamed.add(mark.seq)
            elif isinstance(mark, Acted):
                lanes.update(mark.lanes)
                unnamed.add(mark.act.seq)
        if unnamed:
            lanes.update(row[0] for row in await self._write.fetch(sql.LANES, list(unnamed)))
        return {_lock(lane) for lane in lanes if lane is not None}, seqs | unnamed

    # --- connections, names ---

    async def _connect(self) -> None:
        self._write = await asyncpg.connect(self._url, server_settings=_EVERY_STATEMENT_WALKS_AN_INDEX)
        former, self._session = self._session, self._write.get_server_pid()
        if former:
            await self._write.execute(sql.END_SESSION, former)
        for _ in range(_NAME_TRIES):
            if await self._write.fetchval(sql.NAME, self.node):
                return
            await asyncio.sleep(_WAIT)
        raise Locked(f"a bus named {self.node} is running on this journal: stop it, or ask it to do this")

    async def _reconnect(self) -> None:
        """Returns when the database is reached again and the former session is surely over: only then can be
        known what became of its commit.
        """
        self._reaching = True
        self._write.terminate()
        while True:
            try:
                await self._connect()
                break
            except (*_LOST, Locked, asyncpg.PostgresError) as error:
                _log.error("journal_unreachable", node=self.node, error=type(error).__name__)
                await asyncio.sleep(_WAIT)
        self._reaching = False

    async def _join(self) -> None:
        """Takes a new epoch, and back what former ones of this node had."""
        async with self._write.transaction():
            self._epoch = await self._write.fetchval(sql.JOIN, self.node)
            left = await self._write.execute(sql.RECOVER, self.node, self._clock.now())
            if await self._write.fetchval(sql.ALIVE, self._settings.dead_after) == 1:
                await self._write.execute(sql.ASK_ANEW, self._clock.now())
        self._batch = 0
        _log.info("journal_opened", node=self.node, epoch=self._epoch, count=int(left.split()[-1]))

    async def _beating(self) -> None:
        while True:
            try:
                await self.beat()
            except _LOST as error:
                _log.warning("journal_beat_missed", node=self.node, error=type(error).__name__)
            await asyncio.sleep(self._settings.dead_after / 6_000_000)


class KeyTable:
    """Day keys, wrapped, in a table of the database that the nodes share: where no folder of theirs is set."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def read(self, day: int) -> bytes | None:
        rows = await self._store.fetch(sql.DAY_KEY, day)
        return bytes(rows[0][0]) if rows else None

    async def add(self, day: int, wrapped: bytes) -> bytes:
        await self._store.fetch(sql.NEW_DAY_KEY, day, wrapped)
        return bytes((await self._store.fetch(sql.DAY_KEY, day))[0][0])

    async def remove(self, day: int) -> None:
        await self._store.fetch(sql.FORGET_DAY_KEY, day)

    async def days(self) -> list[int]:
        return [row[0] for row in await self._store.fetch(sql.DAYS)]


def _lock(lane: bytes) -> int:
    return int.from_bytes(lane[:8], "big", signed=True)


def _understood(error: BaseException) -> BaseException:
    """The error in the journal's own words: the database's may quote values."""
    if isinstance(error, _REFUSED):
        return MarkRefused(type(error).__name__)
    if isinstance(error, _LOST):  # and surely not committed: `_committed` has asked
        return _NotCommitted(type(error).__name__)
    if isinstance(error, asyncpg.InsufficientResourcesError):
        return DatabaseFull(type(error).__name__)
    return error


async def schema(connection: Any) -> int:
    """The schema's number; 0 where there are no tables yet."""
    if not await connection.fetchval("select to_regclass('facts') is not null"):
        return 0
    return int(await connection.fetchval(sql.FACT, "schema") or 0)


async def make(connection: Any) -> None:
    """Makes the tables of an empty database; those that are there must be ours. Raises Older, Newer."""
    async with _alone(connection):
        must_be_current(await schema(connection))
        await _migrate(connection, None)


async def migrate(connection: Any, to: int | None = None) -> None:
    """Brings the schema to the newest number, or to `to`, a transaction for each step. Raises Newer."""
    async with _alone(connection):
        await _migrate(connection, to)


@contextlib.asynccontextmanager
async def _alone(connection: Any) -> AsyncIterator[None]:
    """No other node looks at the schema or changes it meanwhile."""
    key = "hashtextextended('hisbus schema', 0)"
    await connection.execute(f"select pg_advisory_lock({key})")
    try:
        yield
    finally:
        await connection.execute(f"select pg_advisory_unlock({key})")


async def _migrate(connection: Any, to: int | None) -> None:
    for statements in missing(await schema(connection), "postgresql", to):
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
