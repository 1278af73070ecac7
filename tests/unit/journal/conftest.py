"""Journals in temporary folders, on a clock that the test moves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.base.clock import MovedClock
from tests.unit.journal.made import Opened, Opener


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def opener(tmp_path: Path, clock: MovedClock) -> AsyncIterator[Opener]:
    """Opens journals on the same file, one life after the other; closes what is left open."""
    opener = Opener(f"sqlite:///{tmp_path / 'journal.db'}", clock)
    yield opener
    await opener.close()


@pytest.fixture
async def opened(opener: Opener) -> Opened:
    return await opener.open()
