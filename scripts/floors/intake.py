"""Floor of W1a: a bare asyncio MLLP server on uvloop over a one-writer SQLite group commit.

The same rows as the journal writes for a message with two deliveries (key, message, body, two
deliveries, one search hash), WAL, synchronous=FULL, the ACK after the commit. No routing, no
encryption, no lanes: the least program that does this I/O.

    python scripts/floors/intake.py PORT DATABASE
"""

import asyncio
import hashlib
import sqlite3
import sys

import uvloop

SCHEMA = """
create table messages (seq integer primary key, id text not null unique, route text not null, release text not null,
                       received bigint not null, deadline bigint, parent bigint, open int not null, answer blob);
create table keys (route text, sender text, key blob, message bigint not null, digest blob not null,
                   until bigint not null, primary key (route, sender, key)) without rowid;
create table bodies (message text not null, part int not null, day int not null, data blob not null);
create table finds (kind text, hash blob, message bigint, primary key (kind, hash, message)) without rowid;
create table deliveries (message bigint, step smallint, system text not null, lane blob, state text not null,
                         holds int not null, head int not null, needs smallint not null, due bigint not null,
                         attempt int not null, owner text, outcome text, primary key (message, step));
create unique index one_head on deliveries (lane) where head;
create index in_lane on deliveries (lane, message, step) where holds;
create index due on deliveries (system, state, due) where state in ('ready', 'doubtful');
create index owned on deliveries (owner) where owner is not null;
"""


class Store:
    """Group commit: what has gathered while the last commit ran is the next batch."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("pragma journal_mode=wal")
        self.db.execute("pragma synchronous=full")
        self.db.executescript(SCHEMA)
        self.waiting: list[tuple[asyncio.Transport, bytes, bytes]] = []
        self.seq = 0

    def put(self, transport: asyncio.Transport, raw: bytes, control: bytes) -> None:
        if not self.waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self.waiting.append((transport, raw, control))

    def flush(self) -> None:
        batch, self.waiting = self.waiting, []
        rows = []
        for _, raw, control in batch:
            self.seq += 1
            rows.append((self.seq, f"m{self.seq:025d}", raw, hashlib.sha256(raw).digest(), control))
        db = self.db
        db.execute("begin immediate")
        db.executemany("insert into keys values ('r', 's', ?, ?, ?, 0)", [(r[3][:16], r[0], r[3]) for r in rows])
        db.executemany("insert into messages values (?, ?, 'r', 'rel', 0, null, null, 2, null)", [r[:2] for r in rows])
        db.executemany("insert into bodies values (?, 0, 0, ?)", [r[1:3] for r in rows])
        db.executemany("insert into finds values ('patient', ?, ?)", [(r[3][:16], r[0]) for r in rows])
        deliveries = [
            (r[0], step, system, bytes([step]) + r[3][:15]) for r in rows for step, system in ((0, "a"), (1, "b"))
        ]
        db.executemany("insert into deliveries values (?, ?, ?, ?, 'ready', 1, 1, 0, 0, 0, null, null)", deliveries)
        db.execute("commit")
        for transport, _, control in batch:
            transport.write(b"\x0bMSH|^~\\&|B|B|A|A|20261120||ACK|1|P|2.4\rMSA|AA|" + control + b"\r\x1c\r")


class Server(asyncio.Protocol):
    def __init__(self, store: Store) -> None:
        self.store, self.buffer = store, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\x1c\r")) >= 0:
            raw, self.buffer = self.buffer[1:end], self.buffer[end + 2 :]
            self.store.put(self.transport, raw, raw.split(b"|", 10)[9])


async def main(port: int, path: str) -> None:
    store = Store(path)
    server = await asyncio.get_running_loop().create_server(lambda: Server(store), "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
