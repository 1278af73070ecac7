"""The local systems as an application meets them: over HTTP, through routes and contracts, with its own keys."""

import asyncio
import hashlib
import hmac
import json
import secrets
import shutil
import time
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
import pytest
from registry_desk import SHAPES

from engine.app.bus import Bus
from engine.app.check import check
from engine.base.ids import SystemIds
from engine.cli.site import Adapters
from engine.settings.problems import Problems

SECRET = "secret-of-app-0123456789abcdef01"
ROUTES = """
routes:
  patient.bind: {to: registry.bind}
  patient.list: {to: registry.bindings}
  patient.completeness: {to: rules.completeness}
  patient.guarded:
    steps:
      mine: {to: registry.require_binding}
      unbind: {to: registry.unbind}
"""
CHANNEL = """
profile: desk/channel
adapter: http
format: json
contracts:
  base: /api/v1
  operations:
    patient.bind:
      says: bind
      method: POST
      path: /bind
      scope: patient.all
      effect: change
      key: required
      errors: [BIND_LIMIT, SMS_CODE_INVALID]
      request: {body: {user: &user {at: user_id, longest: 128}, patient: &patient {at: patient_id, longest: 64}, name: {at: name, longest: 64}}}
      reply: {fields: {bindingId: {at: binding_id}, first: {at: is_default, type: boolean}}}
    patient.guarded:
      says: unbind
      method: POST
      path: /unbind
      scope: patient.all
      effect: change
      key: none
      errors: [PERMISSION_DENIED, NOT_FOUND]
      request: {body: {user: *user, patient: *patient}}
      reply: {fields: {bound: {at: bound, type: boolean}}}
    patient.list:
      says: list
      method: POST
      path: /list
      scope: patient.all
      effect: none
      key: none
      request: {body: {user: *user}}
      reply: {each: items, fields: {patientId: {at: patient_id}, name: {at: name}}}
    patient.completeness:
      says: completeness
      method: POST
      path: /completeness
      scope: patient.all
      effect: none
      key: none
      request: {body: {scene: scene, mobile: patient.mobile}}
      reply: {fields: {complete: {at: complete, type: boolean}, missing: {at: missing, type: list}}}
"""
CONFIG = """
site: {campuses: [main]}
systems:
  channel: {profile: desk/channel, listen: "127.0.0.1:0", clients: {app: {secret: app, scopes: ["patient.*"]}}}
registry: {binding: {proof: false, per_user: 2}}
secrets: [{files: keys}]
journal: {reserve: 1MB}
log: {level: error}
"""
TEXTS = {
    "routes.yaml": ROUTES,
    "mappings/desk/channel.yaml": CHANNEL,
    "config/desk.yaml": CONFIG,
    "keys/app": SECRET,
    "keys/journal_key": "k" * 64,
}


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(SHAPES, tmp_path / "mappings/shapes")
    for name, text in TEXTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@asynccontextmanager
async def running(folder):
    problems = Problems()
    checked = check(folder, "desk", {}, Adapters(), SystemIds(), problems)
    assert checked is not None, list(map(str, problems))
    bus = Bus(folder, checked.loaded, Adapters(), control=False)
    await bus.start()
    try:
        yield bus.listeners["channel"].address.rstrip("/")
    finally:
        await bus.stop()


def signed(path, raw, key):
    stamp, nonce = str(int(time.time())), secrets.token_hex(8)
    text = "\n".join(("POST", f"/api/v1{path}", stamp, nonce, hashlib.sha256(raw).hexdigest()))
    signature = hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest()
    headers = {"X-App-Id": "app", "X-Timestamp": stamp, "X-Nonce": nonce, "X-Signature": signature}
    return {**headers, "Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}


async def asks(address, path, key=None, **body):
    raw = json.dumps(body).encode()
    async with (
        asyncio.timeout(60),
        aiohttp.ClientSession() as session,
        session.post(f"{address}/api/v1{path}", data=raw, headers=signed(path, raw, key)) as answer,
    ):
        said = await answer.json()
        return said["code"], said["data"]


async def test_a_patient_is_bound_listed_and_not_more_than_may_be(folder):
    async with running(folder) as bus:
        code, made = await asks(bus, "/bind", "key-0001", user="u1", patient="P1", name="张三")
        assert (code, made["first"]) == ("OK", True)
        assert await asks(bus, "/bind", "key-0001", user="u1", patient="P1", name="张三") == (code, made)
        assert (await asks(bus, "/bind", "key-0002", user="u1", patient="P2"))[0] == "OK"
        assert (await asks(bus, "/bind", "key-0003", user="u1", patient="P3"))[0] == "BIND_LIMIT"
        assert [one["patientId"] for one in (await asks(bus, "/list", user="u1"))[1]] == ["P1", "P2"]
    async with running(folder) as bus:
        assert [one["patientId"] for one in (await asks(bus, "/list", user="u1"))[1]] == ["P1", "P2"]
        assert await asks(bus, "/bind", "key-0001", user="u1", patient="P1", name="张三") == (code, made)


async def test_a_refusal_stands_before_what_comes_after_it(folder):
    async with running(folder) as bus:
        await asks(bus, "/bind", "key-0001", user="u1", patient="P1")
        assert (await asks(bus, "/unbind", user="u2", patient="P1"))[0] == "PERMISSION_DENIED"
        assert len((await asks(bus, "/list", user="u1"))[1]) == 1
        assert (await asks(bus, "/unbind", user="u1", patient="P1"))[0] == "OK"
        assert (await asks(bus, "/list", user="u1"))[1] == []


async def test_a_rule_is_asked_and_what_does_not_fit_is_said(folder):
    async with running(folder) as bus:
        code, found = await asks(bus, "/completeness", scene="bind", mobile="13800001234")
        assert (code, found) == ("OK", {"complete": False, "missing": ["name", "id_type", "id_no"]})
        assert (await asks(bus, "/completeness", scene="birthday", mobile="13800001234"))[0] == "VALIDATION_FAILED"


async def test_a_caller_who_hangs_up_has_bound_once(folder):
    async with running(folder) as bus:
        raw = json.dumps({"user": "u1", "patient": "P1"}).encode()
        lines = [f"{name}: {value}" for name, value in signed("/bind", raw, "key-0001").items()]
        head = ["POST /api/v1/bind HTTP/1.1", "Host: bus", f"Content-Length: {len(raw)}", *lines, "", ""]
        _, writer = await asyncio.open_connection(urlsplit(bus).hostname, urlsplit(bus).port)
        writer.write("\r\n".join(head).encode() + raw)
        await writer.drain()
        writer.close()
        async with asyncio.timeout(60):
            while (await asks(bus, "/bind", "key-0001", user="u1", patient="P1"))[0] == "IN_PROGRESS":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert len((await asks(bus, "/list", user="u1"))[1]) == 1


def test_an_operation_without_its_shapes_is_a_finding(folder):
    (folder / "mappings/shapes/binding.yaml").unlink()
    problems = Problems()
    assert check(folder, "desk", {}, Adapters(), SystemIds(), problems) is None
    assert any("speaks of a binding" in str(one) and "routes.yaml" in str(one) for one in problems)


def test_operations_and_systems_that_are_not_there_are_findings(folder):
    (folder / "routes.yaml").write_text(ROUTES + "  patient.other: {to: registry.bimd}\n", encoding="utf-8")
    problems = Problems()
    assert check(folder, "desk", {}, Adapters(), SystemIds(), problems) is None
    assert any("bimd" in str(one) and "bind" in str(one) for one in problems)
