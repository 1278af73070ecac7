"""The simulated hospital's HIS, behind a witness: every trade that takes a number or gives it back is looked up in the
journal when it passes, before the HIS has heard of it.

The HIS itself loses every so-many-th call or answer. It is told to do again what it is told twice, so that
whatever the bus doubles is doubled there.
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from tests.crash.ledger import DONE, READ, Call, Did, Watch, open_attempt
from tests.flow.programs import Around, Hospital
from tests.peers.proxy import free_port

LOST_EACH, MUTE_EACH = 29, 11
_SERIALS = {"LockOrder": "PayOrdId", "BookService": "PayOrdId", "CancelOrder": "TransactionId"}
"""The trades that change something once, and the tag with the platform's serial: our token."""
_QUESTION = "QueryRegStatus"
_PASSED_ON = ("Content-Type", "SOAPAction")
_DONE_CODE = "<ResultCode>0</ResultCode>"
_MOST = 5000


@dataclass(slots=True)
class Trade(Call):
    """One call of the HIS."""

    method: str


class Witness:
    """The hospital as a process of its own, and a port of this one that the bus takes for the HIS."""

    def __init__(self, site: Path) -> None:
        self.ledger: list[Trade] = []
        self.questions = 0
        self.wrong: list[str] = []
        self.watch: Watch = lambda _moment: False
        self._site = site
        secret_file = site / "var/secrets/gateway_secret"
        self.hospital = Hospital(site.parent / "hospital", free_port(), secret_file, free_port())

    async def start(self) -> None:
        await asyncio.to_thread(self._open_hospital)
        his = urlsplit(self.hospital.his)
        self._his = aiohttp.ClientSession(
            f"{his.scheme}://{his.netloc}", connector=aiohttp.TCPConnector(force_close=True, limit=0)
        )
        app = web.Application()
        app.router.add_post(his.path, self._trade)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.around = Around(his=f"http://127.0.0.1:{self._runner.addresses[0][1]}{his.path}")

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self._his.close()
        await asyncio.to_thread(self.hospital.close)

    def _open_hospital(self) -> None:
        self.hospital.start()
        self.hospital.post("/his/site", repeated="again", per_day=1000)
        for method in _SERIALS:
            self.hospital.post("/faults", system=f"his.{method}", kind="done_but_no_answer", every=MUTE_EACH)
            self.hospital.post("/faults", system=f"his.{method}", kind="reset_after", every=LOST_EACH)

    # --- what passes ---

    async def _trade(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        method = request.headers.get("SOAPAction", "").strip('"').rpartition(".")[2]
        self.questions += method == _QUESTION
        if method not in _SERIALS:
            reply = await self._forwarded(request, body)
            return _gone(request) if reply is None else reply
        call = self._seen(method, body)
        if self.watch(READ):
            return _gone(request)
        reply = await self._forwarded(request, body)
        if reply is None:
            call.did = Did.MUTE if await self._known(call.token) else Did.LOST
            return _gone(request)
        call.did = Did.DONE if _DONE_CODE in unescape(reply.text or "") else Did.NO
        return _gone(request) if self.watch(DONE) else reply

    def _seen(self, method: str, body: bytes) -> Trade:
        tag = _SERIALS[method]
        serial = re.search(rf"<{tag}>([^<]+)</{tag}>", unescape(body.decode()))
        token = serial[1] if serial else ""
        attempt = open_attempt(self._site, token, self.wrong) if serial else 0
        call = Trade(token, attempt, hashlib.sha256(body).hexdigest(), Did.LOST, method)
        self.ledger.append(call)
        if not serial:
            self.wrong.append(f"{method} without {tag}")
        return call

    async def _forwarded(self, request: web.Request, body: bytes) -> web.Response | None:
        """What the HIS answers; None where it does not."""
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        try:
            async with self._his.post(request.path, data=body, headers=headers) as answer:
                return web.Response(
                    status=answer.status,
                    body=await answer.read(),
                    headers={"Content-Type": answer.headers["Content-Type"]},
                )
        except aiohttp.ClientError:
            return None

    async def _known(self, token: str) -> bool:
        """Whether the HIS has done something under this serial."""
        found = await asyncio.to_thread(self.hospital.look, "/his/orders", platform=token)
        return bool(found["rows"])

    # --- what the HIS itself has written down ---

    def orders(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.hospital.look("/his/orders", limit=_MOST)["rows"]
        return rows

    def acts(self) -> list[dict[str, Any]]:
        """Every step of every order."""
        rows: list[dict[str, Any]] = self.hospital.look("/his/acts", limit=_MOST)["rows"]
        return rows

    def called(self) -> list[str]:
        """Digests of the trades above, as they reached it."""
        return [
            row["digest"]
            for method in _SERIALS
            for row in self.hospital.look("/ledger/calls", system=f"his.{method}", limit=_MOST)["rows"]
        ]


def _gone(request: web.Request) -> web.Response:
    """No answer: the connection is cut."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
