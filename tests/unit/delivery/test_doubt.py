"""Doubt: asked about, never guessed, never silently sent again."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.contract import InDoubt, Limits, Refused, Reply, Unavailable
from engine.delivery.interface import Ending, Policy
from engine.journal.interface import Act
from engine.model import Ask, Effect, Outcome, State, Verdict
from tests.unit.delivery.stand import ASKED, Peer, Step, operation

DELIVERED, PARKED, DOUBTFUL = State.DELIVERED, State.PARKED, State.DOUBTFUL


class His(Peer):
    """A HIS that may lose answers, in either direction, and is asked about afterwards."""

    def __init__(self, saves, finds=()):
        super().__init__(self._answer)
        self.saves = list(saves)
        self.finds = list(finds)

    def _answer(self, call, _nth):
        script = self.finds if call.operation == "find" else self.saves
        return script.pop(0) if len(script) > 1 else script[0]


async def doubtful(stand, seq):
    await stand.until(lambda: any(d.seq == seq and then.state is DOUBTFUL for d, _, then, _ in stand.plan.heard))


@pytest.mark.parametrize(("answer", "state"), [(b"ok", DELIVERED), (b"no", State.REFUSED)])
async def test_a_lost_answer_is_asked_about_with_the_same_document_and_token(stand, answer, state):
    his = stand.system(His([InDoubt("timeout")], [answer]))
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seq = await stand.accept("a")
    await doubtful(stand, seq)
    assert await stand.states(seq) == [DOUBTFUL]
    await stand.quiet()
    assert his.calls("find") == []  # not before its time
    stand.advance(3)
    assert await stand.ended((seq, 0)) == [state]
    assert his.calls("save") == his.calls("find")
    assert his.bodies("find") == [b"a"]
    assert await stand.attempts() == [(seq, 0, 1, state.value)]


async def test_absence_is_no_proof_until_its_time_then_it_is_sent_again(stand):
    his = stand.system(His([InDoubt("timeout"), b"ok"], [b"none"]))
    stand.plan.routes["r"] = [Step(operation=operation(ask=Ask("find", 100.0)))]
    await stand.start()
    seq = await stand.accept("a")
    await doubtful(stand, seq)
    for _ in range(33):
        stand.advance(3)
        await stand.quiet(0.01)
    assert len(his.calls("save")) == 1
    assert 3 <= len(his.calls("find")) <= 10  # with growing pauses
    assert await stand.attempts() == [(seq, 0, 1, "in_doubt")]  # what is not believed is not recorded as believed
    for _ in range(3):
        stand.advance(3)
        await stand.quiet(0.01)
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert await stand.attempts() == [(seq, 0, 1, "unsent"), (seq, 0, 2, "delivered")]
    assert len(his.calls("save")) == 2


async def test_absence_counts_from_when_it_was_asked_and_not_from_when_the_answer_came(stand):
    """A slow peer looked before the time was over; what it had not yet then may be there now."""
    his = stand.system(His([InDoubt("timeout"), b"ok"], [b"none", b"ok"]))
    his.before = lambda call: stand.clock.advance(timedelta(seconds=7)) if call.operation == "find" else None
    stand.plan.routes["r"] = [Step(operation=operation(ask=Ask("find", 8.0)))]
    await stand.start()
    seq = await stand.accept("a")
    await doubtful(stand, seq)
    stand.advance(3)
    await stand.until(lambda: his.calls("find"))
    await stand.quiet()
    stand.advance(3)
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert (len(his.calls("save")), len(his.calls("find"))) == (1, 2)


@pytest.mark.parametrize("lost", [Unavailable("connect"), InDoubt("timeout"), b"what?", KeyError("slip")])
async def test_a_question_that_gets_no_answer_is_put_again(stand, lost):
    his = stand.system(His([InDoubt("timeout")], [lost, lost, b"ok"]), breaker_after=100)
    stand.plan.routes["r"] = [Step(policy=Policy(then=Ending.FAIL, retry_for=0))]
    await stand.start()
    seq = await stand.accept("a")
    await doubtful(stand, seq)
    for _ in range(12):
        stand.advance(5)
        await stand.quiet(0.01)
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert (len(his.calls("save")), len(his.calls("find"))) == (1, 3)


async def test_the_transport_refusing_a_question_says_nothing_of_the_delivery(stand):

    his = stand.system(His([InDoubt("timeout")], [Refused("http_403"), b"ok"]))
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seq = await stand.accept("a")
    await doubtful(stand, seq)
    for _ in range(6):
        stand.advance(5)
        await stand.quiet(0.01)
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert len(his.calls("find")) == 2


async def test_questions_without_any_answer_end_with_a_person_never_with_a_failure(stand):
    stand.system(His([InDoubt("timeout")], [InDoubt("timeout")]), breaker_after=10**6)
    stand.plan.routes["r"] = [Step(policy=Policy(then=Ending.FAIL, retry_for=0))]
    await stand.start()
    seq = await stand.accept("a")
    await doubtful(stand, seq)
    for _ in range(400):
        stand.advance(300)
        await asyncio.sleep(0.002)
        if (seq, 0) in stand.plan.ended:
            break
    assert stand.plan.ended[seq, 0].state is PARKED
    assert stand.plan.ended[seq, 0].why == "unanswered"


async def test_a_question_that_cannot_be_mapped_leaves_the_doubt(stand):
    def bug(_scope, _context):
        raise ZeroDivisionError

    stand.system(His([InDoubt("timeout")], [b"ok"]))
    stand.plan.routes["r"] = [Step()]
    broken = operation("find", build=bug)
    work = stand.plan.work
    await stand.start()

    async def with_question(delivery):

        return replace(await work(delivery), question=broken)

    stand.plan.work = with_question
    seq = await stand.accept("a")
    await doubtful(stand, seq)
    stand.advance(3)
    await stand.until(lambda: len(stand.plan.heard) >= 2)
    assert await stand.states(seq) == [DOUBTFUL]


async def test_a_repeatable_operation_is_sent_again_and_doubt_outlives_its_policy(stand):
    his = stand.system(His([InDoubt("timeout"), b"ok"]))
    stand.plan.routes["r"] = [Step(operation=operation(repeatable=True))]
    await stand.start()
    seq = await stand.accept("a")
    await stand.until(lambda: len(stand.plan.heard) == 1)
    stand.advance(2)
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert his.bodies() == [b"a", b"a"]
    assert await stand.attempts() == [(seq, 0, 1, "in_doubt"), (seq, 0, 2, "delivered")]


async def test_an_older_doubt_keeps_a_repeatable_delivery_from_being_given_up(stand):
    said = [InDoubt("timeout"), Unavailable("connect")]
    stand.system(Peer(lambda _call, nth: said[min(nth, 2) - 1]), breaker_after=1000)
    policy = Policy(then=Ending.FAIL, retry_for=20.0)
    stand.plan.routes["doubt"] = [Step(operation=operation(repeatable=True), policy=policy)]
    await stand.start()
    seq = await stand.accept("a", "doubt")
    for _ in range(30):
        stand.advance(1)
        await stand.quiet(0.005)
    assert await stand.ended((seq, 0)) == [PARKED]  # it may have been done: giving up would start on_failure
    assert {outcome for *_, outcome in await stand.attempts(seq)} == {"in_doubt", "unavailable"}


@pytest.mark.parametrize(("found", "state"), [({"doc": "a"}, DELIVERED), ({}, DELIVERED), ({"doc": "b"}, PARKED)])
async def test_what_is_found_and_is_anothers_is_no_yes(stand, found, state):
    his = stand.system(His([InDoubt("timeout")], [b"found"]))
    kinds = {
        "save": operation(ask=Ask("find", same=("doc",))),
        "find": operation(
            "find", effect=Effect.NONE, understand=lambda _reply: Outcome(Verdict.DELIVERED, value={"no": "R7"} | found)
        ),
    }
    stand.plan.routes["r"] = [Step(operation=kinds["save"])]
    work = stand.plan.work
    await stand.start()

    async def with_question(delivery):
        return replace(await work(delivery), question=kinds["find"])

    stand.plan.work = with_question
    seq = await stand.accept("a")
    await doubtful(stand, seq)
    stand.advance(3)
    assert await stand.ended((seq, 0)) == [state]
    assert len(his.calls("save")) == 1


async def test_a_no_to_what_a_person_sends_again_in_doubt_is_asked_about(stand):
    """A HIS that has done it refuses it the second time; who is told "refused" would have what he does not know of."""
    his = stand.system(His([InDoubt("timeout"), b"no"], [b"ok"]))
    stand.plan.routes["r"] = [Step(policy=Policy(then=Ending.FAIL, retry_for=10.0))]
    await stand.start()
    seq = await stand.accept("a")
    await doubtful(stand, seq)
    for verb in ("park", "retry"):
        act = Act(verb, seq, 0, "li", "looked there")
        stand.delivery.spread(await stand.journal.act(act, None, stand.delivery.room))
    await stand.until(lambda: len(his.calls("save")) == 2)
    await stand.quiet()
    assert await stand.states(seq) == [DOUBTFUL]
    stand.advance(3)
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert await stand.attempts() == [(seq, 0, 1, "in_doubt"), (seq, 0, 2, "delivered")]


@pytest.mark.parametrize(
    ("op", "finds", "state", "saves"),
    [
        (ASKED, [b"ok"], DELIVERED, 1),
        (operation(), [], PARKED, 1),
        (operation(repeatable=True), [], DELIVERED, 2),
        (operation(ask=Ask("find", 1.0)), [b"none"], DELIVERED, 2),
    ],
)
async def test_a_process_that_died_in_a_call_asks_first(stand, op, finds, state, saves):
    hung = asyncio.get_running_loop().create_future()
    his = stand.system(His([hung, b"ok"], finds or [b"?"]))
    stand.plan.routes["r"] = [Step(operation=op)]
    await stand.start()
    seq = await stand.accept("a")
    await stand.until(lambda: len(his.calls()) == 1)
    await stand.crash()
    stand.clock.advance(timedelta(seconds=5))
    await stand.start()
    for _ in range(3):
        stand.advance(3)
        await stand.quiet(0.02)
    assert await stand.ended((seq, 0)) == [state]
    assert len(his.calls()) == saves
    assert len(set(his.calls())) == 1


async def test_a_doubtful_head_holds_its_lane(stand):
    his = stand.system(His([InDoubt("timeout"), b"ok"], [b"ok"]))
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    first, second = await stand.accept("a", lane="p"), await stand.accept("b", lane="p")
    other = await stand.accept("c", lane="q")
    assert await stand.ended((other, 0)) == [DELIVERED]
    await stand.quiet()
    assert his.bodies() == [b"a", b"c"]
    stand.advance(3)
    assert await stand.ended((first, 0), (second, 0)) == [DELIVERED, DELIVERED]
    assert his.bodies() == [b"a", b"c", b"b"]


class Stuck(Peer):
    """A library that blocks: calls hang until they are let go."""

    def __init__(self, hang):
        super().__init__()
        self.hang = set(hang)
        self.free = threading.Event()
        self.late = b"ok"

    def send(self, call):
        self.ledger.append((call.operation, call.token, call.body))
        if call.operation == "save" and call.body in self.hang:
            self.free.wait()
            if isinstance(self.late, Exception):
                raise self.late
            return Reply(self.late)
        return Reply(b"none" if call.operation == "find" else b"ok")

    def close(self):
        self.closed = True


BLOCKING = {"blocking": True, "limits": Limits(at_once=2, total=0.05)}


async def test_a_stuck_thread_is_replaced_and_what_it_brings_home_settles_the_doubt(stand):
    peer = stand.system(Stuck([b"a"]), **BLOCKING)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seq = await stand.accept("a")
    others = [await stand.accept(f"b{n}") for n in range(6)]
    assert await stand.ended(*[(other, 0) for other in others]) == [DELIVERED] * 6
    await doubtful(stand, seq)
    assert stand.delivery.health()[0].stuck == 1
    assert stand.delivery.health()[0].shut is None
    peer.free.set()
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert await stand.attempts(seq) == [(seq, 0, 1, "delivered")]
    assert peer.calls("find") == []
    assert stand.delivery.health()[0].stuck == 0


@pytest.mark.parametrize(("late", "state"), [(Unavailable("connect"), "ready"), (InDoubt("reset"), "doubtful")])
async def test_a_late_error_is_evidence_too(stand, late, state):
    peer = stand.system(Stuck([b"a"]), **BLOCKING)
    peer.late = late
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seq = await stand.accept("a")
    await doubtful(stand, seq)
    peer.free.set()
    await stand.until(lambda: stand.delivery.health()[0].stuck == 0)
    await stand.quiet()
    assert [s.value for s in await stand.states(seq)] == [state]


async def test_late_evidence_changes_nothing_that_was_decided_meanwhile(stand):
    peer = stand.system(Stuck([b"a"]), **BLOCKING)
    stand.plan.routes["r"] = [Step(operation=operation(repeatable=True))]
    await stand.start()
    seq = await stand.accept("a")
    await stand.until(lambda: len(stand.plan.heard) == 1)
    peer.hang.clear()
    stand.advance(2)
    assert await stand.ended((seq, 0)) == [DELIVERED]
    peer.late = b"no"
    peer.free.set()
    await stand.until(lambda: len(stand.plan.heard) == 3)
    assert stand.plan.heard[-1][3] is None  # stale
    assert await stand.states(seq) == [DELIVERED]
    evidence = await stand.journal.store.fetch("select n, outcome from evidence")
    assert [tuple(row) for row in evidence] == [(1, "refused")]


async def test_with_every_thread_stuck_the_gate_shuts_and_opens_when_one_comes_home(stand):
    peer = stand.system(Stuck([b"a", b"b"]), **BLOCKING)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    stuck = [await stand.accept(doc) for doc in ("a", "b")]
    for seq in stuck:
        await doubtful(stand, seq)
    assert stand.delivery.health()[0].shut.why == "threads_stuck"
    later = await stand.accept("c")
    await stand.quiet()
    assert len(peer.ledger) == 2
    assert await stand.attempts(later) == []
    peer.free.set()
    await stand.until(lambda: stand.delivery.health()[0].stuck == 0)
    stand.advance(2)
    assert await stand.ended((later, 0)) == [DELIVERED]


async def test_a_reply_that_comes_after_a_takeover_settles_what_is_still_in_doubt(stand):
    """Another node took this one for dead while its call was under way; what it brings home is an answer all the same."""
    his = stand.system(His([b"ok"]))
    take_over = "update deliveries set state = 'doubtful', owner = null, due = due + 3600000000 where state = 'sending'"
    his.before = lambda _call: stand.journal.store._write.execute(take_over)
    stand.plan.routes["r"] = [Step(operation=operation())]
    await stand.start()
    seq, behind = await stand.accept("a", lane="P1"), await stand.accept("b", lane="P1")
    assert await stand.ended((seq, 0), (behind, 0)) == [DELIVERED, DELIVERED]
    assert [row[3] for row in await stand.attempts()] == ["delivered", "delivered"]
