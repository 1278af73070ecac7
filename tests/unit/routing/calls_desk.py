"""The small site once more, with a channel: applications that ask for changes over HTTP, and an office that may not answer."""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections import defaultdict

import aiohttp
from aiohttp import web

from engine.model import State
from tests.unit.routing.routing_desk import TEXTS

SECRETS = {"app": "secret-of-app-0123456789abcdef01", "other": "secret-of-other-3456789abcdef01"}

OFFICE = """
profile: desk/office
adapter: http
format: json
outgoing:
  save:
    takes: form
    gives: receipt
    effect: change
    ask: {by: find, absent_after: 1s}
    http: {path: /save}
    request: {token: $token, who: patient.id, order: order_no}
    reply: {number: no}
    meaning: &meaning {code: code, text: msg, delivered: ["0"], refused: {"1": full, "2": SLOT_SOLD_OUT}, unavailable: ["5"]}
  book:
    takes: form
    gives: receipt
    effect: change
    http: {path: /book}
    request: {who: patient.id, order: order_no}
    reply: {number: no}
    meaning: *meaning
  tell:
    takes: note
    effect: change
    http: {path: /tell}
    request: {to: to, about: about}
    meaning: *meaning
  undo:
    takes: form
    effect: change
    http: {path: /undo}
    request: {who: patient.id, number: save.reply.number}
    meaning: *meaning
  find:
    takes: form
    gives: receipt
    effect: none
    http: {method: GET, path: /find, query: [token]}
    address: {token: $token}
    reply: {number: no}
    meaning: {code: code, delivered: ["0"], unsent: ["4"]}
  look:
    takes: form
    gives: receipt
    effect: none
    http: {method: GET, path: /look}
    reply: {number: no}
    meaning: {otherwise: delivered}
"""
ROUTES = """
routes:
  form.save: {to: office.save, answer: {within: 10m}}
  form.brief: {to: office.save, answer: {within: 300ms}}
  form.book: {to: office.book, answer: {within: 10m}}
  form.lined:
    lane: {by: patient.id, name: desk}
    steps: {book: {to: office.book}}
    answer: {within: 10m}
  form.queued:
    lane: {by: patient.id, name: desk}
    steps: {save: {to: office.save}}
    answer: {within: 300ms}
  form.later:
    steps: {save: {to: office.save}, tell: {to: office.tell, map: note_of_form}}
    answer: {after: accepted}
  form.steps:
    steps:
      save: {to: office.save}
      tell: {to: office.tell, map: note_of_form, when: kind == a}
      after: {to: office.book}
    on_failure:
      undo: {to: office.undo, when: save == delivered}
    answer: {after: tell, within: 10m}
  form.undone:
    steps:
      save: {to: office.save}
      tell: {to: office.tell, map: note_of_form}
    on_failure:
      undo: {to: office.undo, when: save == delivered}
    answer: {after: save, within: 300ms, late: undo}
  form.look: {to: office.look}
"""
OPERATION = """
    form.{name}:
      says: {name}
      method: POST
      path: /{name}
      scope: form.{name}
      effect: {effect}
      key: {key}
      errors: [SLOT_SOLD_OUT]
      request:
        body: {{who: patient.id, order: order_no, kind: kind}}
        caller: {{campus: campus}}
      reply: {{fields: {{number: {{at: number}}, task: {{at: task_id}}}}}}
"""
NAMES = ("save", "brief", "book", "lined", "queued", "later", "steps", "undone")
CHANNEL = (
    "profile: desk/channel\nadapter: http\nformat: json\ncontracts:\n  base: /api/v1\n  operations:"
    + "".join(OPERATION.format(name=name, effect="change", key="required") for name in NAMES)
    + OPERATION.format(name="look", effect="none", key="none")
)
CONFIG = """
site: {campuses: [main, north]}
systems:
  office: {profile: desk/office, url: "%s"}
  channel:
    profile: desk/channel
    listen: "127.0.0.1:0"
    clients:
      app: {secret: app, scopes: ["form.*"]}
      other: {secret: other, scopes: ["form.*"]}
secrets: [{files: keys}]
journal: {reserve: 1MB}
log: {level: error}
"""


