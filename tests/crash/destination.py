"""A strict message platform with a ledger of its own: at the moment a call arrives it looks into the journal.

It does what it is asked, once or as often as it is asked; now and then it is busy, loses a call, or loses its answer.
"""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.crash.ledger import DONE, READ, Call, Did, Watch, open_attempt
from tests.flow.programs import Around
from tests.flow.site import secret

BUSY_EACH, LOST_EACH, MUTE_EACH = 23, 41, 29


@dataclass(slots=True)
class Notice(Call):
    """One message that the platform was to send."""

    patient: str
    report: str
    report_time: str
    title: str


class Platform:
    """Serves on a free port. `wrong` holds what a strict platform complains of."""

    def __init__(self, site: Path, app: str) -> None:
        self.ledger: list[Notice] = []
        self.questions = 0
        self.wrong: list[str] = []
        self.watch: Watch = lambda _point: False
        self._site = site
        self._app, self._secret = app, secret(site, "gateway_secret")
        self._nonces: set[str] = set()

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/api/message/send", self._send)
        app.router.add_get("/api/message/status", self._status)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.around = Around(gateway=f"http://127.0.0.1:{self._runner.addresses[0][1]}")

    async def stop(self) -> None:
        await self._runner.cleanup()

    @property
    def done(self) -> list[Notice]:
        """What was done, in order."""
        return [call for call in self.ledger if call.did in (Did.DONE, Did.MUTE)]

    async def _send(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        asked = json.loads(body)
        attempt = open_attempt(self._site, asked["msgId"], self.wrong)
        self._check(request, body)
        did = Did.LOST if self.watch(READ) else self._mood()
        self._keep(asked, attempt, hashlib.sha256(body).hexdigest(), did)
        if did in (Did.LOST, Did.MUTE) or (did is Did.DONE and self.watch(DONE)):
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return _said("1500" if did is Did.BUSY else "0")

    async def _status(self, request: web.Request) -> web.StreamResponse:
        self._check(request, b"")
        self.questions += 1
        token = request.query["msgId"]
        return _said("0" if any(call.token == token for call in self.done) else "1404")

    def _keep(self, asked: dict[str, Any], attempt: int, digest: str, did: Did) -> None:
        params = asked["params"]
        said = asked["patientId"], params["reportNo"], params["reportTime"], params["title"]
        self.ledger.append(Notice(asked["msgId"], attempt, digest, did, *said))

    def _mood(self) -> Did:
        number = len(self.ledger) + 1
        for each, did in ((LOST_EACH, Did.LOST), (MUTE_EACH, Did.MUTE), (BUSY_EACH, Did.BUSY)):
            if number % each == 0:
                return did
        return Did.DONE

    def _check(self, request: web.Request, body: bytes) -> None:
        """The signature as the platform's paper has it."""
        given = request.headers
        stamp, nonce = given.get("X-Timestamp", ""), given.get("X-Nonce", "")
        text = "\n".join((request.method, request.raw_path, stamp, nonce, hashlib.sha256(body).hexdigest()))
        right = hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if given.get("X-App-Id") != self._app or given.get("X-Signature") != right:
            self.wrong.append("a signature that is wrong")
        if nonce in self._nonces:
            self.wrong.append("a nonce that was used before")
        if abs(time.time() - int(stamp)) > 60:
            self.wrong.append("a timestamp that is old")
        self._nonces.add(nonce)


def _said(code: str) -> web.Response:
    data = {"serialNo": "S1", "state": "SENT"} if code == "0" else None
    return web.json_response({"code": code, "msg": "", "data": data})
