"""A bus that is killed under a waiting caller: repeated after the restart, his key hears what was done, and it was done once."""

import asyncio
import contextlib
import sys
from pathlib import Path

import aiohttp
import pytest
from calls_desk import App, until, write

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path

from engine.app.bus import Bus
from engine.base import log
from engine.cli.site import Adapters
from engine.settings.layers import load_config
from engine.settings.problems import Problems

site, point = Path(sys.argv[1]), sys.argv[2]

def crash(here):
    if here == point:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    log.set_up("error")
    bus = Bus(site, load_config(site, "desk", {}, Problems()), Adapters(), crash=crash)
    await bus.start()
    print(bus.listeners["channel"].address, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def living(folder, point="nowhere"):
    """A bus in a process of its own, and an application that calls it. It ends without a word."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(folder), point, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        async with asyncio.timeout(60):
            address = (await process.stdout.readline()).decode().strip()
        yield process, App(address)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.parametrize(
    "point", ["after-accept-commit", "after-sending-commit", "before-settle-commit", "after-settle-commit"]
)
async def test_the_key_hears_what_was_done(tmp_path, office_behind, point):
    folder = write(tmp_path, office_behind.url)
    async with living(folder, point) as (process, app):
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await app.ask("save", "key-0001", who="P1", order="O1")
        async with asyncio.timeout(60):
            await process.wait()
    async with living(folder) as (_, app):

        async def known():
            status, said = await app.ask("save", "key-0001", who="P1", order="O1")
            assert said["code"] in {"OK", "IN_PROGRESS"}
            return said if status == 200 else None

        said = await until(known)
    saved = [number for number, (name, _) in enumerate(office_behind.ledger, start=1) if name == "save"]
    assert len(saved) == 1, office_behind.names()
    told = office_behind.names().index("save" if point != "before-settle-commit" else "find") + 1
    assert said["data"]["number"] == f"N{told}"


async def test_a_bus_that_dies_before_it_accepts_has_promised_nothing(tmp_path, office_behind):
    folder = write(tmp_path, office_behind.url)
    async with living(folder, "before-accept-commit") as (_, app):
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await app.ask("save", "key-0001", who="P1", order="O1")
    async with living(folder) as (_, app):
        status, said = await app.ask("save", "key-0001", who="P2", order="O2")
        assert (status, said["data"]["number"]) == (200, "N1"), "the key stands for nothing yet"
