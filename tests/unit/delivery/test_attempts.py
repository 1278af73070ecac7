"""One attempt after another: what is recorded, what goes out, what follows."""

import asyncio
import threading
from datetime import time, timedelta
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from engine.base.errors import BusError, Code
from engine.contract import InDoubt, Refused, Reply, Unavailable
from engine.delivery.interface import Ending, Policy
from engine.model import Built, Outcome, State, Verdict
from tests.unit.delivery.stand import Peer, Step, operation, refuse

DELIVERED, PARKED, GIVEN_UP = State.DELIVERED, State.PARKED, State.GIVEN_UP


async def test_a_delivery_goes_out_once_after_its_record(stand):
    seen = []
    peer = stand.system(Peer())
    stand.plan.routes["r"] = [Step()]
    peer.before = lambda call: seen.append(
        stand.journal.store._write.execute("select state, attempt from deliveries").fetchall()
    )
    await stand.start()
    seq = await stand.accept("a")
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert seen == [[("sending", 1)]]
    assert peer.bodies() == [b"a"]
    assert await stand.attempts() == [(seq, 0, 1, "delivered")]
    outcome = (await stand.journal.outcomes(seq))[0][1]
    assert (outcome.value, outcome.reply) == ({"no": "R7"}, b"ok")


async def test_steps_follow_each_other_and_systems_stand_apart(stand):
    his, store, slow = stand.system(Peer()), stand.system(Peer(), "store"), stand.system(Peer(), "slow")
    slow.script = lambda _call, _nth: asyncio.sleep(0.3, b"ok")
    stand.plan.routes["r"] = [Step("slow"), Step("his"), Step("store", needs=(1,))]
    await stand.start()
    seq = await stand.accept("a")
    assert await stand.ended((seq, 1), (seq, 2)) == [DELIVERED, DELIVERED]
    assert (seq, 0) not in stand.plan.ended
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert (his.calls(), store.calls()) == ([f"{'m' + '1'.zfill(25)}-1"], [f"{'m' + '1'.zfill(25)}-2"])


@pytest.mark.parametrize(
    ("said", "policy", "state", "outcome"),
    [
        (b"no", Policy(), State.REFUSED, "refused"),
        (b"no", Policy(park_refused=True), PARKED, "refused"),
        (Refused("http_403"), Policy(), State.REFUSED, "refused"),
        (Unavailable("connect"), Policy(retry_for=0, then=Ending.FAIL), GIVEN_UP, "unavailable"),
        (Unavailable("connect"), Policy(retry_for=0), PARKED, "unavailable"),
        (b"busy", Policy(retry_for=0, then=Ending.FAIL), GIVEN_UP, "unavailable"),
        (InDoubt("reset"), Policy(then=Ending.FAIL), PARKED, "in_doubt"),
        (b"what?", Policy(), PARKED, "in_doubt"),
        (KeyError("a library's slip"), Policy(), PARKED, "in_doubt"),
        (OSError("a library's slip"), Policy(), PARKED, "in_doubt"),
    ],
)
async def test_each_answer_has_its_end_without_a_second_call(stand, said, policy, state, outcome):
    peer = stand.system(Peer(lambda _call, _nth: said))
    stand.plan.routes["r"] = [Step(operation=operation(), policy=policy)]
    await stand.start()
    seq = await stand.accept("a")
    assert await stand.ended((seq, 0)) == [state]
    assert await stand.attempts() == [(seq, 0, 1, outcome)]
    assert len(peer.ledger) == 1


async def test_an_understanding_that_fails_is_doubt(stand):
    def fails(_reply):
        raise ZeroDivisionError

    def unreadable(_reply):
        raise BusError(Code.BACKEND_FORMAT)

    stand.system(Peer())
    stand.plan.routes["r"] = [
        Step(operation=operation(understand=fails)),
        Step(operation=operation(understand=unreadable)),
    ]
    await stand.start()
    seq = await stand.accept("a")
    assert await stand.ended((seq, 0), (seq, 1)) == [PARKED, PARKED]


async def test_a_retry_sends_the_body_that_was_stored_under_a_new_seal(stand):
    built, sealed, heads = [], [], []

    def build(_scope, _context):
        built.append(1)
        return Built(f"body {len(built)}".encode(), {"no": "7"})

    def seal(body, address, context):
        sealed.append((body.body, address, context.now, context.values["token"], context.values["system"]))
        return body.body + b" sealed", {"X-Nonce": str(len(sealed))}

    peer = stand.system(
        Peer(lambda _call, nth: b"ok" if nth == 3 else Unavailable("connect")),
        address=lambda _options, fields, url: ("POST", f"{url}/save/{fields['no']}"),
        urls={None: "/base"},
    )
    peer.before = lambda call: heads.append((dict(call.headers), dict(call.fields)))
    stand.plan.routes["r"] = [Step(operation=operation(build=build, seal=seal))]
    await stand.start()
    seq = await stand.accept("a")
    for _ in range(2):
        await stand.until(lambda: len(stand.plan.heard) == len(peer.ledger) > 0)
        stand.advance(10)
        await stand.quiet()
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert peer.bodies() == [b"body 1 sealed"] * 3
    assert len(built) == 1
    assert len(set(peer.calls())) == 1
    assert heads == [({"X-Nonce": str(n)}, {"no": "7"}) for n in (1, 2, 3)]
    assert [entry[:2] for entry in sealed] == [(b"body 1", "POST /base/save/7")] * 3
    assert len({entry[2] for entry in sealed}) == 3  # each at its own instant
    assert [outcome for *_, outcome in await stand.attempts()] == ["unavailable", "unavailable", "delivered"]


