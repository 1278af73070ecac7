import pytest
from channel_desk import MORE, Desk, app_contracts, compiled

from adapters.http import ADAPTER
from engine.base.clock import SystemClock
from engine.base.ids import SystemIds
from engine.channel.entrance import Entrance
from engine.contract import Limits, Link

REPORTS = {"reports": [{"report_id": "L1", "kind": "LAB", "state": "final", "title": "血常规"}]}


@pytest.fixture
def desk():
    return Desk(compiled(MORE))


@pytest.fixture
def app_desk():
    return Desk(app_contracts())


@pytest.fixture
async def served():
    """A desk whose entrance stands on a real clock behind a real HTTP listener."""
    desk = Desk(app_contracts())
    desk.serves = REPORTS
    desk.clock = SystemClock()
    desk.entrance = Entrance(
        contracts=desk.entrance.contracts,
        clients=desk.entrance.clients,
        serve=desk._serve,
        audit=desk._audit,
        clock=desk.clock,
        ids=SystemIds(),
    )
    source = ADAPTER.source(Link("channel", None, listen=("127.0.0.1", 0), limits=Limits(size=4096)))
    await source.start(desk.entrance)
    desk.address = source.address
    yield desk
    await source.stop(1)
