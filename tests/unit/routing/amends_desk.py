"""A site whose records are corrected: a source of records over HTTP, and an office that refuses some of them."""

import asyncio
import json
from collections import defaultdict

import aiohttp
from aiohttp import web

TEXTS = {
    "mappings/shapes/record.yaml": """
shape: record
fields:
  record_id: {required: true}
  patient: text
  value: text
""",
    "mappings/shapes/receipt.yaml": "shape: receipt\nfields: {number: text}\n",
    "mappings/desk/source.yaml": """
profile: desk/source
adapter: http
format: json
incoming:
  record: {match: id exists, gives: record, read: {record_id: id, patient: who, value: value}}
""",
    "mappings/desk/office.yaml": """
profile: desk/office
adapter: http
format: json
outgoing:
  upload:
    takes: record
    gives: receipt
    effect: change
    http: {path: /upload}
    request: {id: record_id, value: value, found: find.reply.number}
    reply: {number: no}
    meaning: {code: code, delivered: ["0"], refused: {"1": bad_value}, unavailable: ["5"]}
  mirror:
    takes: record
    gives: receipt
    effect: change
    http: {path: /mirror}
    request: {id: record_id, value: value, found: find.reply.number}
    reply: {number: no}
    meaning: {code: code, delivered: ["0"], refused: {"1": bad_value}, unavailable: ["5"]}
  find:
    takes: record
    gives: receipt
    effect: change
    http: {path: /find}
    request: {value: value}
    reply: {number: no}
    meaning: {code: code, delivered: ["0"]}
  log:
    takes: record
    effect: change
    http: {path: /log}
    request: {id: record_id, value: value, number: upload.reply.number}
    meaning: {code: code, delivered: ["0"]}
""",
}
ROUTE = """
routes:
  kept:
    from: source.record
    key: {by: [record_id, value]}
    lane: patient
    amends: record_id
    steps:
      upload: {to: office.upload, refused: park}
      log: {to: office.log}
"""
TWICE = ROUTE + "      mirror: {to: office.mirror, needs: [], refused: park}\n"
READING = """
routes:
  kept:
    from: source.record
    key: {by: [record_id, value]}
    lane: patient
    amends: record_id
    steps:
      find: {to: office.find, lane: none}
      upload: {to: office.upload, refused: park}
      log: {to: office.log}
"""
CONFIG = """
systems:
  source: {profile: desk/source, listen: "127.0.0.1:0"}
  office: {profile: desk/office, url: "%s", breaker: {after: 1000}}
secrets: [{files: keys}]
journal: %s
log: {level: error}
"""
SQLITE = "{reserve: 1MB}"
REFUSED, BUSY, UNCLEAR = "1", "5", "9"


def write(folder, office, routes=ROUTE, journal=SQLITE):
    """The site as a folder, with its keys."""
    texts = {
        **TEXTS,
        "routes.yaml": routes,
        "config/desk.yaml": CONFIG % (office.url, journal),
        "keys/journal_key": "k" * 64,
        "keys/bus": "trusted by its socket",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def postgres_journal(url, node="bus"):
    """The journal's settings on a server of the tests."""
    address = url.replace("bus@", "")
    return f'{{url: "{address}", node: {node}, login: {{user: bus, password: {{secret: bus}}}}}}'


class Office:
    """The system behind: it answers each value as it is told, and keeps what it was asked."""

    def __init__(self):
        self.ledger = []
        self.bodies = []
        self.answers = {}
        """By operation and value, or value alone: the codes to answer, the last one for good; else 0."""
        self.held = defaultdict(asyncio.Event)
        """By value: while its event is not set, nobody is answered."""

    async def serve(self, request):
        name, body = request.path.strip("/"), json.loads(await request.read())
        value = body["value"]
        self.ledger.append((name, value))
        self.bodies.append(body)
        if value in self.held:
            await self.held[value].wait()
        codes = self.answers.get((name, value)) or self.answers.get(value, ["0"])
        return web.json_response({"code": codes.pop(0) if len(codes) > 1 else codes[0], "no": f"N{len(self.ledger)}"})


async def send(bus, id_, value, who="P1"):
    """Sends a version of a record; its acknowledgement means that it is on disk."""
    record = {"id": id_, "value": value, "who": who}
    async with aiohttp.ClientSession() as session, session.post(bus.listeners["source"].address, json=record) as answer:
        assert answer.status == 200, await answer.text()


async def steps(bus):
    """Of each message in order: its steps by name, each with its state, and why where that is said."""
    rows = await bus.journal.store.fetch(
        "select m.seq, d.step, d.state, d.why from messages m join deliveries d on d.message = m.seq order by m.seq, d.step"
    )
    names = [step.name for step in bus.release.routes["kept"].every]
    found = defaultdict(dict)
    for seq, step, state, why in rows:
        found[seq][names[step]] = f"{state} ({why})" if why else state
    return list(found.values())


async def become(bus, *wanted):
    """Waits until the messages stand so; each is told by the steps that matter."""
    there = []
    try:
        async with asyncio.timeout(60):
            while not _fit(there := await steps(bus), wanted):  # noqa: ASYNC110 - looked up, there is no event
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"expected {wanted}, there is {there}") from None
    return there


def _fit(there, wanted):
    return len(there) == len(wanted) and all(
        found.get(name, "").startswith(state)
        for found, told in zip(there, wanted, strict=True)
        for name, state in told.items()
    )


async def ids(bus):
    """The ids of all messages, in order."""
    return [row[0] for row in await bus.journal.store.fetch("select id from messages order by seq")]
