"""A stand on a temporary journal, stopped at the end."""

import pytest

from tests.unit.delivery.stand import Stand


@pytest.fixture
async def stand(tmp_path):
    stand = Stand(tmp_path / "journal.db")
    yield stand
    if hasattr(stand, "delivery"):
        await stand.stop(0.2)
