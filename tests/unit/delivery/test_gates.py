"""What holds calls back: breaker, closed hours, places, pace, room."""

import asyncio
from datetime import time, timedelta
from zoneinfo import ZoneInfo

from engine.base.clock import SECOND, MovedClock, SystemClock
from engine.base.metrics import REGISTRY
from engine.contract import InDoubt, Unavailable
from engine.delivery.breaker import Breaker
from engine.delivery.gate import Gate
from engine.delivery.hours import Hours
from engine.delivery.interface import Ending, Policy
from engine.delivery.room import Rooms
from engine.delivery.slots import Pace, Slots, Turn
from engine.model import State
from tests.unit.delivery.stand import Peer, Step, operation

DELIVERED, GIVEN_UP = State.DELIVERED, State.GIVEN_UP


def test_a_breaker_opens_after_failures_in_a_row_and_one_trial_closes_it():
    clock = MovedClock()
    breaker = Breaker(clock, after=3, pause=10.0)
    for said in (False, False, True, False, False):
        breaker.answered() if said else breaker.failed(trial=False)
    assert not breaker.is_open
    breaker.failed(trial=False)
    assert breaker.is_open
    assert breaker.opens(clock.now()) == clock.now() + 10 * SECOND
    clock.advance(timedelta(seconds=10))
    assert breaker.begin()
    assert breaker.trying
    breaker.failed(trial=False)  # one of those that began before
    assert breaker.trying
    breaker.failed(trial=True)
    assert breaker.opens(clock.now()) == clock.now() + 10 * SECOND
    clock.advance(timedelta(seconds=10))
    assert breaker.begin()
    breaker.dropped(trial=True)
    assert not breaker.trying
    assert breaker.begin()
    breaker.answered()
    assert not breaker.is_open
    assert not breaker.begin()


async def test_an_open_breaker_lets_one_call_try_and_records_no_attempt_for_the_others(stand):
    up = False
    peer = stand.system(Peer(lambda _call, _nth: b"ok" if up else Unavailable("connect")), breaker_after=3, at_once=2)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seqs = [await stand.accept(f"{n}") for n in range(20)]
    await stand.until(lambda: stand.delivery.shut("his") is not None)
    await stand.quiet()
    assert stand.delivery.shut("his").why == "breaker_open"
    assert REGISTRY.get_sample_value("hisbus_breaker_open", {"system": "his"}) == 1
    assert len(peer.ledger) <= 4  # three in a row, and one that was under way
    assert len(await stand.attempts()) == len(peer.ledger)
    before = len(peer.ledger)
    for trial in (1, 2):
        stand.advance(10)
        await stand.quiet(0.1)
        assert len(peer.ledger) == before + trial
    up = True
    for _ in range(40):
        stand.advance(5)
        await stand.quiet(0.01)
    assert await stand.ended(*[(seq, 0) for seq in seqs]) == [DELIVERED] * 20
    assert stand.delivery.shut("his") is None
    assert REGISTRY.get_sample_value("hisbus_breaker_open", {"system": "his"}) == 0
    assert len(await stand.attempts()) == len(peer.ledger)


async def test_of_those_that_waited_for_a_place_only_one_is_the_trial():
    clock = MovedClock()
    breaker, slots = Breaker(clock, after=1, pause=1.0), Slots(lambda: 2)
    gate = Gate("his", clock, slots=slots, pace=Pace(clock, lambda: None), breaker=breaker, hours=Hours())
    before = [await gate.enter(Turn.DELIVERY) for _ in range(2)]
    after = [asyncio.create_task(gate.enter(Turn.DELIVERY)) for _ in range(2)]
    await asyncio.sleep(0)
    breaker.open()
    clock.advance(timedelta(seconds=1))
    for passed in before:
        with passed:
            passed.say(answered=False)
    await asyncio.sleep(0.01)
    assert [task.done() for task in after] == [True, False]
    with after[0].result() as trial:
        trial.say(answered=True)
    with await after[1]:
        assert slots.busy == 1
    assert slots.busy == 0


async def test_refusals_are_answers_and_open_nothing(stand):
    stand.system(Peer(lambda _call, _nth: b"no"), breaker_after=2)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seqs = [await stand.accept(f"{n}") for n in range(8)]
    await stand.ended(*[(seq, 0) for seq in seqs])
    assert stand.delivery.shut("his") is None


async def test_doubts_open_the_breaker_too(stand):
    stand.system(Peer(lambda _call, _nth: InDoubt("reset")), breaker_after=2, at_once=1)
    stand.plan.routes["r"] = [Step(operation=operation())]
    await stand.start()
    for n in range(4):
        await stand.accept(f"{n}")
    await stand.until(lambda: stand.delivery.shut("his") is not None)