async def test_retries_keep_to_the_policy(stand):
    peer = stand.system(Peer(lambda _call, _nth: Unavailable("connect")), breaker_after=1000)
    stand.plan.routes["r"] = [Step(policy=Policy(retry_for=60.0, then=Ending.FAIL))]
    await stand.start()
    began = stand.clock.now()
    seq = await stand.accept("a")
    while (seq, 0) not in stand.plan.ended:
        stand.advance(0.25)
        await asyncio.sleep(0.004)
    assert stand.plan.ended[seq, 0].state is GIVEN_UP
    lasted = (stand.clock.now() - began) / 1e6
    assert 60 <= lasted < 64
    assert 6 <= len(peer.ledger) <= 12  # 1 s doubling, and the last one at the end


@pytest.mark.parametrize(("ending", "state"), [(Ending.PARK, PARKED), (Ending.FAIL, GIVEN_UP)])
async def test_what_cannot_be_mapped_is_never_sent(stand, ending, state):
    def bug(_scope, _context):
        raise ZeroDivisionError

    peer = stand.system(Peer())
    policy = Policy(then=ending)
    stand.plan.routes["r"] = [Step(operation=operation(build=build), policy=policy) for build in (refuse(), bug)]
    await stand.start()
    seq = await stand.accept("a")
    assert await stand.ended((seq, 0), (seq, 1)) == [state, state]
    assert [stand.plan.ended[seq, n].why for n in (0, 1)] == ["VALIDATION_FAILED", "INTERNAL"]
    assert peer.ledger == []
    assert [n for _, _, n, _ in await stand.attempts() if n] == []


async def test_what_its_standard_refuses_is_looked_at_beside_the_loop_and_never_sent(stand):
    looked = []

    def look(built):
        looked.append((built.body, threading.current_thread() is threading.main_thread()))
        if built.body == b"wrong":
            raise BusError(Code.VALIDATION_FAILED, "not valid", spot="birthDate")

    peer = stand.system(Peer())
    bodies = [Built(b"good"), Built(b"wrong"), Built(b"wrong")]
    checks = [lambda _context: look, lambda _context: look, lambda _context: None]
    stand.plan.routes["r"] = [
        Step(operation=operation(build=lambda _scope, _context, body=body: body, check=check))
        for body, check in zip(bodies, checks, strict=True)
    ]
    await stand.start()
    seq = await stand.accept("a")
    with capture_logs() as said:
        assert await stand.ended((seq, 0), (seq, 1), (seq, 2)) == [DELIVERED, PARKED, DELIVERED]
    assert sorted(looked) == [(b"good", False), (b"wrong", False)]
    assert sorted(peer.bodies()) == [b"good", b"wrong"]
    refused = [{"operation": "save", "path": "birthDate"}]
    assert [{key: line[key] for key in refused[0]} for line in said if line["event"] == "map_refused"] == refused


async def test_a_skipped_step_frees_those_behind_it(stand):
    peer = stand.system(Peer())
    stand.plan.routes["r"] = [Step(run=False), Step(needs=(0,))]
    await stand.start()
    seq = await stand.accept("a")
    assert await stand.ended((seq, 0), (seq, 1)) == [State.SKIPPED, DELIVERED]
    assert len(peer.ledger) == 1


async def test_a_plan_that_says_no_parks_and_one_that_fails_is_tried_again(stand):
    peer = stand.system(Peer())
    stand.plan.routes["r"] = [Step()]
    stand.plan.fault = BusError(Code.NOT_FOUND, "no such step")
    await stand.start()
    first = await stand.accept("a")
    assert await stand.ended((first, 0)) == [PARKED]
    stand.plan.fault = OSError("the journal is away")
    second = await stand.accept("b")
    await stand.until(lambda: len(stand.plan.heard) == 2)
    assert stand.plan.heard[1][2].state is State.READY
    stand.plan.fault = None
    stand.advance(10)
    assert await stand.ended((second, 0)) == [DELIVERED]
    assert peer.bodies() == [b"b"]


