"""A stand on a temporary journal, stopped at the end."""

import pytest

from tests.postgres_server import postgres
from tests.unit.delivery.stand import Stand

__all__ = ["postgres"]


@pytest.fixture
async def stand(tmp_path):
    stand = Stand(tmp_path / "journal.db")
    yield stand
    if hasattr(stand, "delivery"):
        await stand.stop(0.2)
