"""Threads for libraries that block."""

import asyncio
import threading
import time

import pytest

from engine.base.clock import SystemClock
from engine.contract import Refused, Unavailable
from engine.delivery.threads import Overdue, Threads

CLOCK = SystemClock()


def soon():
    return CLOCK.monotonic() + 5


@pytest.fixture
async def threads():
    made = Threads("his", 2, CLOCK)
    yield made
    made.close()


async def test_values_and_errors_come_back_as_they_are(threads):
    assert await threads.run(lambda: 7, 1, soon()) == 7
    for error in (Refused("no"), OSError("x")):

        def fails(error=error):
            raise error

        with pytest.raises(type(error)):
            await threads.run(fails, 1, soon())


@pytest.mark.parametrize("error", [SystemExit(1), StopIteration(), KeyboardInterrupt()])
async def test_what_would_end_the_program_is_an_error_of_the_call(threads, error):
    def fails():
        raise error

    with pytest.raises(RuntimeError, match=type(error).__name__):
        await threads.run(fails, 1, soon())


async def test_calls_run_at_once_on_as_many_threads_and_no_more(threads):
    names = set()

    def work():
        names.add(threading.current_thread().name + str(threading.get_ident()))
        time.sleep(0.02)

    await asyncio.gather(*(threads.run(work, 5, soon()) for _ in range(2)))
    for _ in range(5):
        await threads.run(work, 5, soon())
    assert len(names) == 2
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "call-his")


async def test_too_late_to_begin_is_not_sent(threads):
    ran = []
    with pytest.raises(Unavailable, match="late_start"):
        await threads.run(lambda: ran.append(1), 1, CLOCK.monotonic() - 0.001)
    assert ran == []


async def test_a_call_that_no_thread_has_begun_is_surely_not_sent():
    one, ran, free = Threads("one", 1, CLOCK), [], threading.Event()
    one._start_one = lambda: None  # no thread can be had
    with pytest.raises(Unavailable, match="no_thread"):
        await one.run(lambda: ran.append(1), 0.02, soon())
    assert one.stuck == 0
    free.set()
    assert ran == []


async def test_stuck_threads_are_counted_replaced_and_come_home(threads):
    free = threading.Event()
    lost = []
    for _ in range(2):
        assert await threads.run(lambda: "fine", 1, soon()) == "fine"
        with pytest.raises(Overdue) as overdue:
            await threads.run(lambda: free.wait() and "late", 0.02, soon())
        lost.append(overdue.value.late)
    assert (threads.stuck, threads.all_stuck) == (2, True)
    free.set()
    assert await asyncio.gather(*lost) == ["late", "late"]
    assert (threads.stuck, threads.all_stuck) == (0, False)
    assert await threads.run(lambda: "fine", 1, soon()) == "fine"
    await asyncio.sleep(0.05)
    threads.close()
    await asyncio.sleep(0.05)
    assert [thread for thread in threading.enumerate() if thread.name == "call-his"] == []
