"""Many deliveries at once: order in lanes, nothing twice, nothing lost, nothing forgotten, and an end."""

import asyncio
import subprocess
import sys
import textwrap

import pytest

from engine.base.clock import SystemClock
from engine.contract import InDoubt, Unavailable
from engine.delivery.interface import Policy
from engine.model import State
from tests.unit.delivery.stand import Peer, Stand, Step, counted

DELIVERED = State.DELIVERED


def chance(seed):
    """Numbers in [0, 1), the same on every run."""
    while True:
        seed = (seed * 1103515245 + 12345) % 2**31
        yield seed / 2**31


async def test_lanes_keep_their_order_under_faults_and_the_ledger_agrees_with_the_journal(stand):
    luck, done, under_way, broken = chance(7), {}, {}, []

    async def answer(call):
        lane, number = call.body.decode().split("/")
        if under_way.get(lane):
            broken.append("two at once in a lane")
        under_way[lane] = True
        try:
            await asyncio.sleep(next(luck) * 0.003)
            throw = next(luck)
            if throw < 0.15:
                raise Unavailable("connect")
            if throw < 0.25:
                raise InDoubt("timeout")  # not done, and nobody knows
            done.setdefault(lane, []).append(int(number))
            if throw < 0.35:
                raise InDoubt("timeout")  # done, and nobody knows
        finally:
            under_way[lane] = False
        return b"ok"

    def script(call, _nth):
        if call.operation == "find":
            lane, number = call.body.decode().split("/")
            return b"ok" if int(number) in done.get(lane, []) else b"none"
        return answer(call)

    def recorded(call):
        id_, _, step = call.token.partition("-")
        open_attempts = stand.journal.store._write.execute(
            "select count(*) from attempts a join messages m on m.seq = a.message where m.id = ? and step = ? and ended is null",
            (id_, int(step)),
        )
        if call.operation == "save" and open_attempts.fetchone()[0] != 1:
            broken.append("a call without its record")

    peer = stand.system(Peer(script, before=recorded), at_once=6, breaker_after=50)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seqs = [await stand.accept(f"{lane}/{n}", lane=f"{lane}") for n in range(20) for lane in "abcdefgh"]
    for _ in range(2000):
        if len(stand.plan.ended) == len(seqs):
            break
        stand.advance(3)
        await asyncio.sleep(0.005)
    assert await stand.ended(*[(seq, 0) for seq in seqs]) == [DELIVERED] * 160
    assert broken == []
    assert done == {lane: list(range(20)) for lane in "abcdefgh"}  # in order, each once
    recorded_attempts = [row for row in await stand.attempts() if row[2] > 0]
    assert len(recorded_attempts) == len(peer.calls("save"))
    assert max(counted(peer.calls("save")).values()) > 1
    assert {outcome for *_, outcome in recorded_attempts} <= {"delivered", "unavailable", "unsent"}


async def test_an_overflow_is_claimed_without_polling_and_memory_is_bounded(stand):
    most = []
    peer = stand.system(Peer(), at_once=2)
    peer.before = lambda _call: most.append(stand.delivery.health()[0].held)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seqs = [await stand.accept(f"{n}") for n in range(150)]
    assert await stand.ended(*[(seq, 0) for seq in seqs]) == [DELIVERED] * 150
    assert max(most) <= 8
    await stand.quiet()
    assert stand.delivery.health()[0].held == 0
    assert counted(peer.calls()).most_common(1)[0][1] == 1


async def test_one_lane_runs_through_without_polling(stand):
    peer = stand.system(Peer(), at_once=1)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seqs = [await stand.accept(f"{n}", lane="p") for n in range(60)]
    await stand.ended(*[(seq, 0) for seq in seqs])
    assert peer.bodies() == [f"{n}".encode() for n in range(60)]


async def test_what_was_accepted_before_the_start_is_taken_up(stand):
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seqs = [await stand.accept(f"{n}") for n in range(100)]  # no such system yet: all stay ready
    await stand.stop()
    peer = stand.system(Peer())
    await stand.start()
    await stand.ended(*[(seq, 0) for seq in seqs])
    assert sorted(peer.bodies()) == sorted(f"{n}".encode() for n in range(100))


