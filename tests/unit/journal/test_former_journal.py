"""A journal that a former program left under load: brought forward after a backup, gone on with, and gone back from."""

import shutil
import sqlite3
from collections import Counter
from contextlib import closing

import asyncpg
import pytest

from engine.base.clock import MovedClock, from_micros
from engine.journal import migrate, postgres_store
from engine.journal.backup import back_up, restore
from engine.journal.errors import JournalError, Locked, Newer, Older
from engine.journal.history import Wanted, open_history
from engine.journal.interface import Act
from engine.journal.keys import KeyRing
from engine.journal.upgrade import upgrade
from engine.journal.upkeep import verify
from engine.model import State, Then, Verdict
from tests.former import journals
from tests.unit.journal.made import Opener, message

RING = KeyRing(journals.MASTER)
TODAY = len(migrate.STEPS)
OPEN = {
    "sqlite": {"sending": 10, "doubtful": 1, "parked": 1, "waiting": 1},
    "postgres": {"sending": 6, "claimed": 4, "doubtful": 1, "parked": 1, "waiting": 1},
}
"""What had not ended when it was left."""


def quiet(*_):
    return None


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request):
    return request.param


@pytest.fixture
def keys(database, tmp_path):
    """A copy: a running bus makes tomorrow's key in it."""
    return str(shutil.copytree(journals.keys(database), tmp_path / "keys"))


@pytest.fixture
async def url(database, tmp_path, request, monkeypatch):
    """The former journal in its place, with its former schema."""
    if database == "sqlite":
        return journals.put_sqlite(tmp_path / "journal.db")
    place = request.getfixturevalue("postgres").fresh()
    backup = journals.unpack_postgres(tmp_path)
    with monkeypatch.context() as before:
        before.setattr(migrate, "STEPS", migrate.STEPS[:1])
        await restore(place, backup, MovedClock(from_micros(journals.LEFT)), quiet)
    connection = await asyncpg.connect(place)
    await connection.execute("delete from facts where name = 'restored'")  # it was left, not restored
    await connection.close()
    return place


@pytest.fixture
async def opener(url):
    opener = Opener(url, MovedClock(from_micros(journals.LEFT)))
    yield opener
    await opener.close()


async def states(url, keys):
    history = await open_history(url, RING, keys)
    lines = await history.search(Wanted(limit=100))
    await history.close()
    return Counter(step.state for line in lines for step in line.steps)


async def test_no_bus_and_no_reader_touches_it_until_a_person_brings_it_forward(opener, url, keys, tmp_path, database):
    with pytest.raises(Older, match="hisbus journal upgrade"):
        await opener.open(master=journals.MASTER, keys=keys)
    with pytest.raises(Older):
        await open_history(url, RING, keys)
    assert await upgrade(url, tmp_path / "before", quiet) == 1
    assert await upgrade(url, tmp_path / "never made", quiet) == TODAY
    assert not (tmp_path / "never made").exists()
    found = await states(url, keys)
    assert {state: count for state, count in found.items() if state not in ("delivered", "skipped")} == OPEN[database]


async def test_everything_in_it_goes_on_to_its_end(opener, url, keys, tmp_path, database):
    await upgrade(url, tmp_path / "before", quiet)
    opened = await opener.open(master=journals.MASTER, keys=keys)
    first = (await opened.journal.raw(1))[0]
    assert first.startswith(b"MSH|")
    claimed = [one for system in ("reports", "messages") for one in await opened.journal.claim(system, 100)]
    asked = [one for one in claimed if one.state is State.DOUBTFUL]
    left = OPEN[database]
    assert len(asked) == left["sending"] + left["doubtful"], "what was under way is asked about, not sent"
    assert len(claimed) == len(asked) + left.get("claimed", 0)
    freed = [one for one in claimed if one.state is State.CLAIMED]
    for one in asked:
        freed += (await opened.settle(one, Verdict.DELIVERED, Then(State.DELIVERED))).claimed
    for one in freed:
        assert one.attempt == 0
        await opened.deliver(one)
    parked = next(iter(await _parked(url, keys)))
    released = await opened.journal.act(Act("retry", parked, 1, "li", "nothing there"), None, opened.room)
    await opened.deliver(released.claimed[0])
    await opened.deliver((await opened.taken(message()))[1])
    history = await open_history(url, RING, keys)
    found = await verify(history, quiet)
    await history.close()
    assert found.sound
    assert set(await states(url, keys)) <= {"delivered", "skipped"}


async def _parked(url, keys):
    history = await open_history(url, RING, keys)
    lines = await history.search(Wanted(state="parked"))
    await history.close()
    return [line.seq for line in lines]


