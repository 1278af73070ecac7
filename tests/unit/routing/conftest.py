"""The office that waits behind the channel in the tests of calls."""

import pytest
from calls_desk import Office
from offices import served


@pytest.fixture
async def office_behind():
    async with served(Office()) as found:
        yield found
        for held in found.held.values():
            held.set()
