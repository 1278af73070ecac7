"""Reading for people, verifying, pruning, backing up, exporting: with a bus running on the journal."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from engine.base.clock import MovedClock
from engine.base.errors import BusError
from engine.journal.backup import back_up, back_up_keys, restore
from engine.journal.errors import JournalError, WrongKey
from engine.journal.export import export_day, export_message
from engine.journal.history import History, Wanted, open_history
from engine.journal.interface import Act, Noted
from engine.journal.keys import DAY, KeyRing
from engine.journal.retention import Keep, prune
from engine.journal.upkeep import verify
from engine.journal.verbs import body_place
from engine.model import Duplicate, Find, NewDelivery, State, Then, Verdict
from tests.unit.journal.made import MASTER, NO_ROOM, Opened, Opener, message

RING = KeyRing(MASTER)
DELIVERED = Then(State.DELIVERED)


def quiet(*_: object) -> None:
    return None


async def read(opener: Opener) -> History:
    return await open_history(opener.url, RING)


async def three(opened: Opened) -> list[str]:
    """One delivered, one parked with a person's act, one waiting in a lane."""
    steps = (NewDelivery(0, "store", None, 0), NewDelivery(1, "notify", None, 1))
    first = message(*steps, finds=(Find("patient", "P1"), Find("order", "O1")), route="exam_result")
    accepted = await opened.accept(first)
    progress = await opened.deliver(accepted.claimed[0], freed=(1,))
    await opened.deliver(progress.claimed[0])
    second = message(lane="P2", finds=(Find("patient", "P2"),))
    _, claimed = await opened.taken(second)
    sent = await opened.send(claimed)
    refused = Then(State.PARKED, holds=True, why="refused")
    await opened.settle(sent, Verdict.REFUSED, refused, code="unknown", backend_code="E7", backend_text="查无此人")
    third = message(lane="P2", finds=(Find("patient", "P2"),), parent=body_place(accepted.seq, 0))
    await opened.accept(third)
    opened.clock.advance(timedelta(seconds=1))
    return [first.id, second.id, third.id]


async def test_lists_are_narrowed_and_newest_first(opener: Opener) -> None:
    first, second, third = await three(await opener.open())
    history = await read(opener)
    assert [line.id for line in await history.search()] == [third, second, first]
    assert [line.id for line in await history.search(Wanted(route="exam_result"))] == [first]
    assert [line.id for line in await history.search(Wanted(state="parked"))] == [second]
    assert [line.id for line in await history.search(Wanted(system="his", state="waiting"))] == [third]
    assert [line.id for line in await history.search(Wanted(limit=1, before=3))] == [second]
    assert await history.search(Wanted(until=0)) == []
    assert len(await history.search(Wanted(since=0))) == 3
    assert [line.id for line in await history.find("patient", "P2")] == [third, second]
    assert [line.id for line in await history.find("order", "O1")] == [first]
    assert await history.find("order", "P1") == []
    assert await history.counts() == {
        ("store", "delivered"): 1, ("notify", "delivered"): 1, ("his", "parked"): 1, ("his", "waiting"): 1,
    }  # fmt: skip
    await history.close()


async def test_a_trace_shows_every_hop_attempt_and_act(opener: Opener) -> None:
    opened = await opener.open()
    first, second, third = await three(opened)
    await opened.journal.act(Act("retry", 2, 0, "li", "they corrected the patient"), None, opened.room)
    history = await read(opener)
    trace = await history.trace(second)
    assert trace is not None
    assert [(a.n, a.outcome, a.code, a.backend_code, a.late) for a in trace.attempts] == [
        (1, "refused", "unknown", "E7", False)
    ]
    assert [(act.verb, act.who, act.reason) for act in trace.acts] == [("retry", "li", "they corrected the patient")]
    assert trace.line.steps[0].system == "his"
    whole = await history.trace(first)
    assert whole is not None
    assert (whole.children, [step.state for step in whole.line.steps]) == ((third,), ["delivered", "delivered"])
    child = await history.trace(third)
    assert child is not None
    assert child.parent == first
    assert await history.trace("no such id") is None
    await history.close()


