"""A bus that is killed in the middle of a page: the next life reads it again, and every row is there once."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import pytest
from feeds_desk import MovedOn, Office, counts, running, until, write
from offices import served

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path

from engine.app.bus import Bus
from engine.base import log
from engine.cli.site import Adapters
from engine.settings.layers import load_config
from engine.settings.problems import Problems

site, point, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def crash(here):
    global left
    left -= here == point
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    log.set_up("error")
    bus = Bus(site, load_config(site, "desk", {}, Problems()), Adapters(), crash=crash)
    await bus.start()
    await asyncio.Event().wait()

asyncio.run(main())
"""
ROWS = [f"V{number}" for number in range(9)]


async def live_and_die(folder, point, left):
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, str(folder), point, left, cwd=ROOT)
    try:
        async with asyncio.timeout(60):
            assert await process.wait() == -9
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


@pytest.mark.parametrize(
    ("point", "left"),
    [
        ("after-accept-commit", "0"),  # rows of the first page are stored, its last one and the cursor are not
        ("after-accept-commit", "1"),  # its last row, and the cursor with it
    ],
)
async def test_every_row_is_there_once(tmp_path, point, left):
    async with served(Office()) as office:
        clinic = write(tmp_path, office.url, ('cron: "30 1 * * *"', "every: 1h"))
        clinic.visits(*ROWS)
        await live_and_die(tmp_path, point, left)
        async with running(tmp_path, MovedOn("2030-01-01T09:00:00+08:00")) as bus:
            await until(lambda: "schedule/visits/clinic.visits/main" in bus.schedules._last)
            await until(lambda: not bus.schedules.failing)
            assert await counts(bus) == {"visits": 9}
            cursor, *_ = json.loads(await bus.journal.rider("feed/visits/clinic.visits_of/main"))
            assert json.loads(cursor)[-1][1] == "V8"
    assert len(office.numbers) == len(set(office.numbers)), "nothing is sent twice on a guess"