async def test_back_to_the_former_program_from_the_backup_and_only_from_it(
    opener, url, keys, tmp_path, database, request, monkeypatch
):
    await upgrade(url, tmp_path / "before", quiet)
    back = f"sqlite:///{tmp_path / 'back.db'}" if database == "sqlite" else request.getfixturevalue("postgres").fresh()
    monkeypatch.setattr(migrate, "STEPS", migrate.STEPS[:1])  # from here on, what the former program knows
    with pytest.raises(Newer, match="restore the backup that was made before the upgrade"):
        await opener.open(master=journals.MASTER, keys=keys)
    with pytest.raises(Newer):
        await back_up_forward(url, tmp_path, request, database)
    await restore(back, tmp_path / "before", opener.clock, quiet)
    former = Opener(back, opener.clock)
    opened = await former.open(master=journals.MASTER, keys=keys)
    asked = [one for one in await opened.journal.claim("messages", 100) if one.state is State.DOUBTFUL]
    assert asked
    for one in asked:
        await opened.settle(one, Verdict.DELIVERED, Then(State.DELIVERED))
    await former.close()


async def back_up_forward(url, tmp_path, request, database):
    """A backup of today's journal, restored by the former program."""
    await back_up(url, tmp_path / "today", quiet)
    place = f"sqlite:///{tmp_path / 'no.db'}" if database == "sqlite" else request.getfixturevalue("postgres").fresh()
    await restore(place, tmp_path / "today", MovedClock(), quiet)


async def test_a_former_programs_backup_comes_back_as_todays_journal(
    opener, url, keys, tmp_path, database, request, monkeypatch
):
    with monkeypatch.context() as before:
        before.setattr(migrate, "STEPS", migrate.STEPS[:1])
        await back_up(url, tmp_path / "former", quiet)
    place = f"sqlite:///{tmp_path / 'new.db'}" if database == "sqlite" else request.getfixturevalue("postgres").fresh()
    await restore(place, tmp_path / "former", opener.clock, quiet)
    again = Opener(place, opener.clock)
    opened = await again.open(master=journals.MASTER, keys=keys)
    claimed = await opened.journal.claim("messages", 100)
    assert {await opened.journal.unheard(one) for one in claimed} == {True}
    history = await open_history(place, RING, keys)
    assert (await verify(history, quiet)).sound
    await history.close()
    await again.close()


async def test_without_its_backup_nothing_is_brought_forward(opener, url, keys, tmp_path):
    (tmp_path / "before").mkdir()
    with pytest.raises(JournalError, match="before is there already"):
        await upgrade(url, tmp_path / "before", quiet)
    with pytest.raises(Older):
        await opener.open(master=journals.MASTER, keys=keys)


async def test_nothing_is_brought_forward_under_a_bus_that_runs(opener, url, keys, tmp_path, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(migrate, "STEPS", migrate.STEPS[:1])
        await opener.open(master=journals.MASTER, keys=keys)
    with pytest.raises(Locked):
        await upgrade(url, tmp_path / "before", quiet)
    assert not (tmp_path / "before").exists()


@pytest.mark.postgres
async def test_an_older_backup_does_not_go_into_tables_of_today(postgres, tmp_path):
    place = postgres.fresh()
    connection = await asyncpg.connect(place)
    await postgres_store.migrate(connection)
    with pytest.raises(JournalError, match="empty database"):
        await restore(place, journals.unpack_postgres(tmp_path), MovedClock(), quiet)
    assert await postgres_store.schema(connection) == TODAY
    await connection.close()


@pytest.mark.postgres
async def test_a_step_that_fails_leaves_the_one_before_it_whole(postgres, monkeypatch):
    url = postgres.fresh()
    connection = await asyncpg.connect(url)
    broken = (*migrate.STEPS[:2], lambda _database: ["create table begun (n int)", "select nothing"])
    with monkeypatch.context() as changed:
        changed.setattr(migrate, "STEPS", broken)
        with pytest.raises(asyncpg.UndefinedColumnError):
            await postgres_store.migrate(connection)
    assert await postgres_store.schema(connection) == 2
    assert not await connection.fetchval("select to_regclass('begun') is not null")
    await postgres_store.migrate(connection)
    assert await postgres_store.schema(connection) == TODAY
    await connection.close()


def test_what_the_former_tables_are_is_frozen(tmp_path):
    """Step 1 makes them from today's `tables.py`: it must still give what was there when the journal was left."""

    def made(path):
        with closing(sqlite3.connect(path)) as connection:
            names = [row[0] for row in connection.execute("select name from sqlite_master order by name")]
            return {
                name: [(row[1], row[2].lower()) for row in connection.execute(f"pragma table_xinfo({name})")]
                or [row[2] for row in connection.execute(f"pragma index_xinfo({name})")]
                for name in names
            }

    journals.put_sqlite(tmp_path / "left.db")
    with closing(sqlite3.connect(tmp_path / "made.db")) as connection:
        for statement in migrate.missing(0, "sqlite", 1)[0]:
            connection.execute(statement)
        connection.commit()
    assert made(tmp_path / "made.db") == made(tmp_path / "left.db")
