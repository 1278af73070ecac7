"""Lines are kept also where a body takes several commits to store."""

import asyncio

from engine.journal.bodies import PART
from tests.unit.journal.made import Opened, message

LARGE = b"x" * (3 * PART)


async def test_who_comes_after_a_large_message_of_its_line_stays_behind_it(opened: Opened) -> None:
    """They come over one connection in this order; the others of the line must not pass while its parts are stored."""
    new = [message(lane="P1", raw=LARGE), message(lane="P1", raw=b"y"), message(lane="P1", raw=LARGE)]
    accepts = [asyncio.ensure_future(opened.accept(one)) for one in new]
    first = await accepts[0]
    last = await opened.accept(message(lane="P1", raw=b"z"))
    every = [await one for one in accepts] + [last]
    assert [one.seq for one in every] == sorted(one.seq for one in every)
    assert [len(one.claimed) for one in every] == [1, 0, 0, 0]
    assert first is every[0]


async def test_nobody_else_waits_for_a_large_message(opened: Opened) -> None:
    large = asyncio.ensure_future(opened.accept(message(lane="P1", raw=LARGE)))
    await asyncio.sleep(0)
    others = [opened.accept(message(lane="P2", raw=b"y")), opened.accept(message(raw=b"z"))]
    done = await asyncio.gather(*others)
    assert max(one.seq for one in done) < (await large).seq


async def test_who_left_while_waiting_holds_up_nobody(opened: Opened) -> None:
    large = asyncio.ensure_future(opened.accept(message(lane="P1", raw=LARGE)))
    leaving = asyncio.ensure_future(opened.accept(message(lane="P1", raw=b"y")))
    behind = asyncio.ensure_future(opened.accept(message(lane="P1", raw=b"z")))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await large).seq < (await behind).seq
    assert not opened.journal._turns._standing
