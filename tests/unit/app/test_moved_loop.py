"""The loop on a moved clock: timers by the clock alone, and quiet only when nothing is left to do."""

import asyncio
from datetime import UTC, datetime

import pytest

from engine.app.scenarios.loop import MovedLoop
from engine.base.clock import SECOND, MovedClock

BEGIN = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def run(work):
    """Runs `work(loop, clock)` on a moved loop."""
    clock = MovedClock(BEGIN)
    loop = MovedLoop(clock)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(work(loop, clock))


@pytest.mark.parametrize("seconds", [0.25, 2.0, 86_400.0, 90 * 86_400.0])
def test_a_timer_fires_at_its_instant_and_not_before(seconds):
    async def work(loop, clock):
        woken = []
        sleeping = asyncio.create_task(asyncio.sleep(seconds))
        sleeping.add_done_callback(lambda _: woken.append(loop.time()))
        await loop.quiet()
        await loop.advance(seconds - 0.001)
        assert woken == []
        await loop.advance(0.001)
        return woken

    assert run(work) == [pytest.approx(seconds)]


def test_it_is_quiet_after_everything_that_follows_from_everything():
    async def work(loop, clock):
        seen = []

        async def chain(left):
            for _ in range(50):
                await asyncio.sleep(0)
            seen.append(left)
            if left:
                await asyncio.to_thread(seen.append, "in a thread")
                asyncio.create_task(chain(left - 1))  # noqa: RUF006 - it ends before the loop does

        first = asyncio.create_task(chain(3))
        await loop.quiet()
        assert first.done()
        return seen

    assert run(work) == [3, "in a thread", 2, "in a thread", 1, "in a thread", 0]


def test_what_fails_in_a_thread_fails_where_it_is_awaited():
    async def work(loop, clock):
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)

    run(work)


def test_a_jump_fires_what_is_overdue_once():
    async def work(loop, clock):
        beats = []

        async def beat():
            while True:
                beats.append(clock.now())
                await asyncio.sleep(0.25)

        beating = asyncio.create_task(beat())
        await loop.quiet()
        await loop.advance(3600)
        beating.cancel()
        return [(beat - beats[0]) / SECOND for beat in beats]

    assert run(work) == [0, 3600]


def test_time_passes_by_itself_where_nobody_plays():
    async def work(loop, clock):
        begun = loop.time()
        async with asyncio.timeout(20):
            await asyncio.sleep(10)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 5)
        return loop.time() - begun

    assert run(work) == pytest.approx(15, abs=0.001)
