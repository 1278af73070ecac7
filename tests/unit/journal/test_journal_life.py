"""Opening, closing, dying: what a journal finds when it is opened again."""

import asyncio

import pytest

from engine.base import metrics
from engine.base.errors import BusError
from engine.journal.errors import Locked, WrongKey
from engine.model import Accepted, Duplicate, State, Then, Verdict
from tests.unit.journal.made import Opener, message


class Died(BaseException):
    """Stands for kill -9 inside the process: nothing after it runs."""


def dies_at(point: str):
    def crash(at: str) -> None:
        if at == point:
            raise Died

    return crash


async def test_what_was_sending_is_in_doubt_and_what_was_claimed_is_ready(opener: Opener) -> None:
    opened = await opener.open()
    first, claimed = await opened.taken(message())
    second = await opened.accept(message())
    await opened.send(claimed)
    await opened.journal.close()
    opened = await opener.open()
    assert await opened.states(first.seq) == {0: "doubtful"}
    assert await opened.states(second.seq) == {0: "ready"}
    found = await opened.journal.claim("his", 5)
    assert [(d.seq, d.state) for d in found] == [(1, State.DOUBTFUL), (2, State.CLAIMED)]


async def test_a_question_that_died_with_its_process_is_asked_anew_at_once(opener: Opener) -> None:
    """Of a process that is alone: nobody else can be asking."""
    opened = await opener.open()
    _, claimed = await opened.taken(message())
    await opened.send(claimed)
    await opened.journal.close()
    opened = await opener.open()
    (asked,) = await opened.journal.claim("his", 5)
    assert asked.state is State.DOUBTFUL
    assert await opened.journal.claim("his", 5) == []  # it is being asked
    await opened.journal.close()
    opened = await opener.open()
    assert len(await opened.journal.claim("his", 5)) == 1


async def test_marks_of_a_former_life_change_nothing(opener: Opener) -> None:
    opened = await opener.open()
    _, claimed = await opened.taken(message())
    sent = await opened.send(claimed)
    await opened.journal.close()
    opened = await opener.open()
    assert await opened.journal.sending(claimed, b"", b"") == 0
    assert await opened.settle(sent, Verdict.REFUSED, Then(State.REFUSED)) is None


async def test_a_second_writer_is_told_that_a_bus_runs(opener: Opener) -> None:
    opened = await opener.open()
    with pytest.raises(Locked, match="is running on this journal"):
        await opener.open()
    await opened.journal.close()
    await opener.open()


async def test_another_master_secret_is_refused(opener: Opener) -> None:
    await (await opener.open()).journal.close()
    with pytest.raises(WrongKey):
        await opener.open(master=b"another secret of at least 32 bytes")
    await opener.open()


@pytest.mark.parametrize("commit", ["loop", "thread", "auto"])
async def test_many_at_once_share_commits(opener: Opener, commit: str) -> None:
    opened = await opener.open(commit=commit)
    before = _commits()
    results = await asyncio.gather(*(opened.accept(message(key=f"K{n % 90}")) for n in range(100)))
    assert sum(isinstance(result, Accepted) for result in results) == 90
    assert sum(isinstance(result, Duplicate) for result in results) == 10
    assert 0 < _commits() - before < 20


def _commits() -> float:
    return metrics.REGISTRY.get_sample_value("hisbus_commit_marks_count") or 0.0


@pytest.mark.parametrize("commit", ["loop", "thread"])
async def test_a_mark_the_database_refuses_fails_alone(opener: Opener, commit: str) -> None:
    opened = await opener.open(commit=commit)
    batch = [message() for _ in range(9)]
    batch[4] = message(route="\ud800")  # no text that can be stored
    results = await asyncio.gather(*(opened.accept(one) for one in batch), return_exceptions=True)
    assert [isinstance(result, BusError) for result in results] == [n == 4 for n in range(9)]
    assert opened.room.taken["his"] == 8


async def test_a_caller_that_goes_away_leaves_no_delivery_claimed(opener: Opener) -> None:
    opened = await opener.open()
    waiting = asyncio.ensure_future(opened.accept(message()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(60):
        while await opened.states(1) != {0: "ready"}:  # noqa: ASYNC110 - what nobody waits for tells nobody
            await asyncio.sleep(0.01)
    assert opened.room.taken["his"] == 0


async def test_of_several_who_take_what_they_have_seen_one_has_it(opener: Opener) -> None:
    journal = (await opener.open()).journal
    assert sorted(await asyncio.gather(*(journal.take("run", None, str(one)) for one in range(4)))) == [False] * 3 + [
        True
    ]
    seen = await journal.rider("run")
    assert not await journal.take("run", None, "late")
    assert not await journal.take("run", "another", "late")
    again = await asyncio.gather(*(journal.take("run", seen, f"again {one}") for one in range(4)))
    assert sorted(again) == [False] * 3 + [True]
    assert await journal.rider("run") == f"again {again.index(True)}"


async def test_riders_are_committed_with_their_message_or_not_at_all(opener: Opener) -> None:
    from engine.model import Rider

    opened = await opener.open()
    await opened.accept(message(key="K1", riders=(Rider("feed", "17"),)))
    await opened.accept(message(key="K1", raw=b"other", riders=(Rider("feed", "18"),)))
    assert await opened.journal.rider("feed") == "17"  # a conflict was not accepted: the cursor stays before it
    await opened.accept(message(key="K1", riders=(Rider("feed", "19"),)))
    assert await opened.journal.rider("feed") == "19"  # a duplicate was
    await opened.journal.ride([Rider("feed", "20")])
    assert await opened.journal.rider("feed") == "20"
    assert await opened.journal.rider("other") is None


async def test_releases_are_kept_under_their_hash(opener: Opener) -> None:
    opened = await opener.open()
    await opened.journal.store_release("r1", b"texts")
    await opened.journal.store_release("r1", b"texts")
    assert await opened.journal.release("r1") == b"texts"
    assert await opened.journal.release("r2") is None
