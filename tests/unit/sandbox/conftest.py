import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path

import aiohttp
import pytest
from his_caller import HisCaller
from hospital_peer import Peer
from regulator_caller import Regulated

from sandbox.hospital import Hospital, Settings
from sandbox.outbox import Pace

TODAY = date(2026, 11, 20)
FAST = Pace(ack_timeout=0.4, backoff=0.02, backoff_most=0.05, refusals=3)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    await peer.open()
    yield peer
    await peer.close()


@pytest.fixture
def chosen(tmp_path: Path, peer: Peer) -> Settings:
    return Settings(
        data=tmp_path / "hospital", base_port=0, bus=("127.0.0.1", peer.port), history=0, pace=FAST, today=TODAY
    )


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The memory of a hospital that was started once: its people and its rota are made."""
    folder = tmp_path_factory.mktemp("town") / "hospital"

    async def made() -> None:
        hospital = Hospital(Settings(data=folder, base_port=0, bus=("127.0.0.1", 9), history=0, today=TODAY))
        await hospital.start()
        await hospital.stop()

    asyncio.run(made())
    return folder


@pytest.fixture
async def hospital(chosen: Settings, town: Path) -> AsyncIterator[Hospital]:
    """A hospital that goes on where `town` ended."""
    shutil.copytree(town, chosen.data)
    hospital = Hospital(chosen)
    await hospital.start()
    yield hospital
    await hospital.stop()


@pytest.fixture
def idle(hospital: Hospital) -> Callable[[], object]:
    """True when nothing waits in any outbox."""
    return lambda: not any(sender.state()["waiting"] for sender in hospital.senders.values())


@pytest.fixture
async def his(hospital: Hospital) -> AsyncIterator[HisCaller]:
    """A caller of the HIS, whose clock stands at ten in the morning of a Friday."""
    hospital.his.clock.put("2026-11-20 10:00:00")
    hospital.his.clock.hold(True)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60)) as session:
        yield HisCaller(session, hospital)


@pytest.fixture
async def platform(hospital: Hospital) -> AsyncIterator[Regulated]:
    """A caller of the regulator's platform with the right secret."""
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{hospital.regulator_port.port}"
        yield Regulated(session, url, hospital.regulator_secret_file.read_text().strip())
