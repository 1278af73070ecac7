"""A SOAP call without its network beside its floor and a peer (W3d): CPU microseconds, measured in turns.

The work: one string of 1 kB written into an envelope, one of 1 kB read out of an answer. The floor is a string template
with escaping and lxml with a safe parser, by hand; the peer is zeep.

    scripts/bench_soap.py [--json] [--turns 9]
"""

import argparse
import json
import statistics
import sys
from dataclasses import asdict
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench_map import Row, Work, row, timed
from lxml import etree
from zeep import Client, Settings

from adapters.soap import ADAPTER
from adapters.soap.answer import read
from engine.contract import Reply

WSDL = Path(__file__).resolve().parents[1] / "mappings/his/donghua.wsdl"
METHOD = "QueryAdmSchedule"
ARGUMENT = "XMLRequest"
ROW = "<Schedule><ScheduleItemCode>1805||438</ScheduleItemCode><DepartmentName>内科门诊</DepartmentName></Schedule>"
REQUEST = f"<Request><TradeCode>1004</TradeCode>{ROW * 9}</Request>"
ANSWER = f"<Response><ResultCode>0</ResultCode>{ROW * 9}</Response>"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def answered(namespace: str, result: str) -> bytes:
    """The answer as the peer sends it, with its marks escaped."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}"><s:Body><{METHOD}Response '
        f'xmlns="{namespace}"><{result}>{escape(ANSWER)}</{result}></{METHOD}Response></s:Body></s:Envelope>'
    ).encode()


def by_bus(envelope: Any, raw: bytes) -> Work:
    message, headers = REQUEST.encode(), {"content-type": "text/xml; charset=UTF-8"}
    return lambda: (envelope.write(message), read(Reply(raw, 200, headers), envelope.result, {}).body.decode())[1]


def by_hand(envelope: Any, raw: bytes, namespace: str) -> Work:
    """What a person would write for this one call."""
    template = (envelope.head + b"%s" + envelope.tail).decode()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    path = f"{{{SOAP}}}Body/{{{namespace}}}{METHOD}Response/{{{namespace}}}{envelope.result}"
    return lambda: ((template % escape(REQUEST, quote=False)).encode(), etree.fromstring(raw, parser).findtext(path))[1]


def by_zeep(client: Any, raw: bytes) -> Work:
    (service,) = client.wsdl.services.values()
    (port,) = service.ports.values()
    binding = port.binding
    operation = binding.get(METHOD)
    reply = SimpleNamespace(status_code=200, content=raw, headers={"Content-Type": "text/xml"}, encoding="utf-8")

    def call() -> object:
        etree.tostring(operation.create(**{ARGUMENT: REQUEST}).content)
        return binding.process_reply(client, operation, reply)

    return call


def measure(turns: int) -> list[Row]:
    """Medians of turns in the same run."""
    options = ADAPTER.profile_options.model_validate({"wsdl": WSDL.name, "argument": ARGUMENT})
    asked = {"ask": ADAPTER.operation_options.model_validate({"operation": METHOD})}
    assert ADAPTER.prepare is not None
    made = ADAPTER.prepare(options, asked, {WSDL.name: WSDL.read_bytes()})
    assert not made.findings, made.findings
    envelope = made.operations["ask"]
    namespace = etree.fromstring(envelope.head + envelope.tail)[0][0].nsmap["ns0"]
    raw = answered(namespace, envelope.result)
    works = (
        by_bus(envelope, raw),
        by_hand(envelope, raw, namespace),
        by_zeep(Client(str(WSDL), settings=Settings()), raw),
    )
    assert [work() for work in works] == [ANSWER] * 3
    turned = [[timed(work, calls) for work, calls in zip(works, (2000, 2000, 400), strict=True)] for _ in range(turns)]
    bus, floor, peer = (statistics.median(each[side] for each in turned) for side in range(3))
    return [
        row("SOAP call, 1 kB string each way, against template + lxml", bus, floor, bus / floor, 2, lower=True),
        row("SOAP call, 1 kB string each way, against zeep", bus, peer, bus / peer, 0.4, lower=True),
    ]


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
        print(f"{each.work:<58}{each.bus:>8} us {each.floor:>9} us  ratio {each.ratio:>6}  goal {sign} {each.goal}")


if __name__ == "__main__":
    main()