def write(folder, office_url, routes=ROUTES, config=CONFIG):
    """The site as a folder, with its keys."""
    texts = {
        **{name: text for name, text in TEXTS.items() if "desk/" not in name},
        "mappings/shapes/receipt.yaml": "shape: receipt\nfields: {number: text, task_id: text}\n",
        "mappings/desk/office.yaml": OFFICE,
        "mappings/desk/channel.yaml": CHANNEL,
        "routes.yaml": routes,
        "config/desk.yaml": config % office_url,
        **{f"keys/{name}": text for name, text in SECRETS.items()},
        "keys/journal_key": "k" * 64,
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


class Office:
    """The system behind. It keeps a ledger, and each of its operations can be held, or told what to answer."""

    def __init__(self):
        self.ledger = []
        self.arrived = defaultdict(int)
        """Calls by operation that have come, answered or not."""
        self.answers = {}
        self.held = defaultdict(asyncio.Event)
        """By operation: while its event is not set, nobody is answered."""

    def hold(self, name):
        self.held[name].clear()

    def let_go(self, name):
        self.held[name].set()

    async def serve(self, request):
        name = request.path.strip("/")
        body = json.loads(await request.read() or b"{}")
        self.arrived[name] += 1
        if name in self.held:
            await self.held[name].wait()
        self.ledger.append((name, body))
        codes = self.answers.get(name, ["0" if name != "find" or self._has(request.query["token"]) else "4"])
        code = codes.pop(0) if len(codes) > 1 else codes[0]
        return web.json_response({"code": code, "msg": "张三已有预约", "no": f"N{len(self.ledger)}"})

    def _has(self, token):
        return any(body.get("token") == token for name, body in self.ledger if name == "save")

    def names(self):
        return [name for name, _ in self.ledger]


class App:
    """A channel application: signs by itself, not with our code."""

    def __init__(self, address, name="app"):
        self.base = address.rstrip("/")
        self.name = name

    async def ask(self, operation, key=None, *, campus="main", **body):
        """Status and envelope."""
        async with aiohttp.ClientSession() as session:
            return await self.ask_on(session, operation, key, campus=campus, **body)

    async def ask_on(self, session, operation, key=None, *, campus="main", **body):
        """The same on connections that are kept."""
        path, raw = f"/api/v1/{operation}", json.dumps(body).encode()
        stamp, nonce = str(int(time.time())), secrets.token_hex(8)
        text = "\n".join(("POST", path, stamp, nonce, hashlib.sha256(raw).hexdigest()))
        headers = {
            "X-App-Id": self.name,
            "X-Timestamp": stamp,
            "X-Nonce": nonce,
            "X-Signature": hmac.new(SECRETS[self.name].encode(), text.encode(), "sha256").hexdigest(),
            "X-Campus": campus,
            "Content-Type": "application/json",
            **({"Idempotency-Key": key} if key else {}),
        }
        async with asyncio.timeout(60), session.post(self.base + path, data=raw, headers=headers) as answer:
            return answer.status, await answer.json()


async def until(holds):
    """Waits until something is so, and gives it."""
    async with asyncio.timeout(60):
        while not (found := await holds() if asyncio.iscoroutinefunction(holds) else holds()):  # noqa: ASYNC110 - looked up, there is no event
            await asyncio.sleep(0.01)
    return found


async def states(bus):
    """The states of all steps, message by message."""
    rows = await bus.journal.store.fetch("select message, step, state from deliveries order by message, step")
    found = defaultdict(list)
    for message, _, state in rows:
        found[message].append(State(state).value)
    return list(found.values())
