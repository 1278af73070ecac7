"""Floor of W1c: MLLP in, 40 fields mapped by hand, delivered, with the three durable marks made by hand.

Accepted (before the ACK), attempt begun (before the call), outcome (after it): each joins the group
commit of the one writer. The order of a patient's messages is kept. Same rows as the bus; no routes,
no encryption, no retries. The sink answers at once.

    python scripts/floors/pipeline.py PORT DATABASE mllp|http SINK_PORT CALLS_AT_ONCE
"""

import asyncio
import collections
import hashlib
import sqlite3
import sys
from collections.abc import Callable

import aiohttp
import orjson
import uvloop
from intake import SCHEMA

SCHEMA += """
create table attempts (message bigint, step smallint, n int, at bigint not null, sealed blob, ended bigint,
                       outcome text, reply blob, primary key (message, step, n));
"""


def fields(raw: bytes) -> dict[str, str]:
    """Forty fields, read as a person would write it for this one message type."""
    rows = {}
    for line in raw.split(b"\r"):
        rows.setdefault(line[:3], line.decode().split("|"))
    msh, pid, pv1, orc, obr = (rows[name] for name in (b"MSH", b"PID", b"PV1", b"ORC", b"OBR"))
    name, doctor, test = pid[5].split("^"), orc[12].split("^") if len(orc) > 12 else ["", "", ""], obr[4].split("^")
    out = {
        "app": msh[2], "facility": msh[3], "to_app": msh[4], "to_facility": msh[5], "sent": msh[6], "type": msh[8],
        "control": msh[9], "processing": msh[10], "version": msh[11], "patient": pid[3].split("^")[0],
        "patient_type": pid[3].split("^")[-1], "pinyin": name[0], "name": name[1], "born": pid[7], "sex": pid[8],
        "address": pid[11], "phone": pid[13].split("^")[-1], "class": pv1[2], "ward": pv1[3].split("^")[0],
        "ward_name": pv1[3].split("^")[-1], "attending": pv1[7], "visit": pv1[-1], "order_control": orc[1],
        "placer": orc[2], "filler": orc[3], "order_state": orc[5], "ordered": orc[9], "doctor": doctor[0],
        "doctor_name": doctor[-1], "request": obr[2], "report": obr[3], "code": test[0], "title": test[1],
        "collected": obr[7], "reported": obr[22], "section": obr[24], "state": obr[25],
    }  # fmt: skip
    obx = rows[b"OBX"]
    return out | {"value": obx[5], "unit": obx[6], "range": obx[7]}


