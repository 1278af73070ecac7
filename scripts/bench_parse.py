"""Reading HL7 v2 beside its floor (W3a): CPU microseconds a message, bus and floor measured in turns.

The floor is the least that plain Python can do: split the bytes into segments, index them by name,
split and decode only what is asked for, with no escapes, no repetitions, no explicit null, no checks.

    scripts/bench_parse.py [--json] [--turns 9]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import hl7

from engine.formats.format import Code, Hints
from engine.formats.hl7 import Hl7

Work = Callable[[], object]

FORMAT = Hl7({"version": "2.5.1"})
HINTS = Hints()
PEER = ("PID", 1, 5, 1, 1)
OBX_FIELDS = ("OBX-1", "OBX-2", "OBX-3.1", "OBX-3.2", "OBX-3.3", "OBX-5", "OBX-6", "OBX-7", "OBX-8", "OBX-11", "OBX-14")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result: `ratio` is bus to floor, or peer to bus where more is better."""

    work: str
    bus: float
    floor: float
    ratio: float
    goal: float
    lower_is_better: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One work: the bus's way and the floor's or a peer's, and how often each is called in a turn."""

    name: str
    bus: Work
    floor: Work
    goal: float
    lower_is_better: bool = True
    calls: int = 20_000


def adt() -> bytes:
    """An invented ADT^A01 of 10 segments and about 1 kB, with hanzi."""
    lines = [
        (
            "MSH|^~\\&|HIS|示例医院|BUS|示例医院|20261120090000+0800||ADT^A01^ADT_A01|M000001|P|2.5.1|||AL|NE|CHN|"
            "UNICODE UTF-8"
        ),
        "EVN|A01|20261120090000|||1001^王医生|20261120085900",
        (
            "PID|1|P000001|P000001^^^HOSP&院区&L^MR~110101190003070010^^^CN&公安&L^NI||张^三^^^^^L||19000307|M|||"
            "示例路1号^^示例市^示例省^100000^CN^H||^PRN^PH^^86^010^13800001234|||M||V000001|110101190003070010|||汉族|||||||N"
        ),
        "PD1|||示例社区卫生服务中心^^0001|2001^李医生",
        "NK1|1|李^四|SPO^配偶^HL70063|示例路1号^^示例市^示例省^100000|^PRN^PH^^86^010^13800001235|||||||||||||||||||||||",
        "PV1|1|I|W01^101^01^HOSP^^BED|R|||1001^王^医生^^^主任|2001^李^医生|3001^赵^医生|MED|||R|1|||1001^王^医生|I|V000001^^^HOSP^VN|SELF||||||||||||||||||||||||20261120085500",
        "PV2|||I10^原发性高血压^I10|||||20261120|20261127|7|||||||||||||N",
        "AL1|1|DA|70618^青霉素^99LOC|SV|皮疹|20200101",
        "DG1|1||I10^原发性高血压^I10|原发性高血压|20261120|A|||||||||1|1001^王^医生",
        "IN1|1|SELF^自费|0001|示例保险|示例路2号^^示例市|||||||20260101|20261231|||张^三|SEL|19000307",
    ]
    return ("\r".join(lines) + "\r").encode()


def oru(count: int) -> bytes:
    """An invented ORU^R01 with `count` OBX."""
    lines = [
        "MSH|^~\\&|LIS|示例医院|BUS|示例医院|20261120090000+0800||ORU^R01^ORU_R01|R000001|P|2.5.1||||||UNICODE UTF-8",
        "PID|1||P000001^^^HOSP^MR||张^三||19000307|M",
        "PV1|1|O|MED^^^HOSP",
        "ORC|RE|O0001|F0001||CM",
        "OBR|1|O0001|F0001|CBC^血常规^99LOC|||20261120080000||||||||B|1001^王医生||||||20261120085900||HM|F",
    ]
    lines += [
        f"OBX|{n}|NM|{6000 + n}-2^白细胞计数{n}^LN||{n}.5|10*9/L^^UCUM|3.5-9.5|N|||F|||20261120085900||"
        "3001^赵检验^^^||仪器01"
        for n in range(1, count + 1)
    ]
    return ("\r".join(lines) + "\r").encode()


def floor_parse(raw: bytes) -> dict[bytes, list[Any]]:
    index: dict[bytes, list[Any]] = {}
    for line in raw.split(b"\r"):
        if line:
            index.setdefault(line[:3], []).append(line)
    return index