async def test_another_nodes_doing_is_seen_by_the_slow_poll(tmp_path):
    stand = Stand(tmp_path / "journal.db", SystemClock(), poll=0.05)
    stand.system(Peer())
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    stand.delivery.room.add("his", 0, lambda: True)  # nothing is claimed on the way
    seq = await stand.accept("a")
    stand.delivery.room.add("his", 8, lambda: True)
    assert await stand.ended((seq, 0), limit=2) == [DELIVERED]
    await stand.stop()


async def test_it_wakes_when_the_next_is_due(tmp_path):
    stand = Stand(tmp_path / "journal.db", SystemClock())  # it polls once an hour
    peer = stand.system(Peer(lambda _call, nth: b"ok" if nth == 2 else Unavailable("connect")))
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seq = await stand.accept("a")
    assert await stand.ended((seq, 0), limit=3) == [DELIVERED]
    assert len(peer.ledger) == 2
    await stand.stop()


async def test_a_stop_lets_calls_end_and_leaves_the_rest_for_the_next_start(stand):
    peer = stand.system(Peer(delay=0.2), at_once=2)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seqs = [await stand.accept(f"{n}") for n in range(6)]
    await stand.until(lambda: peer.under_way == 2)
    await stand.stop(grace=2.0)
    assert peer.closed
    assert len(peer.ledger) == 2
    assert len(stand.plan.ended) == 2
    peer.delay = 0.0
    await stand.start()
    await stand.ended(*[(seq, 0) for seq in seqs])
    assert max(counted(peer.calls()).values()) == 1


async def test_a_call_that_outlasts_the_grace_is_in_doubt_afterwards(stand):
    peer = stand.system(Peer(lambda call, nth: b"ok" if call.operation == "find" else asyncio.sleep(30, b"ok")))
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    seq = await stand.accept("a")
    await stand.until(lambda: peer.under_way == 1)
    await stand.stop(grace=0.05)
    await stand.start()
    stand.advance(3)
    assert await stand.ended((seq, 0)) == [DELIVERED]
    assert (len(peer.calls("save")), len(peer.calls("find"))) == (1, 1)


async def test_a_renewed_system_takes_new_calls_and_the_old_one_closes_when_its_last_has_ended(stand):
    old, new = Peer(delay=0.1), Peer()
    stand.system(old)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    first = await stand.accept("a")
    await stand.until(lambda: old.under_way == 1)
    stand.system(new, at_once=8)
    stand.delivery.renew(stand.systems.values())
    second = await stand.accept("b")
    assert await stand.ended((second, 0)) == [DELIVERED]
    assert not old.closed
    assert await stand.ended((first, 0)) == [DELIVERED]
    await stand.until(lambda: old.closed)
    assert (old.bodies(), new.bodies()) == ([b"a"], [b"b"])


async def test_being_behind_is_seen_and_a_system_that_is_down_counts_for_nothing(stand):
    peer = stand.system(Peer(delay=0.05), at_once=1, breaker_after=1)
    stand.plan.routes["r"] = [Step(policy=Policy())]
    await stand.start()
    for n in range(12):
        await stand.accept(f"{n}")
    assert stand.delivery.behind == 0.0
    stand.advance(7)
    await stand.until(lambda: stand.delivery.behind >= 7)
    peer.script = lambda _call, _nth: Unavailable("connect")
    await stand.until(lambda: stand.delivery.shut("his") is not None)
    assert stand.delivery.behind == 0.0


STUCK = """
    import asyncio, sys, threading, time
    from pathlib import Path
    from engine.contract import Limits
    from tests.unit.delivery.stand import Stand, Step

    class Hangs:
        def send(self, call):
            threading.Event().wait()
        def close(self): ...

    async def main():
        stand = Stand(Path(sys.argv[1]) / "journal.db")
        stand.system(Hangs(), blocking=True, limits=Limits(at_once=2, total=0.05))
        stand.plan.routes["r"] = [Step()]
        await stand.start()
        await stand.accept("a")
        await stand.until(lambda: stand.delivery.health()[0].stuck == 1)
        await stand.stop(0.1)

    asyncio.run(main())
    print("ended")
"""


@pytest.mark.slow
def test_a_stuck_thread_does_not_keep_the_process_alive(tmp_path, request):
    program = [sys.executable, "-c", textwrap.dedent(STUCK), str(tmp_path)]
    ended = subprocess.run(program, cwd=request.config.rootpath, capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout.endswith("ended\n")
