"""A laboratory report as a FHIR transaction beside its floor and a peer (W3c): CPU microseconds, measured in turns.

The work: an ORU^R01 with 15 and with 200 OBX read by mappings/results/oru, built by mappings/fhir/r4 and written as
bytes. The floor is dicts and orjson by hand for this one sender (scripts/floors/bundle_by_hand.py); bus and floor write
the same bytes. The peer is python-hl7 with fhir.resources, by hand too, with the same fields.

    scripts/bench_fhir.py [--json] [--turns 9]
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent / "floors"))

import hl7
from bench_map import Row, row, timed
from bundle_by_hand import bundle, split
from fhir.resources.R4B import get_fhir_model_class

import adapters
from engine.formats.format import Hints
from engine.formats.hl7 import Hl7
from engine.mapping.library import load_texts
from engine.model import Context
from engine.settings.problems import Problems

Way = Callable[[bytes], bytes]
ZONE = ZoneInfo("Asia/Shanghai")
TOKEN = "d1"
PATIENT = (
    "MSH|^~\\&|LIS|LAB|BUS|HOSP|20261120093000||ORU^R01|LIS0001|P|2.4||||||UNICODE UTF-8",
    "PID|1|P1|P1^^^H44&桃源院区~110101190003070010||ZHANG^张三||19000307000000|M|||示例路1号^^示例市^^518000||^^^^^^13800001234",
    "PV1|1|O|^^^1001&Z内科||||1001^^李医生||||||||||||V1",
    "ORC|RE|O1|R1||CM|||||||1001^^李医生",
    "OBR|1|O1|R1|CBC^血常规|||20261120083000||||||||静脉血|1001^^李医生||||||20261120092500||检验|F|||||||1002^^王医生",
)


def report(results: int) -> bytes:
    """An invented blood count with as many results."""
    lines = [
        f"OBX|{n}|NM|C{n:03d}^检验项目{n}||{n}.50|10\\S\\9/L|3.5-9.5|{'↑' if n % 5 == 0 else 'N'}|||F|||20261120085900"
        for n in range(1, results + 1)
    ]
    return ("\r".join((*PATIENT, *lines)) + "\r").encode()


def by_bus() -> Way:
    """The two profiles as a release has them."""
    folder = Path(__file__).resolve().parents[1] / "mappings"
    files = [folder / "results/oru.yaml", folder / "fhir/r4.yaml", folder / "between/report_version.yaml"]
    files += [*folder.glob("shapes/*.yaml"), *folder.glob("tables/*.yaml")]
    texts = {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}
    problems = Problems()
    library = load_texts(texts, {name: adapters.load(name) for name in ("mllp", "fhir")}, problems, ZONE)
    assert not problems, list(problems)
    read = library.profiles["results/oru"].incoming["result"].read
    build = library.profiles["fhir/r4"].outgoing["save_report"].build
    root = {"token": TOKEN, "campus": "main", "root": "http://hospital.example/id"}
    context = Context(received=datetime(2026, 11, 20, 9, tzinfo=ZONE), now=None, values=root)
    wire, hints, newest = Hl7(), Hints(), {"reply": {"newest": True}}

    def made(raw: bytes) -> bytes:
        document = {**read(wire.parse(raw, hints), context), "newest": newest}
        body: Any = build(document, context).body
        return bytes(body)

    return made


def by_hand(raw: bytes) -> bytes:
    """The floor."""
    return bundle(split(raw), TOKEN)


def by_peer() -> Way:
    """python-hl7 reads the fields, the same hand fills the resources, and fhir.resources checks and writes."""
    model: Any = get_fhir_model_class("Bundle")

    def made(raw: bytes) -> bytes:
        rows: dict[str, list[list[str]]] = {}
        for segment in hl7.parse(raw.decode()):
            fields = [str(field) for field in segment]
            rows.setdefault(fields[0], []).append(fields[:1] + fields[2:] if fields[0] == "MSH" else fields)
        return bytes(model.model_validate_json(bundle(rows, TOKEN)).model_dump_json().encode())

    return made


def measure(turns: int) -> list[Row]:
    """Medians of turns in the same run."""
    rows = []
    for results, calls in ((15, (100, 400, 2)), (200, (10, 40, 1))):
        raw, ways = report(results), (by_bus(), by_hand, by_peer())
        made = [way(raw) for way in ways]
        assert made[0] == made[1]
        assert json.loads(made[0]) == json.loads(made[2])
        works = [partial(way, raw) for way in ways]
        taken = [[timed(work, often) for work, often in zip(works, calls, strict=True)] for _ in range(turns)]
        bus, floor, peer = (statistics.median(turn[side] for turn in taken) for side in range(3))
        name = f"W3c ORU with {results} OBX to a FHIR Bundle"
        rows.append(row(f"{name}, by hand", bus, floor, bus / floor, 2, lower=True))
        rows.append(row(f"{name}, python-hl7 + fhir.resources", bus, peer, peer / bus, 25, lower=False))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--turns", type=int, default=9, help="how often they take turns")
    options = parser.parse_args()
    rows = measure(options.turns)
    if options.json:
        print(json.dumps({"rows": [asdict(each) for each in rows]}, ensure_ascii=False, indent=1))
        return
    for each in rows:
        sign = "<=" if each.lower_is_better else ">="
        print(f"{each.work:<66}{each.bus:>9} us {each.floor:>10} us  ratio {each.ratio:>6}  goal {sign} {each.goal}")


if __name__ == "__main__":
    main()
