"""What lies on disk, and what happens when there is no more of it."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from engine.base.clock import MovedClock
from engine.base.errors import BusError, Code
from engine.journal import reads, sqlite
from engine.journal.errors import Newer
from engine.model import State, Then, Verdict
from tests.postgres_server import Server
from tests.unit.journal.made import Opened, Opener, message, with_

WORDS = ("张三", "P000001", "13800001234", "110101190003070010", "19000307", "MSG00001", "wrong patient")


async def live(opened: Opened) -> None:
    """One message through its life, with every word in every place that may hold one."""
    raw = f"PID|1||P000001||{WORDS[0]}||19000307|M|||13800001234|||110101190003070010".encode()
    new = message(raw=raw, lane="P000001", key="MSG00001", meta={"phone": "13800001234"})
    _, claimed = await opened.taken(new)
    sent = await opened.send(claimed, raw)
    then = Then(State.PARKED, holds=True, answer=raw)
    await opened.settle(
        sent, Verdict.REFUSED, then, code="no", backend_code="E1", backend_text="张三 不存在", reply=raw
    )
    assert await opened.settle(sent, Verdict.REFUSED, then, reply=raw) is None


def assert_unreadable(folder: Path, expected: set[str]) -> None:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert expected <= {file.name for file in files}
    for file in files:
        content = file.read_bytes()
        for word in WORDS:
            assert word.encode() not in content, f"{word} stands in {file.name}"


async def test_nothing_readable_lies_beside_sqlite(tmp_path: Path, clock: MovedClock) -> None:
    opener = Opener(f"sqlite:///{tmp_path / 'journal.db'}", clock)
    await live(await opener.open())
    assert_unreadable(tmp_path, {"journal.db", "journal.db-wal", "20777.key"})
    await opener.close()


@pytest.mark.postgres
async def test_nothing_readable_lies_in_the_servers_folder(postgres: Server, clock: MovedClock) -> None:
    opener = Opener(postgres.fresh(), clock)
    await live(await opener.open())
    assert_unreadable(postgres.folder, {"PG_VERSION"})
    await opener.close()


async def test_a_newer_journal_is_refused(tmp_path: Path, clock: MovedClock) -> None:
    opener = Opener(f"sqlite:///{tmp_path / 'journal.db'}", clock)
    await (await opener.open()).journal.close()
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.execute("update facts set value = '99' where name = 'schema'")
    connection.close()
    with pytest.raises(Newer):
        await opener.open()


async def test_below_the_reserve_nothing_is_accepted_and_settles_go_on(tmp_path: Path, clock: MovedClock) -> None:
    opener = Opener(f"sqlite:///{tmp_path / 'journal.db'}", clock)
    opened = await opener.open()
    _, claimed = await opened.taken(message())
    opened.journal.store._settings = with_(opened.journal.store._settings, reserve=1 << 62)
    clock.advance(timedelta(seconds=2))
    with pytest.raises(BusError) as refused:
        await opened.accept(message())
    assert refused.value.code is Code.BUSY
    assert (await opened.deliver(claimed)).done
    await opener.close()


BY_INDEX = {
    "CLAIMABLE": "due (system=? AND state=? AND due<?)",
    "ASKABLE": "due (system=? AND state=? AND due<?)",
    "MEND_READY": "due (system=? AND state=? AND due>?)",
    "HEAD": "in_lane (lane=?)",
    "HELD": "in_lane (lane=?)",
    "RECOVER": "owned",
    "NEXT_DUE": "due (system=? AND state=?)",
}


MEANT = {
    *("SCAN waiting", "SCAN parts", "SCAN reads", "SCAN oldest", "SCAN nodes", "SCAN d", "SCAN counted", "SCAN a"),
    "SCAN r USING INDEX sqlite_autoindex_releases_1",
    *(
        f"SCAN deliveries USING {how} {index}"
        for how in ("INDEX", "COVERING INDEX")
        for index in ("owned", "due", "parked", "in_lane")
    ),
}
"""Two rows of a union; parts are few and swept at night; the first 1000 reads; nodes, releases and corrections are few;
what was counted up to a limit; indexes that hold only what is open, and what was gathered from them.
"""


def statements() -> dict[str, str]:
    named = {**vars(sqlite), **vars(reads)}
    del named["BEGIN"], named["MEND"]  # no statement with a plan; a template of others
    listed: dict[str, str] = {}
    for name, value in named.items():
        if name.isupper() and name[0] != "_":
            listed |= {name: value} if isinstance(value, str) else {f"{name} {n}": one for n, one in enumerate(value)}
    return listed


async def test_every_statement_walks_an_index(tmp_path: Path, clock: MovedClock) -> None:
    opener = Opener(f"sqlite:///{tmp_path / 'journal.db'}", clock)
    opened = await opener.open()
    connection = opened.journal.store._write
    assert set(BY_INDEX) <= set(statements())
    for name, statement in statements().items():
        values: object = (None,) * (1 if "?1" in statement else statement.count("?"))
        values = {"1": None, "2": None} if "$1" in statement else values
        plan = [row[3] for row in connection.execute(f"explain query plan {statement}", values)]
        assert not [step for step in plan if step.startswith("SCAN") and step not in MEANT], f"{name}: {plan}"
        assert BY_INDEX.get(name, "") in " ".join(plan), f"{name}: {plan}"
    await opener.close()
