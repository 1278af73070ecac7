"""Every figure beside its floor, taken in turns in one run: a table, or with --json one row a line.

Rows: {work, bus, floor, ratio, goal, lower_is_better}. Absolute figures mean nothing on another machine;
ratios do. The floors stand in scripts/floors: the least program that does the same I/O.

    scripts/bench [--short] [--json] [--only W1a,W3b]
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "floors"))

from turns import Bus, Floor, Sink, load  # noqa: E402 - the floors' folder is no package

Row = dict[str, object]


def main() -> int:
    options = _options()
    works = {
        "W1a": w1a, "W1c": w1c, "W2": w2, "W3a": script("bench_parse.py"), "W3b": script("bench_map.py"),
        "W3c": script("bench_fhir.py"), "W3d": script("bench_soap.py"), "W6": w6,
    }  # fmt: skip
    wanted = options.only.split(",") if options.only else list(works)
    if not options.json:
        print(f"{'work':58} {'bus':>10} {'floor':>10} {'ratio':>7} {'goal':>7}")
    for name in wanted:
        for row in works[name](options.short):
            print(json.dumps(row, ensure_ascii=False) if options.json else _line(row), flush=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="under three minutes: shorter turns, fewer of them")
    parser.add_argument("--json", action="store_true", help="one JSON row a line")
    parser.add_argument("--only", help="names of works, comma between: W1a,W1c,W2,W3a,W3b,W3c,W3d,W6")
    return parser.parse_args()


def _row(work: str, bus: float, floor: float, goal: float, *, lower: bool) -> Row:
    ratio = bus / floor if floor else 0.0
    return {
        "work": work, "bus": round(bus, 2), "floor": round(floor, 2), "ratio": round(ratio, 2), "goal": goal,
        "lower_is_better": lower,
    }  # fmt: skip


def _line(row: Row) -> str:
    met = row["ratio"] <= row["goal"] if row["lower_is_better"] else row["ratio"] >= row["goal"]  # type: ignore[operator]
    sign = "<=" if row["lower_is_better"] else ">="
    return (
        f"{row['work']!s:58} {row['bus']:>10} {row['floor']:>10} {row['ratio']:>7} {sign}{row['goal']:>5}"
        f"{'' if met else '  short of the goal'}"
    )


def w1a(short: bool) -> Iterator[Row]:
    """Durable MLLP intake: 1 kB HL7, two deliveries planned, ACK after commit."""
    turns, seconds = (3, 2.0) if short else (5, 6.0)
    for connections, goal in ((1, 0.7), (8, 0.6), (32, 0.6)):
        with Floor("intake.py") as floor, Bus({}, "source") as bus:
            taken = [(load(floor, connections, seconds), load(bus, connections, seconds)) for _ in range(turns)]
        yield from _compared(f"W1a intake, {connections} connections", taken, goal)


def w1c(short: bool) -> Iterator[Row]:
    """In to out: accepted, mapped, delivered over HTTP, outcome durable, in the order of each patient."""
    turns, seconds = (3, 3.0) if short else (5, 10.0)
    with Sink("http") as sink:
        settings = {
            "HISBUS__SYSTEMS__FIRST__URL": f"http://127.0.0.1:{sink.port}",
            "HISBUS__SYSTEMS__FIRST__CLOSED": "[]",
        }
        for connections in (1, 8):
            with Floor("pipeline.py", "http", str(sink.port), "8") as floor, Bus(settings, "single") as bus:
                taken = []
                for _ in range(turns):
                    pair = []
                    for server in (floor, bus):
                        took = load(server, connections, seconds)
                        took["end_rate"] = took["messages"] / (seconds + server.drain())
                        pair.append(took)
                    taken.append((pair[0], pair[1]))
            name = f"W1c in to out over HTTP, {connections} connections"
            ends = [statistics.median(one[side]["end_rate"] for one in taken) for side in (0, 1)]
            yield _row(f"{name}: to the end, messages/s", ends[1], ends[0], 0.5, lower=False)


def w2(short: bool) -> Iterator[Row]:
    """Request and reply: a signed call, mapped, HTTP, mapped back; both committed before the caller hears.

    What the way adds to a call is its p50 less that of the system behind, asked directly.
    """
    turns, seconds = (3, 2.0) if short else (5, 6.0)
    with Sink("orders") as sink:
        settings = {"HISBUS__SYSTEMS__BACKEND__URL": f"http://127.0.0.1:{sink.port}"}
        for connections in (1, 32):
            with Floor("proxy.py", str(sink.port)) as floor, Bus(settings, "channel") as bus:
                taken = [
                    [load(each, connections, seconds, "callers.py") for each in (floor, bus, sink)]
                    for _ in range(turns)
                ]
            floor_, bus_, direct = ({key: statistics.median(one[side][key] for one in taken) for key in taken[0][0]}
                                    for side in range(3))  # fmt: skip
            name = f"W2 request and reply, {connections} connections"
            yield _row(f"{name}: calls/s", bus_["rate"], floor_["rate"], 0.5, lower=False)
            yield _row(f"{name}: CPU microseconds a call", bus_["cpu_us"], floor_["cpu_us"], 2.5, lower=True)
            added = [each["p50_ms"] - direct["p50_ms"] for each in (bus_, floor_)]
            yield _row(f"{name}: added p50 ms", *added, 2.0, lower=True)


def _compared(name: str, taken: list[tuple[dict[str, float], dict[str, float]]], goal: float) -> Iterator[Row]:
    def middle(side: int, key: str) -> float:
        return statistics.median(one[side][key] for one in taken)

    yield _row(f"{name}: messages/s", middle(1, "rate"), middle(0, "rate"), goal, lower=False)
    yield _row(f"{name}: CPU microseconds a message", middle(1, "cpu_us"), middle(0, "cpu_us"), 2.5, lower=True)
    yield _row(f"{name}: p99 ms", middle(1, "p99_ms"), middle(0, "p99_ms"), 3.0, lower=True)


def w6(_short: bool) -> Iterator[Row]:
    """Start on a release already checked, and memory when idle; the goal is the figure itself."""
    with Bus({}, "source") as bus:
        bus.stop()
        times = []
        for _ in range(3):
            times.append(bus.start())
            memory = bus.memory()
            bus.stop()
    yield {"work": "W6 ready after, seconds", "bus": round(min(times), 2), "floor": 1.0, "ratio": round(min(times), 2),
           "goal": 1.0, "lower_is_better": True}  # fmt: skip
    yield {"work": "W6 memory when idle, MB", "bus": round(memory), "floor": 120, "ratio": round(memory / 120, 2),
           "goal": 1.0, "lower_is_better": True}  # fmt: skip


def script(name: str):  # noqa: ANN201 - a work like the others
    """A work that a program of its own measures."""

    def run(short: bool) -> Iterator[Row]:
        command = [sys.executable, str(HERE / name), "--json", "--turns", "3" if short else "9"]
        rows = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        yield from (rows["rows"] if isinstance(rows, dict) else rows)

    return run


if __name__ == "__main__":
    sys.exit(main())