async def test_another_secret_reads_nothing(opener: Opener) -> None:
    await opener.open()
    with pytest.raises(WrongKey):
        await open_history(opener.url, KeyRing(b"another secret of at least 32 bytes"))


async def test_verify_finds_what_is_broken_and_what_cannot_be_read(opener: Opener) -> None:
    opened = await opener.open()
    await three(opened)
    history = await read(opener)
    assert (await verify(history, quiet)).sound
    await break_into(opened, "update messages set open = 7 where seq = 2")
    await break_into(opened, "update bodies set data = (select data from bodies where place = 4096) where place = 8192")
    found = await verify(history, quiet)
    assert found.broken == {"open counts the deliveries that are not final": [2]}
    assert found.unreadable == [2]
    await history.close()


async def break_into(opened: Opened, statement: str) -> None:
    done = opened.journal.store._write.execute(statement)
    if hasattr(done, "__await__"):
        await done


async def test_pruning_takes_bodies_then_history_and_never_what_is_open(opener: Opener) -> None:
    opened = await opener.open()
    first, second, _ = await three(opened)
    opened.clock.advance(timedelta(days=40))
    await opened.accept(message(received=opened.clock.now()))
    pruned = await prune(opened.journal, Keep(), opened.clock, quiet)
    assert (pruned.bodies, pruned.messages, pruned.days) == (
        1,
        0,
        1,
    )  # tomorrow's unused key; the open ones keep their day
    with pytest.raises(BusError):
        await opened.journal.raw(1)
    assert (await opened.journal.raw(2))[0]
    for seq in (2, 3):
        await opened.journal.act(Act("drop", seq, 0, "li", "old"), Then(State.GIVEN_UP), opened.room)
    pruned = await prune(opened.journal, Keep(), opened.clock, quiet)
    assert (pruned.messages, pruned.days) == (0, 1)
    history = await read(opener)
    assert (await verify(history, quiet)).sound
    trace = await history.trace(second)
    assert trace is not None
    assert trace.attempts[0].backend_code == ""  # its ciphertext went, its history stays
    opened.clock.advance(timedelta(days=800))
    pruned = await prune(opened.journal, Keep(), opened.clock, quiet)
    assert pruned.messages == 3
    assert await history.trace(first) is None
    assert await history.find("patient", "P2") == []
    assert (await verify(history, quiet)).sound
    await history.close()


async def test_keys_and_audited_reads_go_in_their_time_and_parts_without_a_message_are_swept(opener: Opener) -> None:
    opened = await opener.open()
    open_still = await opened.accept(message(key="K1"))
    ended = await opened.accept(message(key="K2"))
    await opened.journal.act(Act("drop", ended.seq, 0, "li", "old"), Then(State.GIVEN_UP), opened.room)
    opened.journal.note(Noted("report.list", "app", "main", Find("patient", "P1"), "FINE"))
    await opened.journal.bodies.seal(opened.clock.now(), "never came", "raw", bytes(3_000_000))
    fetch = opened.journal.store.fetch
    assert len(await fetch("select 1 from reads")) == 1
    assert len(await fetch("select 1 from parts")) == 3
    opened.clock.advance(timedelta(days=31))
    pruned = await prune(opened.journal, Keep(), opened.clock, quiet)
    assert (pruned.keys, pruned.swept) == (1, 3)
    again = await opened.journal.accept(message(key="K1", id="again"), opened.room)
    assert isinstance(again, Duplicate), "it may be done already"
    await opened.journal.act(Act("drop", open_still.seq, 0, "li", "old"), Then(State.GIVEN_UP), opened.room)
    assert (await prune(opened.journal, Keep(), opened.clock, quiet)).keys == 1
    opened.clock.advance(timedelta(days=1200))
    assert (await prune(opened.journal, Keep(), opened.clock, quiet)).swept == 1


