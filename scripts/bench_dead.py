#!/usr/bin/env python3
"""What a dead system costs the living (W1c): the rate of a healthy system's deliveries beside one that is dead.

Each message goes to two systems. The first answers. The second is dead: a black hole (nobody takes the connection) or
silent (takes it and never answers). The floor is the same bus with the same backlog, whose second system is closed and
so is never called. Counted until the first system has all that was accepted: the rate, and the bus's own CPU a message.

    scripts/bench_dead.py [--json] [--turns 5] [--seconds 3]
"""

import argparse
import json
import socket
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "floors"))

from load import cpu
from turns import Bus, Sink, load

CONNECTIONS = 8
HEALTHY = """
select count(*) from deliveries
where system = 'first' and state not in ('delivered', 'refused', 'given_up', 'skipped')
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--turns", type=int, default=5, help="how often they take turns")
    parser.add_argument("--seconds", type=float, default=3.0, help="of one turn")
    options = parser.parse_args()
    rows = list(measure(options.turns, options.seconds))
    if options.json:
        print(json.dumps({"rows": rows}, ensure_ascii=False, indent=1))
        return 0
    for row in rows:
        sign = "<=" if row["lower_is_better"] else ">="
        print(f"{row['work']:<72}{row['bus']:>9} {row['floor']:>9}  ratio {row['ratio']:>5}  goal {sign} {row['goal']}")
    return 0


def measure(turns: int, seconds: float) -> Iterator[dict[str, object]]:
    """Two rows for each way of being dead."""
    with ExitStack() as stack:
        sink = stack.enter_context(Sink("http"))
        hole, silent = stack.enter_context(listening(full=True)), stack.enter_context(listening(full=False))
        buses = {
            "closed": stack.enter_context(_bus(sink.port, None)),
            "black hole": stack.enter_context(_bus(sink.port, hole)),
            "silent": stack.enter_context(_bus(sink.port, silent)),
        }
        taken: list[dict[str, tuple[float, float]]] = []
        for turn in range(turns):
            order = list(buses)[turn % 3 :] + list(buses)[: turn % 3]  # nobody is always the last
            taken.append({name: _run(buses[name], seconds) for name in order})
        for name in ("black hole", "silent"):
            yield _row(f"({name}): healthy deliveries/s", [(one[name][0], one["closed"][0]) for one in taken], 0.95)
            cpu = [(one[name][1], one["closed"][1]) for one in taken]
            yield _row(f"({name}): CPU microseconds a message", cpu, 1.05, lower=True)


def _row(work: str, pairs: list[tuple[float, float]], goal: float, *, lower: bool = False) -> dict[str, object]:
    """Medians; the ratio is that of each turn, so that a machine that slows down slows both."""
    bus, floor = (statistics.median(side) for side in zip(*pairs, strict=True))
    return {
        "work": f"W1c beside a dead system {work}", "bus": round(bus, 1), "floor": round(floor, 1),
        "ratio": round(statistics.median(one / other for one, other in pairs), 3), "goal": goal,
        "lower_is_better": lower,
    }  # fmt: skip


@contextmanager
def listening(*, full: bool) -> Iterator[int]:
    """A port where nobody answers: with a full queue connections are passed over, else they are made and left alone."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0 if full else 1024)
        for _ in range(4 if full else 0):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def _bus(first: int, second: int | None) -> Bus:
    settings = {"HISBUS__SYSTEMS__FIRST__URL": f"http://127.0.0.1:{first}", "HISBUS__SYSTEMS__FIRST__CLOSED": "[]"}
    if second is not None:
        settings |= {
            "HISBUS__SYSTEMS__SECOND__URL": f"http://127.0.0.1:{second}",
            "HISBUS__SYSTEMS__SECOND__CLOSED": "[]",
        }
    return Bus(settings, "source")


def _run(bus: Bus, seconds: float) -> tuple[float, float]:
    """Healthy deliveries a second and CPU microseconds a message, from the first message to the last one's end."""
    assert bus.process is not None
    begun, used = time.perf_counter(), cpu(bus.process.pid)
    messages = load(bus, CONNECTIONS, seconds)["messages"]
    with sqlite3.connect(f"file:{bus.database}?mode=ro", uri=True) as db:
        while db.execute(HEALTHY).fetchone()[0]:
            time.sleep(0.02)
    return messages / (time.perf_counter() - begun), (cpu(bus.process.pid) - used) / messages * 1e6


if __name__ == "__main__":
    sys.exit(main())
