"""A database that takes nothing for a while: who is told, who waits, and that it ends."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from engine.base.clock import MovedClock
from engine.base.errors import BusError, Code
from engine.model import State, Then, Verdict
from tests.unit.journal.made import Opened, Opener, message


class Foreigner:
    """Another program that holds the file's write lock."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "journal.db", isolation_level=None)

    def __enter__(self) -> None:
        self._connection.execute("begin immediate")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("rollback")
        self._connection.close()


@pytest.fixture
async def opened(tmp_path: Path, clock: MovedClock) -> Opened:
    opener = Opener(f"sqlite:///{tmp_path / 'journal.db'}", clock)
    opened = await opener.open()
    opened.journal.store._write.execute("pragma busy_timeout = 10")
    return opened


async def test_a_journal_that_was_in_trouble_takes_messages_again_though_nothing_else_is_written(
    opened: Opened, tmp_path: Path
) -> None:
    with Foreigner(tmp_path), pytest.raises(BusError) as refused:
        await opened.accept(message())
    assert refused.value.code is Code.BUSY
    async with asyncio.timeout(60):
        while opened.journal.busy:  # noqa: ASYNC110 - what is waited for knows no events
            await asyncio.sleep(0.02)
    await opened.accept(message())
    await opened.journal.close()


async def test_while_the_file_may_not_be_written_sources_hear_busy_and_what_is_under_way_waits(opened: Opened) -> None:
    _, claimed = await opened.taken(message())
    sent = await opened.send(claimed)
    opened.journal.store._write.execute("pragma query_only = on")  # as SQLite has it where the disk was remounted
    settling = asyncio.ensure_future(opened.settle(sent, Verdict.DELIVERED, Then(State.DELIVERED)))
    await asyncio.sleep(0)
    with pytest.raises(BusError) as refused:
        await opened.accept(message())
    assert refused.value.code is Code.BUSY
    assert not settling.done()
    opened.journal.store._write.execute("pragma query_only = off")
    assert (await asyncio.wait_for(settling, 60)).done
    await opened.accept(message())
    await opened.journal.close()


async def test_a_close_does_not_wait_for_ever_for_a_database_that_takes_nothing(opened: Opened, tmp_path: Path) -> None:
    _, claimed = await opened.taken(message())
    with Foreigner(tmp_path):
        settling = asyncio.ensure_future(opened.send(claimed))
        await asyncio.sleep(0.05)
        settling.cancel()
        async with asyncio.timeout(10):
            await opened.journal.close()
