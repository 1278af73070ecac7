"""The office that waits behind the channel in the tests of calls."""

import pytest
from aiohttp import web
from calls_desk import Office


@pytest.fixture
async def office_behind():
    found = Office()
    app = web.Application()
    app.router.add_route("*", "/{name}", found.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    yield found
    for held in found.held.values():
        held.set()
    await runner.cleanup()