async def test_a_backup_comes_back_with_its_keys_and_not_without(
    opener: Opener, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    opened = await opener.open()
    first, *_ = await three(opened)
    await back_up(opener.url, tmp_path / "copy", quiet)
    assert await back_up_keys(opener.url, RING, None, tmp_path / "keys") == 2
    assert await back_up_keys(opener.url, RING, None, tmp_path / "keys") == 0
    with pytest.raises(JournalError):
        await back_up(opener.url, tmp_path / "copy", quiet)
    if opener.url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'restored.db'}"
    else:
        url = request.getfixturevalue("postgres").fresh()
    await restore(url, tmp_path / "copy", opener.clock, quiet)
    with pytest.raises(JournalError):
        await restore(url, tmp_path / "copy", opener.clock, quiet)
    with_keys = await open_history(url, RING, str(tmp_path / "keys"))
    found = await verify(with_keys, quiet)
    assert (found.messages, found.sound, found.gone) == (3, True, 0)
    assert await export_message(with_keys, first) is not None
    await with_keys.close()
    without = await open_history(url, RING, str(tmp_path / "no keys"))
    found = await verify(without, quiet)
    assert (found.sound, found.gone) == (True, 3)
    await without.close()
    restored = await Opener(url, opener.clock).open(keys=str(tmp_path / "keys"))
    accepted = await restored.accept(message())
    assert accepted.seq == 4 if url.startswith("sqlite") else accepted.seq > 3
    await restored.journal.close()


async def test_an_export_is_clear_text_for_who_holds_the_key(opener: Opener) -> None:
    opened = await opener.open()
    first, second, third = await three(opened)
    history = await read(opener)
    line = json.loads(await export_message(history, second) or b"")
    assert line["raw"].startswith("MSH|")
    assert line["meta"] == {"operation": "result"}
    assert line["steps"][0]["attempts"][0]["backend_text"] == "查无此人"
    assert line["steps"][0]["body"] == "mapped"
    day = opened.clock.now() // DAY
    assert [json.loads(line)["id"] async for line in export_day(history, day)] == [first, second, third]
    assert [line async for line in export_day(history, day + 1)] == []
    assert await export_message(history, "no such id") is None
    await history.close()


async def test_pruning_keeps_the_keys_of_days_on_which_something_is_open(opener: Opener) -> None:
    """The newest message counts too, and one whose number is high but whose day is old: the clock was wrong then."""
    opened = await opener.open()
    day, now = DAY, opened.clock.now()
    old, newest = now - 60 * day, now - 50 * day
    await opened.deliver((await opened.taken(message(received=old - day)))[1])
    for received in (now, old, now, newest):
        await opened.accept(message(received=received), NO_ROOM)
    await prune(opened.journal, Keep(bodies=30 * DAY), opened.clock, quiet)
    await opened.journal.close()
    opened = await opener.open()
    for seq in (2, 3, 4, 5):
        assert (await opened.journal.raw(seq))[0]
    assert (old - day) // day not in await opened.journal.days.place.days()


async def test_a_restored_file_is_not_mixed_with_what_a_killed_bus_left_beside_the_old_one(
    tmp_path: Path, clock: MovedClock
) -> None:
    """SQLite would play the old write-ahead log into the new file."""
    place, backup = tmp_path / "journal.db", tmp_path / "backup.db"
    opener = Opener(f"sqlite:///{place}", clock)
    opened = await opener.open()
    await opened.accept(message(raw=b"before"))
    await back_up(opener.url, backup, quiet)
    await opened.accept(message(raw=b"after"))
    log = place.with_name("journal.db-wal")
    left = log.read_bytes()
    await opener.close()
    place.unlink()
    log.write_bytes(left)
    with pytest.raises(JournalError, match=r"journal\.db-wal"):
        await restore(opener.url, backup, clock, quiet)
    log.unlink()
    await restore(opener.url, backup, clock, quiet)
    opened = await opener.open()
    assert (await opened.journal.raw(1))[0] == b"before"
    await opener.close()
