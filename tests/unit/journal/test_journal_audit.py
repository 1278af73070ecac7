"""The audit of what channel applications asked: complete, chained, and broken by nobody unnoticed."""

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.journal import migrate, upkeep
from engine.journal.audit import SAID
from engine.journal.export import export_audit
from engine.journal.history import open_history
from engine.journal.interface import Noted
from engine.journal.keys import DAY, KeyRing
from engine.journal.retention import Keep, prune
from engine.journal.sqlite_store import connect
from engine.journal.sqlite_store import migrate as migrate_sqlite
from engine.journal.upkeep import Verified, verify
from engine.model import Find
from engine.sealing.digests import keyed
from tests.postgres_server import Server
from tests.unit.journal.made import MASTER, Opened, Opener, message

RING = KeyRing(MASTER)


def quiet(*_: object) -> None:
    return None


def call(number: int, **more: Any) -> Noted:
    return Noted("report.list", "wx", "main", Find("patient", "P1"), "OK", trace=f"T{number}", **more)


async def noted(opened: Opened, *calls: Noted) -> None:
    """Puts these into the audit and waits until they are there: a commit that comes after them says so."""
    for one in calls:
        opened.journal.note(one)
    await opened.accept(message())


async def verified(opener: Opener) -> Verified:
    history = await open_history(opener.url, RING)
    try:
        return await verify(history, quiet)
    finally:
        await history.close()


async def change(opener: Opener, statement: str) -> None:
    """What somebody does who can write the database and has no key."""
    if opener.url.startswith("sqlite"):
        connection = sqlite3.connect(opener.url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute(statement)
        connection.close()
        return
    import asyncpg

    connection = await asyncpg.connect(opener.url)
    await connection.execute(statement)
    await connection.close()


async def test_all_of_a_call_is_kept_and_comes_out_again(opener: Opener) -> None:
    opened = await opener.open()
    at = opened.clock.now() - 5
    whole = call(1, at=at, channel="wx-mp", remote="10.0.0.7", effect="none", count=3, unmasked=True, took=1200)
    await noted(opened, whole)
    history = await open_history(opener.url, RING)
    (line,) = [json.loads(one) async for one in export_audit(history, at // DAY)]
    assert [one async for one in export_audit(history, at // DAY + 1)] == []
    await history.close()
    said = {name: getattr(whole, name) for name in SAID if name != "subject"}
    assert {name: line[name] for name in said} == said
    assert line["subject"] == RING.find("patient", "P1").hex()
    assert (line["node"], line["n"], line["prev"]) == ("bus", 1, "")


async def test_the_chain_goes_on_over_commits_and_restarts(opener: Opener) -> None:
    opened = await opener.open()
    await noted(opened, call(1), call(2))
    await noted(opened, call(3))
    await opened.journal.close()
    await noted(await opener.open(), call(4))
    found = await verified(opener)
    assert (found.sound, found.audit) == (True, [])
    assert {node: (chain.first, chain.last) for node, chain in found.chains.items()} == {"bus": (1, 4)}


async def test_a_seal_is_hmac_sm3_over_the_one_before_and_all_that_is_said(opener: Opener) -> None:
    opened = await opener.open()
    await noted(opened, call(1), call(2, count=7))
    history = await open_history(opener.url, RING)
    first, second = [json.loads(one) async for one in export_audit(history, opened.clock.now() // DAY)]
    await history.close()
    said = json.dumps(["bus", 2, *(second[name] for name in SAID)], separators=(",", ":"), ensure_ascii=False)
    assert second["prev"] == first["mac"]
    assert second["mac"] == keyed("hmac-sm3", RING._chain, bytes.fromhex(first["mac"]) + said.encode()).hex()


@pytest.mark.parametrize(
    ("act", "broken"),
    [
        ("update reads set client = 'other' where n = 2", [2]),
        ("update reads set subject = null where n = 2", [2]),
        ("update reads set count = count + 1, unmasked = true where n = 3", [3]),
        ("update reads set mac = prev where n = 2", [2, 3]),
        ("update reads set n = null where n = 2", [2, 3]),
        ("delete from reads where n = 2", [3]),
        ("update reads set n = 9 where n = 3", [3, 4]),
    ],
)
async def test_what_is_changed_or_taken_out_is_found_with_its_place(
    opener: Opener, act: str, broken: list[int]
) -> None:
    opened = await opener.open()
    await noted(opened, call(1), call(2), call(3), call(4))
    await opened.journal.close()
    await change(opener, act)
    found = await verified(opener)
    assert (found.sound, found.audit) == (False, broken)


async def test_old_rows_go_from_the_front_only_and_the_rest_still_holds(opener: Opener) -> None:
    opened = await opener.open()
    now = opened.clock.now()
    old = [call(n, at=now + n) for n in (1, 2)]
    late = call(3, at=now + 30 * DAY)
    slow = call(4, at=now + 3)  # it came before the one that was noted before it
    await noted(opened, *old, late, slow)
    opened.clock.advance(timedelta(days=3 * 365 + 1))
    await prune(opened.journal, Keep(), opened.clock, quiet)
    found = await verified(opener)
    assert (found.sound, {node: (one.first, one.last) for node, one in found.chains.items()}) == (True, {"bus": (3, 4)})


@pytest.mark.postgres
async def test_each_node_has_a_chain_of_its_own(postgres: Server, clock: Any) -> None:
    opener = Opener(postgres.fresh(), clock)
    a, b = await opener.open(node="a", dead_after=DAY), await opener.open(node="b", dead_after=DAY)
    for number in range(3):
        await noted(a, call(number))
        await noted(b, call(number), call(number + 10))
    found = await verified(opener)
    assert found.sound
    assert {node: (one.first, one.last) for node, one in found.chains.items()} == {"a": (1, 3), "b": (1, 6)}
    await opener.close()


async def test_rows_from_before_the_chain_stand_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    path = tmp_path / "journal.db"
    connection = connect(path)
    with monkeypatch.context() as before:
        before.setattr(migrate, "STEPS", migrate.STEPS[:2])
        migrate_sqlite(connection)
    connection.execute(
        "insert into reads (at, operation, client, campus, code) values (1, 'report.list', 'wx', 'main', 'OK')"
    )
    migrate_sqlite(connection)
    connection.close()
    opener = Opener(f"sqlite:///{path}", clock)
    await noted(await opener.open(), call(1))
    assert (await verified(opener)).sound
    await opener.close()
    await change(opener, "insert into reads (at, operation, client, campus, code) values (2, 'x', 'wx', 'main', 'OK')")
    assert (await verified(opener)).audit == [3]


async def test_rows_that_go_while_it_is_verified_are_no_gap(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_PAGE", 2)
    opened = await opener.open()
    await noted(opened, *(call(n) for n in range(1, 8)))
    history = await open_history(opener.url, RING)
    select, seen = history.reader.select, []

    async def pruned_after_the_first_page(statement: Any) -> Any:
        rows = await select(statement)
        if "FROM reads" in str(statement) and not seen:
            seen.append(True)
            await change(opener, "delete from reads where n <= 4")
        return rows

    monkeypatch.setattr(history.reader, "select", pruned_after_the_first_page)
    found = await verify(history, quiet)
    assert (seen, found.audit) == ([True], [])
    assert found.chains["bus"].first == 5
    await history.close()
