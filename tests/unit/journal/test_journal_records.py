"""Records of our own: changed with a settle or not at all, on both databases."""

import asyncio
import sqlite3
from pathlib import Path

import asyncpg
import orjson
import pytest

from engine.base.clock import SECOND
from engine.journal import backup, export, migrate, retention, upkeep
from engine.journal.errors import Moved
from engine.journal.history import open_history
from engine.journal.keys import DAY, KeyRing
from engine.journal.sqlite_store import connect
from engine.journal.sqlite_store import migrate as migrate_sqlite
from engine.model import NewDelivery, Outcome, State, Then, Verdict
from engine.records import Write
from tests.property.node import Node
from tests.unit.journal.made import MASTER, Opener, message

DONE = Outcome(Verdict.DELIVERED)


def writes(*changes):
    return Then(State.DELIVERED, writes=changes)


async def taken(opened, count=1):
    """Deliveries that this node has claimed, each of a message of its own."""
    return [(await opened.taken(message()))[1] for _ in range(count)]


async def written(opened, change):
    (delivery,) = await taken(opened)
    return await opened.journal.settle(delivery, DONE, writes(change), opened.room)


async def test_a_record_is_there_once_its_settle_is_committed_and_after_a_restart(opened, opener):
    assert await opened.journal.record("binding", "u1") is None
    await written(opened, Write("binding", "u1", 0, b"one", owner="P1", until=9))
    found = await opened.journal.record("binding", "u1")
    assert (found.value, found.until) == (b"one", 9)
    await opened.journal.close()
    again = await opener.open()
    assert await again.journal.record("binding", "u1") == found
    assert await again.journal.records("binding", "P1") == [found]
    assert await again.journal.records("grant", "P1") == []


async def test_a_record_is_changed_and_goes(opened):
    await written(opened, Write("k", "1", 0, b"one"))
    first = await opened.journal.record("k", "1")
    await written(opened, Write("k", "1", first.version, b"two"))
    second = await opened.journal.record("k", "1")
    assert (second.value, second.version != first.version) == (b"two", True)
    await written(opened, Write("k", "1", second.version, None))
    assert await opened.journal.record("k", "1") is None


async def test_whoever_decided_upon_what_stands_no_longer_changes_nothing(opened):
    await written(opened, Write("k", "1", 0, b"one"))
    (delivery,) = await taken(opened)
    both = writes(Write("k", "2", 0, b"beside it"), Write("k", "1", 0, b"lost"))
    with pytest.raises(Moved):
        await opened.journal.settle(delivery, DONE, both, opened.room)
    assert await opened.journal.record("k", "2") is None
    assert await opened.states(delivery.seq) == {0: "claimed"}
    stands = await opened.journal.record("k", "1")
    assert stands.value == b"one"
    progress = await opened.journal.settle(
        delivery, DONE, writes(Write("k", "1", stands.version, b"again")), opened.room
    )
    assert progress.done
    assert (await opened.journal.record("k", "1")).value == b"again"


async def test_of_two_settles_in_one_batch_the_second_sees_the_first(opened):
    one, two, other = await taken(opened, 3)
    settle = opened.journal.settle
    first, second, third = await asyncio.gather(
        settle(one, DONE, writes(Write("k", "1", 0, b"one")), opened.room),
        settle(two, DONE, writes(Write("k", "1", 0, b"two")), opened.room),
        settle(other, DONE, writes(Write("k", "2", 0, b"three")), opened.room),
        return_exceptions=True,
    )
    assert isinstance(second, Moved)
    assert first.done
    assert third.done
    assert (await opened.journal.record("k", "1")).value == b"one"


async def test_a_stale_settle_writes_nothing(opened):
    accepted, delivery = await opened.taken(message())
    assert await opened.journal.withdraw(accepted.seq, opened.room) is not None
    stale = await opened.journal.settle(delivery, DONE, writes(Write("k", "1", 0, b"late")), opened.room)
    assert stale is None
    assert await opened.journal.record("k", "1") is None


async def test_two_steps_of_one_message_may_write_in_one_batch(opened):
    accepted = await opened.accept(message(NewDelivery(0, "his", None, 0), NewDelivery(1, "his", None, 0)))
    settle = opened.journal.settle
    await asyncio.gather(
        *(
            settle(one, DONE, writes(Write("k", str(one.step), 0, b"%d" % one.step)), opened.room)
            for one in accepted.claimed
        )
    )
    assert [(await opened.journal.record("k", key)).value for key in "01"] == [b"0", b"1"]