class Store:
    """One writer; a mark waits for the commit that holds it."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("pragma journal_mode=wal")
        self.db.execute("pragma synchronous=full")
        self.db.executescript(SCHEMA)
        self.accepts: list[tuple[tuple[object, ...], Callable[[], None]]] = []
        self.begins: list[tuple[int, Callable[[], None]]] = []
        self.ends: list[tuple[int, bytes, Callable[[], None]]] = []
        self.armed = False

    def arm(self) -> None:
        if not self.armed:
            self.armed = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        self.armed = False
        accepts, self.accepts = self.accepts, []
        begins, self.begins = self.begins, []
        ends, self.ends = self.ends, []
        db = self.db
        db.execute("begin immediate")
        db.executemany(
            "update deliveries set state = 'delivered', holds = 0, head = 0 where message = ? and step = 0",
            [(e[0],) for e in ends],
        )
        db.executemany(
            "update attempts set ended = 1, outcome = 'delivered', reply = ? where message = ? and step = 0 and n = 1",
            [(e[1], e[0]) for e in ends],
        )
        db.executemany("update messages set open = 0 where seq = ?", [(e[0],) for e in ends])
        rows = [a[0] for a in accepts]
        db.executemany("insert into keys values ('r', 's', ?, ?, ?, 0)", [(r[3], r[0], r[3]) for r in rows])
        db.executemany("insert into messages values (?, ?, 'r', 'rel', 0, null, null, 1, null)", [r[:2] for r in rows])
        db.executemany("insert into bodies values (?, 0, 0, ?)", [r[1:3] for r in rows])
        db.executemany("insert into finds values ('patient', ?, ?)", [(r[3], r[0]) for r in rows])
        db.executemany(
            "insert into deliveries values (?, 0, 'a', ?, 'claimed', 1, 1, 0, 0, 0, null, null)",
            [(r[0], r[3]) for r in rows],
        )
        db.executemany("insert into attempts values (?, 0, 1, 0, null, null, null, null)", [(b[0],) for b in begins])
        db.executemany(
            "update deliveries set state = 'sending', attempt = 1 where message = ? and step = 0",
            [(b[0],) for b in begins],
        )
        db.execute("commit")
        for entry in (*accepts, *begins, *ends):
            entry[-1]()


class Pipeline:
    def __init__(self, store: Store, call: Callable, at_once: int) -> None:
        self.store, self.call, self.free = store, call, asyncio.Semaphore(at_once)
        self.lanes: dict[str, collections.deque] = {}
        self.seq = 0
        self.tasks: set[asyncio.Task] = set()

    def take(self, transport: asyncio.Transport, raw: bytes) -> None:
        self.seq += 1
        seq, control = self.seq, raw.split(b"|", 10)[9]
        digest = hashlib.sha256(raw).digest()[:16]

        def durable() -> None:
            transport.write(b"\x0bMSH|^~\\&|B|B|A|A|20261120||ACK|1|P|2.4\rMSA|AA|" + control + b"\r\x1c\r")
            patient = raw.split(b"\rPID|", 1)[1].split(b"|", 3)[2].decode()
            lane = self.lanes.setdefault(patient, collections.deque())
            lane.append((seq, raw))
            if len(lane) == 1:
                task = asyncio.get_running_loop().create_task(self.drain(patient, lane))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

        self.store.accepts.append(((seq, f"m{seq:025d}", raw, digest), durable))
        self.store.arm()

    async def drain(self, patient: str, lane: collections.deque) -> None:
        while lane:
            seq, raw = lane[0]
            async with self.free:
                body = orjson.dumps(fields(raw))
                await self.begun(seq)
                reply = await self.call(body, raw)
            await self.ended(seq, reply)
            lane.popleft()
        del self.lanes[patient]

    async def begun(self, seq: int) -> None:
        done = asyncio.get_running_loop().create_future()
        self.store.begins.append((seq, lambda: done.set_result(None)))
        self.store.arm()
        await done

    async def ended(self, seq: int, reply: bytes) -> None:
        done = asyncio.get_running_loop().create_future()
        self.store.ends.append((seq, reply, lambda: done.set_result(None)))
        self.store.arm()
        await done


class Server(asyncio.Protocol):
    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline, self.buffer = pipeline, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\x1c\r")) >= 0:
            raw, self.buffer = self.buffer[1:end], self.buffer[end + 2 :]
            self.pipeline.take(self.transport, raw)


async def http_call(port: int) -> Callable:
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def call(body: bytes, _raw: bytes) -> bytes:
        async with session.post(f"http://127.0.0.1:{port}/", data=body) as answer:
            return await answer.read()

    return call


async def mllp_call(port: int) -> Callable:
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call(body: bytes, _raw: bytes) -> bytes:
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x0b" + body + b"\x1c\r")
        answer = await reader.readuntil(b"\x1c\r")
        idle.append((reader, writer))
        return answer[1:-2]

    return call


async def main(port: int, path: str, kind: str, sink: int, at_once: int) -> None:
    call = await (http_call if kind == "http" else mllp_call)(sink)
    pipeline = Pipeline(Store(path), call, at_once)
    server = await asyncio.get_running_loop().create_server(lambda: Server(pipeline), "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
