"""An entrance with invented applications, and a caller that signs by itself, not with our own code."""

import hashlib
import hmac
from itertools import count
from pathlib import Path

import orjson

from engine.base.clock import SECOND, MovedClock
from engine.base.ids import CountedIds
from engine.channel.clients import Client
from engine.channel.contracts import compile_contracts, load_contracts
from engine.channel.entrance import Entrance
from engine.contract import Inbound
from engine.model import Served
from engine.settings.nodes import parse
from engine.settings.problems import Problems

ROOT = Path(__file__).parents[3]
MAPPINGS = ROOT / "mappings"
SECRETS = {
    "app": "secret-of-app-0123456789abcdef01",
    "north": "secret-of-north-456789abcdef0123",
    "desk": "secret-of-desk-0123456789abcdef0",
    "narrow": "secret-of-narrow-789abcdef012345",
}

MORE = """
contracts:
  channels: [wx-mp, doctor-web]
  messages: {BACKEND_TIMEOUT: {zh: 医院系统较忙，请稍后再试}}
  operations:
    patient.get:
      says: 患者资料
      method: GET
      path: /patients/{patientId}
      scope: patient.read
      effect: none
      subject: patient.id
      request:
        path: {patientId: {at: patient.id, type: id}}
        query: {verbose: {at: verbose, type: boolean}, page: {at: page, type: integer}}
        caller: {campus: campus, channel: channel, client: client}
      reply:
        fields:
          name: {at: patient.name, mask: name, required: true}
          idNo: {at: patient.id_no, mask: id_no}
          mobile: {at: patient.mobile, mask: phone}
          birthDate: {at: patient.birth_date, type: date, mask: birth_date}
          weight: {at: patient.weight, type: integer}
          contacts: {at: patient.contacts, type: list, fields: {name: {at: name, mask: name}}}
          guardian: {at: patient.guardian, type: object, fields: {name: {at: name, mask: name}}}
    patient.create:
      says: 建档
      method: POST
      path: /patients
      scope: patient.write
      effect: change
      key: required
      subject: patient.id_no
      request:
        body:
          name: {at: patient.name, required: true, longest: 20}
          sex: {at: patient.sex, words: {M: male, F: female}}
          birthDate: {at: patient.birth_date, type: date}
          fee: {at: fee, type: money}
          vip: {at: vip, type: boolean}
          at: {at: seen_at, type: time}
          tags: {at: tags, type: list, longest: 3}
          guardian: {at: guardian, type: object, fields: {name: {at: name, required: true}}}
          cards: {at: cards, type: list, fields: {no: {at: card_no, type: id, required: true}}}
      reply:
        fields: {patientId: {at: patient.id, required: true}}
    patient.special:
      says: 固定路径先于名称
      method: GET
      path: /patients/search
      scope: patient.read
      effect: none
      reply: {fields: {id: id}}
"""


def compiled(text):
    problems = Problems()
    contracts = compile_contracts(parse(text, "more.yaml", problems).get("contracts"), problems)
    assert not problems, list(problems)
    return contracts


def app_texts():
    """The shipped texts by their names below `mappings/`."""
    return {file.relative_to(MAPPINGS).as_posix(): file.read_bytes() for file in MAPPINGS.rglob("*.yaml")}


def app_contracts():
    problems = Problems()
    contracts = load_contracts("channel/app", app_texts(), problems)
    assert not problems, list(problems)
    return contracts


class Desk:
    """One entrance; `serves` answers the next calls: a document, an exception, or a function of what is asked."""

    def __init__(self, contracts):
        self.clock = MovedClock()
        self.asked = []
        self.records = []
        self.serves = {}
        self.audit_fails = None
        self._nonces = count(1)
        clients = [
            Client("app", lambda: [SECRETS["app"]], ("main",), ("report.*", "patient.read", "patient.write")),
            Client("north", lambda: [SECRETS["north"]], ("main", "north"), ("report.read", "patient.read")),
            Client("desk", lambda: [SECRETS["desk"]], ("main",), ("patient.read",), unmask=True),
            Client("narrow", lambda: [SECRETS["narrow"]], ("main",), ("other.thing",)),
        ]
        self.entrance = Entrance(
            contracts=contracts,
            clients={client.name: client for client in clients},
            serve=self._serve,
            audit=self._audit,
            clock=self.clock,
            ids=CountedIds(),
        )

    async def _serve(self, asked):
        self.asked.append(asked)
        if isinstance(self.serves, Exception):
            raise self.serves
        made = self.serves(asked) if callable(self.serves) else self.serves
        return made if isinstance(made, Served) else Served(made)

    async def _audit(self, record):
        if self.audit_fails is not None:
            raise self.audit_fails
        self.records.append(record)

    def headers(self, method, path, body=b"", *, app="app", secret=None, at=None, nonce=None):
        stamp = str(self.clock.now() // SECOND if at is None else at)
        nonce = nonce or f"nonce-{next(self._nonces):06d}"
        string = f"{method}\n{path}\n{stamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}"
        made = hmac.new((secret or SECRETS[app]).encode(), string.encode(), "sha256").hexdigest()
        return {"x-app-id": app, "x-timestamp": stamp, "x-nonce": nonce, "x-signature": made}

    async def call(self, method, path, body=b"", *, more=None, headers=None, **signing):
        """Signs, calls, and gives (status, envelope, headers)."""
        raw = orjson.dumps(body) if isinstance(body, dict | list) else body
        signed = self.headers(method, path, raw, **signing) if headers is None else headers
        if raw:
            signed = {"content-type": "application/json", **signed}
        bare, _, query = path.partition("?")
        answer = await self.entrance(
            Inbound("channel", raw, "127.0.0.1", "", method, bare, query, {**signed, **(more or {})})
        )
        return answer.status, orjson.loads(answer.bodies[0]), answer.headers