@pytest.mark.parametrize(("point", "there"), [("before-settle-commit", False), ("after-settle-commit", True)])
async def test_a_record_is_there_exactly_if_the_commit_was_before_the_death(opener, point, there):
    node = Node("bus", None)
    died = asyncio.Event()

    def crash(at):
        try:
            node.crash(at)
        except BaseException:
            died.set()
            raise

    dying = await opener.open(crash=crash)
    node.journal = dying.journal
    (delivery,) = await taken(dying)
    node.dies_at = point
    settling = asyncio.ensure_future(
        dying.journal.settle(delivery, DONE, writes(Write("k", "1", 0, b"one")), dying.room)
    )
    async with asyncio.timeout(60):
        await died.wait()
    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)
    await node.killed()
    dying.journal._closed = True
    again = await opener.open()
    assert (await again.journal.record("k", "1") is not None) is there
    if not there:  # what was only claimed comes again
        (claimed,) = await again.journal.claim("his", 1)
        await again.journal.settle(claimed, DONE, writes(Write("k", "1", 0, b"one")), again.room)
    assert (await again.journal.record("k", "1")).value == b"one"


async def test_what_may_be_forgotten_is_and_nothing_else(opened, clock):
    now = clock.now()
    await written(opened, Write("k", "over", 0, b"x", until=now - SECOND))
    await written(opened, Write("k", "not yet", 0, b"x", until=now + DAY))
    await written(opened, Write("k", "never", 0, b"x"))
    pruned = await retention.prune(opened.journal, retention.Keep(), clock, lambda *_: None)
    assert pruned.swept == 1
    left = [key for key in ("over", "not yet", "never") if await opened.journal.record("k", key)]
    assert left == ["not yet", "never"]


async def test_neither_keys_nor_owners_nor_values_stand_there_in_clear(opened):
    await written(opened, Write("binding", "user-13800001234", 0, b"13800001234", owner="P-13800001234"))
    rows = await opened.journal.store.fetch("select key, kind, owner, value from records")
    assert all(b"13800001234" not in bytes(cell) for row in rows for cell in (row[0], row[2], row[3]))


async def test_a_value_put_in_another_records_place_does_not_open(opened):
    await written(opened, Write("k", "1", 0, b"one"))
    key, version, value, until = (await opened.journal.store.fetch("select key, version, value, until from records"))[0]
    with pytest.raises(Exception, match="does not open"):
        opened.journal._opened((bytes(16), version, value, until))
    assert opened.journal._opened((key, version, value, until)).value == b"one"


async def test_a_node_that_only_just_heard_of_it_decides_upon_the_others_write(opener, url):
    if url.startswith("sqlite"):
        return  # one process writes an embedded journal
    a, b = await opener.open(node="a"), await opener.open(node="b")
    (of_a,), (of_b,) = await taken(a), await taken(b)
    results = await asyncio.gather(
        a.journal.settle(of_a, DONE, writes(Write("k", "1", 0, b"a"), Write("k", "2", 0, b"a")), a.room),
        b.journal.settle(of_b, DONE, writes(Write("k", "2", 0, b"b"), Write("k", "1", 0, b"b")), b.room),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Moved) for result in results) == 1
    values = {(await a.journal.record("k", key)).value for key in "12"}
    assert len(values) == 1


def test_a_journal_of_the_first_schema_gets_its_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "journal.db"
    connection = connect(path)
    with monkeypatch.context() as before:
        before.setattr(migrate, "STEPS", migrate.STEPS[:1])
        migrate_sqlite(connection)
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("select * from records")
    migrate_sqlite(connection)
    assert connection.execute("select value from facts where name = 'schema'").fetchone()[0] == str(len(migrate.STEPS))
    connection.execute("select key, kind, owner, version, value, until from records")
    connection.close()


async def test_records_are_verified_exported_and_in_a_backup(opened, opener, url, tmp_path, request):
    await written(opened, Write("binding", "u1", 0, b'{"user":"u1"}', owner="P1", until=9))
    history = await open_history(url, KeyRing(MASTER))
    found = await upkeep.verify(history, lambda *_: None)
    assert (found.sound, found.records, found.lost) == (True, 1, {})
    told = [orjson.loads(line) async for line in export.export_records(history)]
    assert told == [{"kind": "binding", "until": 9, "value": '{"user":"u1"}'}]
    await history.close()
    await backup.back_up(url, tmp_path / "copy", lambda _: None)
    there = (
        f"sqlite:///{tmp_path / 'back.db'}" if url.startswith("sqlite") else request.getfixturevalue("postgres").fresh()
    )
    await backup.restore(there, tmp_path / "copy", opener.clock, lambda _: None)
    restored = await Opener(there, opener.clock).open()
    assert (await restored.journal.record("binding", "u1")).value == b'{"user":"u1"}'
    assert len(await restored.journal.records("binding", "P1")) == 1
    await restored.journal.close()


async def test_a_record_that_was_changed_behind_our_back_is_found(opened, url):
    await written(opened, Write("binding", "u1", 0, b"one"))
    value = "x'00'" if url.startswith("sqlite") else r"'\x00'"
    await opened.journal.close()
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute(f"update records set value = {value}")
        connection.commit()
        connection.close()
    else:
        connection = await asyncpg.connect(url)
        await connection.execute(f"update records set value = {value}")
        await connection.close()
    history = await open_history(url, KeyRing(MASTER))
    found = await upkeep.verify(history, lambda *_: None)
    assert (found.sound, found.lost) == (False, {"binding": 1})
    await history.close()
