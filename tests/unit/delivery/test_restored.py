"""After a restore nothing is sent again blindly: what is from before it may have been done in the life that was lost."""

import pytest

from engine.contract import Unavailable
from engine.journal.interface import Act
from engine.journal.restored import FORGET, REMEMBER
from engine.journal.sqlite_store import connect
from engine.model import State
from tests.unit.delivery.stand import Peer, Step, operation

ALONE = operation()
"""A change that nobody can be asked about."""


def his(stand, found=b"ok"):
    return stand.system(Peer(lambda call, _nth: found if call.operation == "find" else b"ok"))


async def restored(stand):
    """The stand on a journal that was restored just now: what it accepted is from before."""
    await stand.crash()
    stand.advance(60)
    direct = connect(stand.journal.store._path)
    direct.execute("begin immediate")
    direct.execute(FORGET)
    direct.execute(REMEMBER, {"1": str(stand.clock.now())})
    direct.execute("commit")
    direct.close()
    return await stand.start()


async def left(stand, *docs, **more):
    """Messages that nobody has tried yet when the journal is lost."""
    stand.plan.fault = OSError("not now")
    seqs = [await stand.accept(doc, **more) for doc in docs]
    await stand.quiet()
    stand.plan.fault = None
    return seqs


@pytest.mark.parametrize(("found", "sent"), [(b"ok", []), (b"none", [b"a"])])
async def test_what_was_open_is_asked_about_and_sent_only_where_it_surely_is_not_there(stand, found, sent):
    peer = his(stand, found)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    (seq,) = await left(stand, "a")
    await restored(stand)
    for _ in range(60):
        stand.advance(10)
        await stand.quiet(0.01)
        if (seq, 0) in stand.plan.ended:
            break
    assert await stand.ended((seq, 0)) == [State.DELIVERED]
    assert peer.bodies("save") == sent
    assert peer.calls("find")
    assert (await stand.attempts(seq))[0][2:] == (1, "delivered" if not sent else "unsent")


async def test_what_cannot_be_asked_about_is_a_persons_turn_and_his_word_sends_it(stand):
    peer = his(stand)
    stand.plan.routes["r"] = [Step(operation=ALONE)]
    await stand.start()
    first, second = await left(stand, "a", "b", lane="P1")
    await restored(stand)
    stand.advance(60)
    assert await stand.ended((first, 0)) == [State.PARKED]
    assert await stand.states(second) == [State.WAITING]
    assert peer.ledger == []
    act = Act("retry", first, 0, "li", "their operator looked: nothing there")
    progress = await stand.journal.act(act, None, stand.delivery.room)
    stand.plan.ended.clear()
    stand.delivery.hand(progress.claimed)
    assert await stand.ended((first, 0), (second, 0)) == [State.DELIVERED, State.PARKED]
    assert peer.bodies("save") == [b"a"]


async def test_what_may_be_repeated_and_what_is_new_go_at_once(stand):
    peer = his(stand)
    stand.plan.routes |= {"again": [Step(operation=operation(repeatable=True))], "r": [Step(operation=ALONE)]}
    await stand.start()
    (old,) = await left(stand, "a", route="again")
    await restored(stand)
    stand.advance(60)
    new = await stand.accept("b")
    assert await stand.ended((old, 0), (new, 0)) == [State.DELIVERED, State.DELIVERED]
    assert sorted(peer.bodies("save")) == [b"a", b"b"]


async def test_what_was_tried_since_is_tried_again_as_ever(stand):
    answers = [Unavailable("connect_refused"), b"ok"]
    stand.system(Peer(lambda _call, _nth: answers.pop(0)))
    stand.plan.routes["r"] = [Step(operation=ALONE)]
    await restored(await stand.start())
    seq = await stand.accept("a")
    await stand.until(lambda: len(answers) == 1)
    await stand.quiet()
    stand.advance(60)
    assert await stand.ended((seq, 0)) == [State.DELIVERED]


async def test_what_a_schedule_finds_again_is_from_before_too(stand):
    his(stand)
    stand.plan.routes["r"] = [Step(operation=ALONE)]
    await restored(await stand.start())
    restored_at = stand.clock.now()
    stand.advance(60)
    begun = stand.clock.now()
    await stand.journal.reaches_back("r", restored_at - 1, begun)
    found = await stand.accept("a")
    assert await stand.ended((found, 0)) == [State.PARKED]
    stand.advance(60)
    await stand.journal.reaches_back("r", restored_at, stand.clock.now())
    later = await stand.accept("b")
    assert await stand.ended((later, 0)) == [State.DELIVERED]
    assert await stand.journal.rider("restored/r") == str(begun)
