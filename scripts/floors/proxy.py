"""Floor of W2: a bare ASGI proxy that commits each request, calls the system behind, and commits its reply.

The same server, client and commits (one writer, group commit, WAL, synchronous=FULL) as the bus. No signature, no
mapping, no encryption, no audit, and no mark between the two that the call has begun.

    python scripts/floors/proxy.py PORT DATABASE BACKEND_PORT
"""

import asyncio
import hashlib
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import uvicorn
from pipeline import SCHEMA

Send = Callable[[dict[str, Any]], Any]


class Store:
    """Group commit: what has gathered while the last commit ran is the next batch."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("pragma journal_mode=wal")
        self.db.execute("pragma synchronous=full")
        self.db.executescript(SCHEMA)
        self.asked: list[tuple[int, bytes]] = []
        self.answered: list[tuple[int, bytes]] = []
        self.waiting: list[asyncio.Future[None]] = []
        self.seq = 0

    async def ask(self, body: bytes) -> int:
        self.seq += 1
        self.asked.append((self.seq, body))
        seq = self.seq
        await self._durable()
        return seq

    async def answer(self, seq: int, body: bytes) -> None:
        self.answered.append((seq, body))
        await self._durable()

    async def _durable(self) -> None:
        loop = asyncio.get_running_loop()
        if not self.waiting:
            loop.call_soon(self._flush)
        done = loop.create_future()
        self.waiting.append(done)
        await done

    def _flush(self) -> None:
        (asked, self.asked), (answered, self.answered) = (self.asked, []), (self.answered, [])
        waiting, self.waiting = self.waiting, []
        rows = [(seq, f"m{seq:025d}", body, hashlib.sha256(b"%d" % seq + body).digest()) for seq, body in asked]
        db = self.db
        db.execute("begin immediate")
        db.executemany("insert into keys values ('r', 's', ?, ?, ?, 0)", [(r[3][:16], r[0], r[3]) for r in rows])
        db.executemany("insert into messages values (?, ?, 'r', 'rel', 0, null, null, 1, null)", [r[:2] for r in rows])
        db.executemany("insert into bodies values (?, 0, 0, ?)", [r[1:3] for r in rows])
        db.executemany("insert into finds values ('patient', ?, ?)", [(r[3][:16], r[0]) for r in rows])
        db.executemany(
            "insert into deliveries values (?, 0, 'a', null, 'claimed', 1, 0, 0, 0, 1, null, null)",
            [r[:1] for r in rows],
        )
        ended = [(body, seq) for seq, body in answered]
        db.executemany("insert into attempts values (?2, 0, 1, 0, null, 1, 'delivered', ?1)", ended)
        db.executemany("update deliveries set state = 'delivered', holds = 0 where message = ?", [e[1:] for e in ended])
        db.executemany("update messages set open = 0, answer = ? where seq = ?", ended)
        db.execute("commit")
        for done in waiting:
            done.set_result(None)


class Proxy:
    """The ASGI application."""

    def __init__(self, store: Store, backend: str) -> None:
        self.store, self.backend = store, backend
        self.session: aiohttp.ClientSession | None = None

    async def __call__(self, _scope: dict[str, Any], receive: Callable[[], Any], send: Send) -> None:
        if self.session is None:
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        body, more = b"", True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        seq = await self.store.ask(body)
        async with self.session.post(self.backend, data=body, headers={"content-type": "application/json"}) as answer:
            reply = await answer.read()
        await self.store.answer(seq, reply)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(reply))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})


if __name__ == "__main__":
    application = Proxy(Store(sys.argv[2]), f"http://127.0.0.1:{sys.argv[3]}/")
    uvicorn.run(
        application, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none",
        lifespan="off", interface="asgi3", log_config=None, access_log=False, server_header=False, proxy_headers=False,
    )  # fmt: skip
