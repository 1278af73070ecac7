"""Callers for the benchmarks: signed HTTP calls on connections that stay open, each waiting for its answer. Prints one
JSON line.

    python scripts/floors/callers.py HOST PORT CONNECTIONS SECONDS PID FIRST
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time

import uvloop
from load import cpu

PATH = "/api/v1/orders"
SECRET = b"only-a-benchmark"
BODY = (
    '{{"patientId":"P{name}","departmentId":"10102","doctorId":"1001","day":"2026-11-23","slot":"08.30-09.00",'
    '"fee":2550,"name":"张三","mobile":"13800001234"}}'
)


def call(name: str) -> bytes:
    """One call's bytes, signed as docs/channel-api.md says."""
    body, stamp, nonce = BODY.format(name=name).encode(), str(int(time.time())), f"nonce-{name}"
    text = "\n".join(("POST", PATH, stamp, nonce, hashlib.sha256(body).hexdigest()))
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: bus\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-App-Id: bench\r\nX-Timestamp: {stamp}\r\nX-Nonce: {nonce}\r\nIdempotency-Key: key-{name}\r\n"
        f"X-Signature: {hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest()}\r\n\r\n"
    )
    return head.encode() + body


async def caller(host: str, port: int, name: str, until: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    count = 0
    while time.perf_counter() < until:
        count += 1
        asked = call(f"{name}{count}")
        start = time.perf_counter()
        writer.write(asked)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
        body = await reader.readexactly(int(length))
        took.append(time.perf_counter() - start)
        if not head.startswith(b"HTTP/1.1 200 ") or b'"B20261120001"' not in body:
            raise SystemExit(f"not answered: {head[:80]!r} {body[:300]!r}")
    writer.close()


async def main(host: str, port: int, connections: int, seconds: float, pid: int, first: str) -> None:
    took: list[float] = []
    before, start = cpu(pid), time.perf_counter()
    await asyncio.gather(*(caller(host, port, f"{first}{n}-", start + seconds, took) for n in range(connections)))
    spent, used = time.perf_counter() - start, cpu(pid) - before
    took.sort()
    print(json.dumps({
        "messages": len(took), "rate": len(took) / spent, "cpu_us": used / len(took) * 1e6,
        "p50_ms": took[len(took) // 2] * 1e3, "p99_ms": took[int(len(took) * 0.99)] * 1e3,
    }))  # fmt: skip


if __name__ == "__main__":
    host, port, connections, seconds, pid, first = sys.argv[1:]
    uvloop.run(main(host, int(port), int(connections), float(seconds), int(pid), first))
