"""A node with the local systems, on both databases."""

import pytest
from registry_desk import Node

from tests.unit.journal.conftest import clock, opened, opener, postgres, url

__all__ = ["clock", "opened", "opener", "postgres", "url"]


@pytest.fixture
async def node(opened):
    node = Node(opened)
    yield node
    await node.stop()
