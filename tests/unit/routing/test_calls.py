"""Waiting callers, through HTTP: what is told is what was committed, and a repeated key does nothing twice."""

import pytest
from aiohttp import web
from calls_desk import App, Office, write
from test_bus_over_http import running


@pytest.fixture
async def office():
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


@pytest.fixture
def folder(tmp_path, office):
    return write(tmp_path, office.url)


def app_of(bus, name="app"):
    return App(bus.listeners["channel"].address, name)


async def test_a_caller_hears_the_reply_and_a_repeat_hears_it_again(folder, office):
    async with running(folder) as bus:
        app = app_of(bus)
        status, said = await app.ask("save", "key-0001", who="P1", order="O1")
        assert (status, said["code"], said["data"]["number"]) == (200, "OK", "N1")
        assert said["backend"] == {"system": "office", "code": "0", "message": None}
        again = await app.ask("save", "key-0001", who="P1", order="O1")
        assert (again[0], again[1]["data"]) == (200, said["data"])
        assert office.names() == ["save"]
    async with running(folder) as bus:
        assert (await app_of(bus).ask("save", "key-0001", who="P1", order="O1"))[1]["data"] == said["data"]
        assert office.names() == ["save"]
