"""Mapping beside its floor (W3b): CPU microseconds a message, bus, floor and peer measured in turns.

The work: an ADT^A01 of 1 kB read from bytes, 40 declared fields mapped, JSON bytes written. The floor
is the same map written by hand as one function over split bytes; the peer is python-hl7 by hand.

    scripts/bench_map.py [--json] [--turns 9]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import hl7
import orjson

from engine.formats.format import Hints
from engine.formats.hl7 import Hl7
from engine.formats.json import Json
from engine.mapping.compile import compile_map
from engine.mapping.functions import Setup
from engine.mapping.scope import WireReader
from engine.mapping.writers import WireWriter
from engine.model import Context
from engine.settings.nodes import parse
from engine.settings.problems import Problems

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bench_parse import adt

Work = Callable[[], object]

FIELDS = {
    "messageId": "MSH-10", "sentAt": "MSH-7", "application": "MSH-3", "facility": "MSH-4", "event": "MSH-9.2",
    "recordedAt": "EVN-2", "operatorId": "EVN-5.1", "patientId": "PID-3.1", "authority": "PID-3.4.1",
    "family": "PID-5.1", "given": "PID-5.2", "born": "PID-7", "sex": "PID-8", "street": "PID-11.1", "city": "PID-11.3",
    "province": "PID-11.4", "zip": "PID-11.5", "phone": "PID-13.7", "account": "PID-18", "idNo": "PID-19",
    "ethnic": "PID-22", "clinic": "PD1-3.1", "contactFamily": "NK1-2.1", "contactGiven": "NK1-2.2",
    "relation": "NK1-3.1", "class": "PV1-2", "ward": "PV1-3.1", "room": "PV1-3.2", "bed": "PV1-3.3",
    "doctorId": "PV1-7.1", "doctorFamily": "PV1-7.2", "service": "PV1-10", "visitNo": "PV1-19.1",
    "admittedAt": "PV1-44", "reason": "PV2-3.1", "allergy": "AL1-3.2", "reaction": "AL1-5", "diagnosis": "DG1-3.1",
    "diagnosisName": "DG1-3.2", "insurance": "IN1-2.1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result: `ratio` is bus to floor, or peer to bus where more is better."""

    work: str
    bus: float
    floor: float
    ratio: float
    goal: float
    lower_is_better: bool


def row(work: str, bus: float, floor: float, ratio: float, goal: float, *, lower: bool) -> Row:
    return Row(work, round(bus, 2), round(floor, 2), round(ratio, 2), goal, lower)


def declared(fields: dict[str, str]) -> Callable[[bytes], bytes]:
    """The bus's own way: parse, the compiled map, render."""
    problems = Problems()
    node = parse("\n".join(f"{target}: {source}" for target, source in fields.items()), "bench", problems)
    assert node is not None
    source, target, zone = Hl7({"version": "2.5.1"}), Json(), ZoneInfo("Asia/Shanghai")
    made = compile_map("bench", node, WireReader(source), WireWriter(target), Setup(zone), problems)
    assert not problems, list(problems)
    hints, context = Hints(), Context(received=datetime(2026, 11, 20, tzinfo=zone), now=None)
    run = made.run
    return lambda raw: target.render(run(source.parse(raw, hints), context))


def by_hand(fields: dict[str, str]) -> Callable[[bytes], bytes]:
    """The floor: what a person would write for these fields, as one function over the split message."""
    lines = ["def mapped(raw):", "    index = {}", "    for line in raw.decode().split('\\r'):"]
    lines += ["        if line[:3] not in index: index[line[:3]] = line"]
    needed: dict[str, int] = {}
    for source in fields.values():
        segment, _, rest = source.partition("-")
        number = int(rest.split(".")[0]) - (segment == "MSH")
        needed[segment] = max(needed.get(segment, 0), number)
    for segment in needed:
        lines.append(f"    {segment.lower()} = index[{segment!r}].split('|')")
    lines.append("    tree = {}")
    for target, source in fields.items():
        segment, _, rest = source.partition("-")
        number, *parts = (int(part) for part in rest.split("."))
        number -= segment == "MSH"
        code = f"{segment.lower()}[{number}]"
        if segment == "PID" and number in {3, 5, 11, 13}:
            code += ".split('~', 1)[0]"
        for mark, part in zip("^&", parts or [1], strict=False):
            code += f".split({mark!r}, {part})[{part - 1}]"
        lines += [f"    v = {code}", f"    if v: tree[{target!r}] = v"]
    lines.append("    return dumps(tree)")
    space: dict[str, Any] = {"dumps": orjson.dumps}
    exec("\n".join(lines), space)  # our own lines
    return space["mapped"]  # type: ignore[no-any-return]  # made just above


def by_peer(fields: dict[str, str]) -> Callable[[bytes], bytes]:
    """python-hl7 by hand: one `extract_field` a field."""
    places = []
    for target, source in fields.items():
        segment, _, rest = source.partition("-")
        number, *parts = (int(part) for part in rest.split("."))
        places.append((target, segment, number, *(parts or [1])))

    def mapped(raw: bytes) -> bytes:
        message = hl7.parse(raw.decode())
        tree = {}
        for target, segment, number, *parts in places:
            value = message.extract_field(segment, 1, number, 1, *parts)
            if value:
                tree[target] = value
        return orjson.dumps(tree)

    return mapped


def timed(work: Work, calls: int) -> float:
    start = time.process_time_ns()
    for _ in range(calls):
        work()
    return (time.process_time_ns() - start) / calls / 1000


def measure(turns: int) -> list[Row]:
    """Medians of turns in the same run."""
    raw = adt()
    bus, floor, peer = declared(FIELDS), by_hand(FIELDS), by_peer(FIELDS)
    assert json.loads(bus(raw)) == json.loads(floor(raw)) == json.loads(peer(raw))
    turned = [
        (timed(lambda: bus(raw), 1000), timed(lambda: floor(raw), 1000), timed(lambda: peer(raw), 30))
        for _ in range(turns)
    ]
    ours, hand, theirs = (statistics.median(each[side] for each in turned) for side in range(3))
    count = f"ADT 1 kB to JSON, {len(FIELDS)} fields"
    return [
        Row(f"{count}, against one function by hand", round(ours, 2), round(hand, 2), round(ours / hand, 2), 2, True),
        Row(
            f"{count}, against python-hl7 by hand", round(ours, 2), round(theirs, 2), round(theirs / ours, 1), 25, False
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--turns", type=int, default=9, help="how often they take turns")
    options = parser.parse_args()
    rows = measure(options.turns)
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in rows]}, ensure_ascii=False, indent=1))
        return
    for row in rows:
        sign = "<=" if row.lower_is_better else ">="
        print(f"{row.work:<55}{row.bus:>8} us {row.floor:>9} us  ratio {row.ratio:>6}  goal {sign} {row.goal}")


if __name__ == "__main__":
    main()
