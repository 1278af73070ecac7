"""Both event loops, the PostgreSQL server of the session, and one stand for each adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.contract.databases import PostgresStand, SqliteStand
from tests.contract.stands import WIRE, FhirStand, HttpStand, MllpStand, SoapStand, Stand
from tests.peers.postgres import programs, running


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Sites run on uvloop, Windows on asyncio's own loop: transports differ, promises do not."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `wire_stand` runs on the adapters that have a network between them and the peer; one that
    names its stands itself, on those.
    """
    named = any("stand" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "stand" in metafunc.fixturenames and not named:
        kinds = WIRE if "wire_stand" in metafunc.fixturenames else (*WIRE, "sqlite")
        marks = {"postgres": [pytest.mark.postgres]}
        metafunc.parametrize("stand", [pytest.param(kind, marks=marks.get(kind, [])) for kind in kinds], indirect=True)


@pytest.fixture(scope="session")
def postgres_port() -> Iterator[int]:
    if programs() is None:
        pytest.skip("no PostgreSQL server is installed here: apt-get install postgresql")
    with running() as port:
        yield port


@pytest.fixture
async def stand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stand]:
    make: dict[str, Callable[[], Stand]] = {
        "mllp": MllpStand,
        "http": HttpStand,
        "fhir": FhirStand,
        "soap": SoapStand,
        "sqlite": lambda: SqliteStand(tmp_path),
        "postgres": lambda: PostgresStand(tmp_path, request.getfixturevalue("postgres_port")),
    }
    opened = make[request.param]()
    async with opened.stack:
        await opened.set_up()
        yield opened


@pytest.fixture
def wire_stand(stand: Stand) -> Stand:
    return stand
