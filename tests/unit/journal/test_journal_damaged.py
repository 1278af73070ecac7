"""A journal's file that was spoiled, or may not be written: who says so, in which words, and what brings it back."""

import sqlite3
from pathlib import Path

import pytest

from engine.base.clock import MovedClock
from engine.journal.backup import back_up, back_up_keys, restore, restore_keys
from engine.journal.errors import Damaged, DatabaseDown
from engine.journal.history import History, open_history
from engine.journal.keys import KeyRing
from engine.journal.upkeep import Verified, verify
from engine.model import State, Then, Verdict
from tests.unit.journal.made import MASTER, Opener, message

_PAGE = 4096


@pytest.fixture
async def closed(tmp_path: Path, clock: MovedClock) -> Opener:
    """A journal with some messages in every state of sealing, and no bus on it."""
    opener = Opener(f"sqlite:///{tmp_path / 'journal.db'}", clock)
    opened = await opener.open()
    for number in range(30):
        _, claimed = await opened.taken(message(key=f"K{number}", raw=b"MSH|" * 300))
        sent = await opened.send(claimed, b"mapped " * 200)
        then = Then(State.DELIVERED, answer=b"the answer " * 20)
        await opened.settle(sent, Verdict.DELIVERED, then, reply=b"their reply " * 20)
    await opener.close()
    return opener


def file_of(opener: Opener) -> Path:
    return Path(opener.url.removeprefix("sqlite:///"))


async def found_in(opener: Opener) -> Verified:
    history = await read(opener)
    try:
        return await verify(history, lambda _done, _of_all: None)
    finally:
        await history.close()


async def read(opener: Opener) -> History:
    return await open_history(opener.url, KeyRing(MASTER))


def spoil(file: Path, begin: int, end: int) -> None:
    content = bytearray(file.read_bytes())
    content[begin:end] = bytes(byte ^ 0xFF for byte in content[begin:end])
    file.write_bytes(content)


@pytest.mark.parametrize(
    "spoilt",
    [
        "update bodies set data = zeroblob(length(data)) where place % 4096 = 0 and place / 4096 = 7",
        "update bodies set data = zeroblob(length(data)) where place % 4096 = 1 and place / 4096 = 7",
        "update attempts set sealed = zeroblob(length(sealed)) where message = 7",
        "update attempts set reply = zeroblob(length(reply)) where message = 7",
        "update messages set answer = zeroblob(length(answer)) where seq = 7",
    ],
    ids=["raw", "mapped", "seal", "reply", "answer"],
)
async def test_verify_opens_whatever_is_kept_encrypted(closed: Opener, spoilt: str) -> None:
    assert (await found_in(closed)).sound
    with sqlite3.connect(file_of(closed)) as connection:
        connection.execute(spoilt)
    connection.close()
    assert (await found_in(closed)).unreadable == [7]


@pytest.mark.parametrize(
    ("part", "begin", "end"),
    [("deliveries", 0, 8), ("sqlite_autoindex_messages_1", _PAGE - 20, _PAGE)],
    ids=["a page of a table", "an entry of an index"],
)
async def test_verify_names_the_damage_of_the_file(closed: Opener, part: str, begin: int, end: int) -> None:
    with sqlite3.connect(file_of(closed)) as connection:
        (page,) = connection.execute("select rootpage from sqlite_master where name = ?", (part,)).fetchone()
    connection.close()
    spoil(file_of(closed), (page - 1) * _PAGE + begin, (page - 1) * _PAGE + end)
    found = await found_in(closed)
    assert found.damage
    assert not found.sound


async def test_a_damaged_file_opens_nowhere_and_a_backup_brings_it_back(closed: Opener, tmp_path: Path) -> None:
    file, copy, keys = file_of(closed), tmp_path / "copy.db", tmp_path / "kept"
    await back_up(closed.url, copy, lambda _table: None)
    await back_up_keys(closed.url, KeyRing(MASTER), None, keys)
    spoil(file, 0, 100)
    with pytest.raises(Damaged, match="SQLITE_NOTADB"):
        await closed.open()
    with pytest.raises(Damaged, match="SQLITE_NOTADB"):
        await read(closed)
    file.rename(tmp_path / "kept-for-evidence.db")
    await restore(closed.url, copy, closed.clock, lambda _table: None)
    await restore_keys(closed.url, None, keys)
    assert (await found_in(closed)).sound
    assert (await (await closed.open()).accept(message(key="K1"))).seq == 2
    await closed.close()


async def test_a_journal_that_is_a_folder_is_said_and_leaves_no_lock(tmp_path: Path, clock: MovedClock) -> None:
    opener = Opener(f"sqlite:///{tmp_path / 'journal.db'}", clock)
    (tmp_path / "journal.db").mkdir()
    with pytest.raises(DatabaseDown, match="SQLITE_CANTOPEN"):
        await opener.open()
    (tmp_path / "journal.db").rmdir()
    await opener.open()
    await opener.close()
