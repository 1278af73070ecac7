"""Load for the benchmarks: MLLP connections that each wait for every acknowledgement. Prints one JSON line.

    python scripts/floors/load.py HOST PORT CONNECTIONS SECONDS PID [FIRST]

PID is the server's process: its CPU time over the run is read from the system.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import uvloop

MESSAGE = (
    "MSH|^~\\&|LIS|LAB|BUS|HOSP|20261120090000||ORU^R01|{control}|P|2.4|||||CHN|UNICODE UTF-8\r"
    "PID|1||P{patient}^^^H^MR||ZHANG^张三||19000307|M|||示例路{patient}号||^^^^^^13800001234|||||||\r"
    "PV1|1|O|D01^^^门诊内科||||1001^^李医生||||||||||||V{patient}\r"
    "ORC|RE|O{control}|F{control}||CM||||20261120083000|||1001^^李医生\r"
    "OBR|1|O{control}|F{control}|CBC^血常规|||20261120080000|||||||||||||||20261120090000||HM|F\r"
) + "".join(f"OBX|{n}|NM|C{n:03d}^检验项目{n}^L||{n}.5|10*9/L|3.5-9.5|N|||F|||20261120085900\r" for n in range(1, 9))


def cpu(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def sender(host: str, port: int, name: str, until: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    count = 0
    while time.perf_counter() < until:
        count += 1
        control = f"{name}{count}"
        raw = MESSAGE.format(control=control, patient=f"{name}{count % 50}").encode()
        start = time.perf_counter()
        writer.write(b"\x0b" + raw + b"\x1c\r")
        answer = await reader.readuntil(b"\x1c\r")
        took.append(time.perf_counter() - start)
        if b"MSA|AA|" + control.encode() not in answer:
            raise SystemExit(f"not acknowledged: {answer[:200]!r}")
    writer.close()


async def main(host: str, port: int, connections: int, seconds: float, pid: int, first: str) -> None:
    took: list[float] = []
    before, start = cpu(pid), time.perf_counter()
    await asyncio.gather(*(sender(host, port, f"{first}{n}-", start + seconds, took) for n in range(connections)))
    spent = time.perf_counter() - start
    used = cpu(pid) - before
    took.sort()
    print(json.dumps({
        "messages": len(took), "rate": len(took) / spent, "cpu_us": used / len(took) * 1e6,
        "p50_ms": took[len(took) // 2] * 1e3, "p99_ms": took[int(len(took) * 0.99)] * 1e3,
    }))  # fmt: skip


if __name__ == "__main__":
    host, port, connections, seconds, pid, *rest = sys.argv[1:]
    uvloop.run(main(host, int(port), int(connections), float(seconds), int(pid), rest[0] if rest else "a"))