async def test_a_campus_without_the_system_is_parked_and_each_campus_has_its_place(stand):
    main, north = Peer(), Peer()
    stand.system({"main": main, "north": north})
    stand.plan.routes["r"] = [Step(campus="main"), Step(campus="north"), Step(campus="south")]
    await stand.start()
    seq = await stand.accept("a")
    assert await stand.ended((seq, 0), (seq, 1), (seq, 2)) == [DELIVERED, DELIVERED, PARKED]
    assert (len(main.ledger), len(north.ledger)) == (1, 1)


async def test_a_node_that_was_frozen_after_the_record_sends_nothing(stand):
    peer = stand.system(Peer())
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    record, freeze = stand.journal.sending, [6.0, 4.0]

    async def frozen(*mark):
        attempt = await record(*mark)
        stand.clock.advance(timedelta(seconds=freeze.pop(0)))
        return attempt

    stand.journal.sending = frozen
    seq = await stand.accept("a")
    await stand.until(lambda: len(stand.plan.heard) == 1)
    assert peer.ledger == []
    assert await stand.attempts() == [(seq, 0, 1, "unavailable")]
    stand.advance(10)
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert len(peer.ledger) == 1


async def test_what_was_withdrawn_in_the_queue_is_never_sent(stand):
    peer = stand.system(Peer(lambda call, _nth: asyncio.sleep(0.1, b"ok")), at_once=1)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    first, second, third = [await stand.accept(doc) for doc in "abc"]
    assert await stand.journal.withdraw(second, stand.delivery.room) is not None
    assert await stand.ended((first, 0), (third, 0)) == [DELIVERED, DELIVERED]
    assert peer.bodies() == [b"a", b"c"]
    assert await stand.states(second) == [State.WITHDRAWN]
    told = [(then.state, progress) for d, _, then, progress in stand.plan.heard if d.seq == second]
    assert told == [(State.WITHDRAWN, None)]
    assert stand.plan.working == set()


async def test_an_outcome_waits_for_a_journal_that_cannot_write(stand):
    stand.system(Peer())
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    settle, troubles = stand.journal.settle, [OSError("away"), BusError(Code.INTERNAL, "refused")]

    async def troubled(*mark):
        if troubles:
            raise troubles.pop(0)
        return await settle(*mark)

    stand.journal.settle = troubled
    seq = await stand.accept("a")
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert troubles == []


async def test_faults_of_the_floor_above_lose_no_outcome(stand):
    stand.system(Peer())
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    good_then, good_settled = stand.plan.then, stand.plan.settled

    def bad(*_args):
        raise ZeroDivisionError

    stand.plan.settled = bad
    first = await stand.accept("a")
    await stand.quiet()
    assert await stand.states(first) == [DELIVERED]
    stand.plan.settled, stand.plan.then = good_settled, bad
    second = await stand.accept("b")
    assert await stand.ended((second, 0)) == [PARKED]
    assert (await stand.journal.outcomes(second))[0][1].verdict is Verdict.DELIVERED
    stand.plan.then = good_then
    third = await stand.accept("c")
    assert await stand.ended((third, 0)) == [DELIVERED]
    assert stand.delivery.health()[0].held == 0


async def test_a_reply_of_rows_is_kept(stand):
    def counted(reply):
        return Outcome(Verdict.DELIVERED if reply.count == 1 else Verdict.IN_DOUBT)

    stand.system(Peer(lambda _call, _nth: Reply(rows=[{"n": 1}], count=1)))
    stand.plan.routes["r"] = [Step(operation=operation(understand=counted))]
    await stand.start()
    seq = await stand.accept("a")
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert (await stand.journal.outcomes(seq))[0][1].reply == b'{"n": 1}'


@pytest.mark.parametrize(
    "said", [Reply(rows=[{"at": time(8, 30)}]), Refused("constraint", Reply(rows=[{"x": object()}]))]
)
async def test_a_reply_that_cannot_be_kept_whole_leaves_nothing_under_way(stand, said):
    stand.system(Peer(lambda _call, _nth: said))
    stand.plan.routes["r"] = [Step(operation=operation())]
    await stand.start()
    seq = await stand.accept("a", lane="P1")
    behind = await stand.accept("b", lane="P1")
    refused = isinstance(said, Refused)
    assert await stand.ended((seq, 0)) == [State.REFUSED if refused else PARKED]
    if refused:
        assert await stand.ended((behind, 0)) == [State.REFUSED], "its line goes on"


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(Verdict.DELIVERED, value={"price": Decimal("1.20")}),
        Outcome(Verdict.DELIVERED, backend_text="\ud800"),
        Outcome(Verdict.DELIVERED, value={"count": 1 << 70}),
    ],
)
async def test_an_answer_whose_words_cannot_be_stored_still_ends_its_delivery(stand, outcome):
    stand.system(Peer())
    stand.plan.routes["r"] = [Step(operation=operation(understand=lambda _reply: outcome))]
    await stand.start()
    seq = await stand.accept("a")
    assert await stand.ended((seq, 0)) == [DELIVERED]