async def test_behind_an_open_breaker_policies_go_on_ending(stand):
    peer = stand.system(Peer(lambda _call, _nth: Unavailable("connect")), breaker_after=1, at_once=1)
    stand.plan.routes["patient"] = [Step()]
    stand.plan.routes["short"] = [Step(policy=Policy(retry_for=30.0, then=Ending.FAIL))]
    stand.plan.routes["waits"] = [Step(policy=Policy(retry_for=0.0, then=Ending.FAIL))]
    await stand.start()
    for n in range(12):
        await stand.accept(f"{n}", "patient")
    await stand.until(lambda: stand.delivery.shut("his") is not None)
    waits, short = await stand.accept("w", "waits"), await stand.accept("s", "short")
    for _ in range(4):
        stand.advance(0.25)
        await stand.quiet(0.01)
    assert await stand.ended((waits, 0)) == [GIVEN_UP]  # its caller is told before a trial is due
    assert stand.plan.ended[waits, 0].why == "breaker_open"
    for _ in range(60):
        stand.advance(1)
        await stand.quiet(0.005)
    assert await stand.ended((short, 0)) == [GIVEN_UP]
    assert b"w" not in peer.bodies()


async def test_in_closed_hours_deliveries_wait_for_the_opening_and_callers_are_told(stand):
    hours = Hours([(time(9, 0), time(9, 20))], ZoneInfo("Asia/Shanghai"))  # the clock stands at 09:00 there
    peer = stand.system(Peer(), hours=hours)
    stand.plan.routes["r"] = [Step(policy=Policy(retry_for=60.0))]
    stand.plan.routes["waits"] = [Step(policy=Policy(retry_for=0.0, then=Ending.FAIL))]
    await stand.start()
    seq, told = await stand.accept("a"), await stand.accept("b", "waits")
    stand.delivery.wake()
    assert await stand.ended((told, 0)) == [GIVEN_UP]
    assert stand.plan.ended[told, 0].why == "closed"
    stand.advance(20 * 60 - 1)
    await stand.quiet()
    assert peer.ledger == []
    assert await stand.attempts() == []
    stand.advance(1)
    assert await stand.ended((seq, 0)) == [DELIVERED]  # although its minute is over: the hours are nobody's fault


async def test_no_more_calls_at_once_than_the_system_bears_and_nodes_share(stand):
    peer = stand.system(Peer(delay=0.01), at_once=6)
    stand.plan.routes["r"] = [Step()]
    stand.options["nodes"] = lambda: 2
    await stand.start()
    seqs = [await stand.accept(f"{n}") for n in range(30)]
    await stand.ended(*[(seq, 0) for seq in seqs])
    assert peer.most == 3


async def test_deliveries_and_reads_take_turns_for_places():
    slots = Slots(lambda: 1)
    await slots.take(Turn.READ)
    order = []

    async def wait(turn, name):
        await slots.take(turn)
        order.append(name)
        slots.give()

    readers = [asyncio.create_task(wait(Turn.READ, f"r{n}")) for n in range(4)]
    await asyncio.sleep(0)
    carriers = [asyncio.create_task(wait(Turn.DELIVERY, f"d{n}")) for n in range(2)]
    await asyncio.sleep(0)
    readers[0].cancel()
    slots.give()
    await asyncio.gather(*readers, *carriers, return_exceptions=True)
    assert order == ["d0", "r1", "d1", "r2", "r3"]
    assert slots.busy == 0


async def test_a_place_that_came_while_its_waiter_left_goes_on_to_the_next():
    slots = Slots(lambda: 1)
    await slots.take(Turn.DELIVERY)
    leaves = asyncio.create_task(slots.take(Turn.DELIVERY))
    stays = asyncio.create_task(slots.take(Turn.DELIVERY))
    await asyncio.sleep(0)
    slots.give()
    leaves.cancel()
    async with asyncio.timeout(60):
        await stays
    assert slots.busy == 1


async def test_calls_keep_their_pace():
    clock = SystemClock()
    pace = Pace(clock, lambda: 50.0)
    began = clock.monotonic()
    await asyncio.gather(*(pace.turn() for _ in range(11)))
    assert clock.monotonic() - began >= 0.19


def test_room_is_counted_per_system_and_wanted_again_when_half_empty():
    rooms, is_open = Rooms(), True
    rooms.add("his", 4, lambda: is_open)
    assert not rooms.take("unknown")
    assert [rooms.take("his") for _ in range(5)] == [True] * 4 + [False]
    assert rooms.reserve("his") == 0
    rooms.give("his")
    assert not rooms.wanted("his")
    rooms.give("his")
    assert rooms.wanted("his")
    assert rooms.reserve("his") == 2
    assert not rooms.wanted("his")
    rooms.give_back("his", 4)
    is_open = False
    assert not rooms.take("his")
    assert rooms.held("his") == 0
