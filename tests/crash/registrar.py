"""The simulated supervision platform behind a port that misbehaves: it is out of reach, busy, slow, mute, or breaks off.

It keeps whatever it is sent and cannot be asked, so each call that comes again is looked at afterwards.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from sandbox.regulator.envelope import opened
from tests.crash.ledger import Call, Did
from tests.flow.programs import Hospital
from tests.flow.site import secret

_BUSY, _LOST, _MUTE, _RESET, _HALF, _SLOW, _AWAY = "busy", "lost", "mute", "reset", "half", "slow", "away"
_EACH = 7
"""One call in so many meets the next of these."""
_FAULTS = (_BUSY, _HALF, _AWAY, _MUTE, _SLOW, _RESET, _LOST)
_SECONDS_SLOW, _SECONDS_AWAY, _SECONDS_MUTE = 0.6, 0.3, 30.0
_BUSY_ANSWER = '{"code": -1, "msg": "系统繁忙"}'


class Registrar:
    """Listens on a free port. `under_way`: records of calls that it has not done with."""

    def __init__(self, site: Path, hospital: Hospital) -> None:
        self.ledger: list[Call] = []
        self.under_way: set[str] = set()
        self._key = bytes.fromhex(secret(site, "regulator_secret"))
        self._hospital = hospital
        self._moods = _moods()

    async def start(self) -> None:
        """The hospital has started."""
        there = urlsplit(self._hospital.regulator)
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        self._platform = aiohttp.ClientSession(f"{there.scheme}://{there.netloc}", connector=connector)
        app = web.Application()
        app.router.add_post(f"{there.path}/api", self._upload)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        self._door = web.TCPSite(self._runner, "127.0.0.1", 0)
        await self._door.start()
        self._port = self._runner.addresses[0][1]
        self._away: asyncio.Task[None] | None = None
        self.url = f"http://127.0.0.1:{self._port}{there.path}"

    async def stop(self) -> None:
        if self._away is not None:
            await self._away
        await self._runner.cleanup()
        await self._platform.close()

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        plain = opened(body, self._key)
        record = str(json.loads(plain)[0]["bussID"])
        digest, mood = hashlib.sha256(plain).hexdigest(), next(self._moods)
        call = Call(f"{record}/{digest[:12]}", 0, digest, Did.LOST)
        self.ledger.append(call)
        self.under_way.add(record)
        try:
            return await self._answered(request, body, call, mood)
        finally:
            self.under_way.discard(record)

    async def _answered(self, request: web.Request, body: bytes, call: Call, mood: str) -> web.StreamResponse:
        if mood == _LOST:
            return _cut(request)
        if mood == _BUSY:
            call.did = Did.BUSY
            return _said(_BUSY_ANSWER.encode())
        said = await self._done(request, body)
        call.did = Did.MUTE if mood in (_MUTE, _RESET, _HALF) else Did.DONE
        match mood:
            case "mute":
                await _left(request)
                return _cut(request)
            case "reset":
                return _cut(request)
            case "half":
                return await _half(request, said)
            case "slow":
                await asyncio.sleep(_SECONDS_SLOW)
            case "away":
                await self._leave()
        return _said(said)

    async def _done(self, request: web.Request, body: bytes) -> bytes:
        """What the platform answers; it knows of each header."""
        headers = {name: value for name, value in request.headers.items() if name.startswith(("X-", "Content-Type"))}
        async with self._platform.post(request.path, data=body, headers=headers) as answer:
            return await answer.read()

    async def _leave(self) -> None:
        """Nobody listens for a moment."""
        if self._away is None or self._away.done():
            await self._door.stop()
            self._away = asyncio.create_task(self._return())

    async def _return(self) -> None:
        await asyncio.sleep(_SECONDS_AWAY)
        self._door = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await self._door.start()


def _moods() -> Iterator[str]:
    faults = cycle(_FAULTS)
    for number in count(1):
        yield next(faults) if number % _EACH == 0 else ""


def _said(content: bytes) -> web.Response:
    answer = web.Response(body=content, content_type="application/json")
    answer.force_close()  # so that the next call finds the door open or shut
    return answer


async def _half(request: web.Request, content: bytes) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(content))})
    await answer.prepare(request)
    await answer.write(content[: len(content) // 2])
    _cut(request)
    return answer


async def _left(request: web.Request) -> None:
    """Returns when the caller has hung up."""
    async with asyncio.timeout(_SECONDS_MUTE):
        while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
