"""A site whose channel only reads: an office of which several things can be asked, answering as a test says."""

import asyncio
import json
from contextlib import asynccontextmanager

from aiohttp import web

from engine.app.bus import Bus
from engine.base.clock import MovedClock
from engine.cli.site import Adapters
from engine.model import Asked, Caller
from engine.settings.layers import load_config
from engine.settings.problems import Problems, TextsRefused

TEXTS = {
    "mappings/shapes/query.yaml": """
shape: query
fields: {who: text, day: text, kind: text}
""",
    "mappings/shapes/found.yaml": """
shape: found
fields:
  rows: {type: list, fields: {no: text, at: instant, kind: text}}
  count: integer
""",
    "mappings/shapes/person.yaml": """
shape: person
fields: {card: text}
""",
    "mappings/between/of_person.yaml": """
between: of_person
gives: query
fields: {who: first.reply.card, day: day}
""",
    "mappings/desk/office.yaml": """
profile: desk/office
adapter: http
format: json
outgoing:
  rows:
    takes: query
    gives: found
    effect: none
    http: {path: /rows}
    request: {who: who, day: day}
    reply: {rows: {each: rows, fields: {no: no, at: at, kind: kind}}}
    meaning: {code: code, delivered: ["0"], unsent: ["4"], refused: {"1": full, "5": PATIENT_NOT_FOUND}}
  person:
    takes: query
    gives: person
    effect: none
    http: {path: /person}
    request: {who: who}
    reply: {card: card}
    meaning: {code: code, delivered: ["0"], refused: {"5": PATIENT_NOT_FOUND}}
  save:
    takes: query
    effect: change
    http: {path: /save}
    request: {who: who}
    meaning: {code: code, delivered: ["0"]}
""",
}
CONFIG = """
site: {campuses: [main, north]}
systems:
%s
secrets: [{files: keys}]
journal: {reserve: 1MB}
log: {level: error}
delivery: {breaker: {after: 3, pause: 1h}}
"""


class Office:
    """A system behind: counts what it is asked, and answers when `open` is set."""

    def __init__(self):
        self.ledger = []
        self.answers = {}
        self.open = asyncio.Event()
        self.open.set()

    async def serve(self, request):
        name = request.path.strip("/")
        self.ledger.append((name, json.loads(await request.read())))
        await self.open.wait()
        return web.json_response({"code": "0", **self.answers.get(name, {})})

    async def start(self):
        app = web.Application()
        app.router.add_route("*", "/{name}", self.serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self):
        await self._runner.cleanup()


def write(folder, routes, urls):
    systems = "\n".join(f'  {name}: {{profile: desk/office, url: "{url}"}}' for name, url in urls.items())
    for name, text in {**TEXTS, "routes.yaml": routes, "config/desk.yaml": CONFIG % systems}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "keys" / "journal_key").write_text("k" * 64)


@asynccontextmanager
async def reading(folder, routes, **offices):
    """A running bus with these routes before these offices. Its clock stands still until it is moved."""
    write(folder, routes, {name: office.url for name, office in offices.items()})
    problems = Problems()
    loaded = load_config(folder, "desk", {}, problems)
    assert loaded is not None, list(map(str, problems))
    bus = Bus(folder, loaded, Adapters(), clock=MovedClock(), control=False)
    try:
        await bus.start()
    except TextsRefused as refused:
        raise AssertionError("\n".join(map(str, refused.problems))) from None
    try:
        yield bus
    finally:
        await bus.stop()


def asked(operation, campus="main", client="app", **document):
    return Asked(operation, document, Caller(client, campus), "T1")


async def until(holds):
    for _ in range(6000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never")
