"""The system behind, served over a real socket: one way for every desk that has an office of its own."""

from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def served(office):
    """The office with its `url`, while its `serve` answers every path of one name."""
    app = web.Application()
    app.router.add_route("*", "/{name}", office.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    office.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    yield office
    await runner.cleanup()
