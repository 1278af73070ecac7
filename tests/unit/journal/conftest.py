"""Journals in temporary places, on a clock that the test moves; every case runs on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.base.clock import MovedClock
from tests.postgres_server import postgres
from tests.unit.journal.made import Opened, Opener

__all__ = ["postgres"]


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    fresh: str = request.getfixturevalue("postgres").fresh()
    return fresh


@pytest.fixture
async def opener(url: str, clock: MovedClock) -> AsyncIterator[Opener]:
    """Opens the same journal, one life after the other; closes what is left open."""
    opener = Opener(url, clock)
    yield opener
    await opener.close()


@pytest.fixture
async def opened(opener: Opener) -> Opened:
    return await opener.open()