def floor_route(raw: bytes) -> tuple[str, str, str]:
    index = floor_parse(raw)
    header, patient = index[b"MSH"][0].split(b"|"), index[b"PID"][0].split(b"|")
    return header[8].split(b"^")[0].decode(), header[9].decode(), patient[3].split(b"~")[0].split(b"^")[0].decode()


def floor_results(raw: bytes) -> list[tuple[str, ...]]:
    found = []
    for line in floor_parse(raw)[b"OBX"]:
        field = line.split(b"|")
        code = field[3].split(b"^")
        parts = (field[1], field[2], code[0], code[1], code[2], field[5], field[6].split(b"^")[0], field[7], field[8])
        found.append(tuple(part.decode() for part in (*parts, field[11], field[14])))
    return found


def floor_field(index: dict[bytes, list[Any]], name: bytes, place: int, number: int) -> str:
    segments = index[name]
    segment = segments[place]
    if isinstance(segment, bytes):
        segment = segments[place] = segment.split(b"|")
    return segment[number].split(b"^")[0].decode()  # type: ignore[no-any-return]  # the cell is bytes or a list of bytes


def compiled(body: str, *codes: Code) -> Any:
    """A function over `doc`, as the mapping compiler makes one; `{0}` … are the codes."""
    names: dict[str, Any] = {}
    for code in codes:
        names.update(code.names)
    expressions = [
        code.code.replace("{d}", "item" if place and "item" in body else "doc") for place, code in enumerate(codes)
    ]
    return eval("lambda doc: " + body.format(*expressions), names)


def cases() -> list[Case]:
    """What is measured; bus and floor read the same values, which is checked first."""
    admission, results = adt(), oru(200)
    route = compiled("({0}, {1}, {2})", FORMAT.read("MSH-9.1"), FORMAT.read("MSH-10"), FORMAT.read("PID-3"))
    items = [FORMAT.read_in("OBX", path) for path in OBX_FIELDS]
    body = "[(" + ", ".join(f"{{{n}}}" for n in range(1, len(items) + 1)) + ") for item in {0}]"
    rows = compiled(body, FORMAT.each("OBX"), *items)
    document, index = FORMAT.parse(results, HINTS), floor_parse(results)
    name, third, last = (compiled("{0}", FORMAT.read(path)) for path in ("PID-5.1", "OBX(3)-5", "OBX(200)-5"))
    text = admission.decode()
    peer = hl7.parse(text)
    assert route(FORMAT.parse(admission, HINTS)) == floor_route(admission)
    assert rows(document) == floor_results(results)
    routed, routed_floor = lambda: route(FORMAT.parse(admission, HINTS)), partial(floor_route, admission)
    read, read_floor = lambda: rows(FORMAT.parse(results, HINTS)), partial(floor_results, results)
    return [
        Case("parse + 3 reads, ADT 1 kB", routed, routed_floor, 2, calls=2000),
        Case("parse + every used field of 200 OBX", read, read_floor, 2, calls=30),
        Case("PID-5.1, compiled path", partial(name, document), partial(floor_field, index, b"PID", 0, 5), 3),
        Case("OBX(3)-5, compiled path", partial(third, document), partial(floor_field, index, b"OBX", 2, 5), 3),
        Case("OBX(200)-5 against OBX(3)-5", partial(last, document), partial(third, document), 2),
        Case("parse + 3 reads against python-hl7's parse", routed, partial(hl7.parse, text), 80, False, 200),
        Case(
            "PID-5.1 against python-hl7", partial(name, document), partial(peer.extract_field, *PEER), 12, False, 2000
        ),
    ]


def timed(work: Work, calls: int) -> float:
    start = time.process_time_ns()
    for _ in range(calls):
        work()
    return (time.process_time_ns() - start) / calls / 1000


def measure(turns: int) -> list[Row]:
    rows = []
    for case in cases():
        pairs = [(timed(case.bus, case.calls), timed(case.floor, case.calls)) for _ in range(turns)]
        bus, floor = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
        ratio = bus / floor if case.lower_is_better else floor / bus
        rows.append(Row(case.name, round(bus, 3), round(floor, 3), round(ratio, 2), case.goal, case.lower_is_better))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--turns", type=int, default=9, help="how often bus and floor take turns")
    options = parser.parse_args()
    rows = measure(options.turns)
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in rows]}, ensure_ascii=False, indent=1))
        return
    print(f"{'work':<50}{'bus us':>10}{'floor us':>10}{'ratio':>8}  goal")
    for row in rows:
        sign = "<=" if row.lower_is_better else ">="
        print(f"{row.work:<50}{row.bus:>10}{row.floor:>10}{row.ratio:>8}  {sign} {row.goal}")


if __name__ == "__main__":
    main()
