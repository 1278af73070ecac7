"""Nobody gets past the entrance unsigned, and strangers learn nothing."""

from datetime import timedelta

import orjson
import pytest

from engine.base.clock import SECOND
from engine.channel import signing
from engine.channel.clients import clients_of
from engine.contract import Inbound
from engine.settings.secrets import SecretMissing
from engine.settings.systems import Client as ClientSettings

PATH = "/api/v1/patients/P1"
FOUND = {"patient": {"id": "P1", "name": "张三"}}


@pytest.fixture(autouse=True)
def _found(desk):
    desk.serves = FOUND


async def test_a_signed_call_passes(desk):
    status, body, _ = await desk.call("GET", PATH)
    assert (status, body["code"]) == (200, "OK")


@pytest.mark.parametrize("missing", ["x-app-id", "x-timestamp", "x-nonce", "x-signature"])
async def test_each_header_is_needed(desk, missing):
    headers = desk.headers("GET", PATH)
    del headers[missing]
    status, body, answer = await desk.call("GET", PATH, headers=headers)
    assert (status, body["code"]) == (401, "SIGN_INVALID")
    assert "X-Signature" in body["data"]["reason"]
    assert answer["www-authenticate"]
    assert not desk.asked


async def answer_to(desk, headers, path=PATH, method="GET", raw=b""):
    bare, _, query = path.partition("?")
    answer = await desk.entrance(Inbound("channel", raw, "", "", method, bare, query, headers))
    body = orjson.loads(answer.bodies[0])
    trace = body.pop("traceId")
    return answer.status, body, {key: value for key, value in answer.headers.items() if value != trace}


async def test_unknown_application_and_wrong_signature_get_the_same_answer(desk):
    wrong = await answer_to(desk, desk.headers("GET", PATH, secret="x" * 32))
    unknown = await answer_to(desk, desk.headers("GET", PATH, secret="x" * 32) | {"x-app-id": "nobody"})
    stolen = await answer_to(desk, desk.headers("GET", PATH, app="north") | {"x-app-id": "app"})
    assert wrong == unknown == stolen
    assert wrong[0] == 401
    assert wrong[1]["data"] is None


async def test_strangers_do_not_learn_which_paths_there_are(desk):
    calls = [("GET", PATH), ("GET", "/api/v1/nothing"), ("DELETE", PATH), ("POST", "/api/v1/patients"), ("GET", "/")]
    answers = [await answer_to(desk, desk.headers(m, p, secret="x" * 32), p, m) for m, p in calls]
    assert all(answer == answers[0] for answer in answers)


async def test_the_work_for_unknown_and_known_is_the_same(desk, monkeypatch):
    tried = []
    verify = signing.Scheme.verify

    def counted(self, parts, secrets):
        tried.append(len(secrets))
        return verify(self, parts, secrets)

    monkeypatch.setattr(signing.Scheme, "verify", counted)
    await answer_to(desk, desk.headers("GET", PATH))
    await answer_to(desk, desk.headers("GET", PATH, secret="x" * 32))
    await answer_to(desk, desk.headers("GET", PATH, secret="x" * 32) | {"x-app-id": "nobody"})
    assert tried == [2, 2, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"path": PATH + "?verbose=true"},
        {"path": "/api/v1/patients/P2"},
        {"path": "/api/v1/patients/%501"},
        {"method": "DELETE"},
        {"raw": b"{}"},
    ],
)
async def test_what_was_signed_must_be_what_came(desk, change):
    headers = desk.headers("GET", PATH)
    assert (await answer_to(desk, headers, **change))[0] == 401
    assert (await answer_to(desk, headers))[0] == 200


@pytest.mark.parametrize(("away", "status"), [(-300, 200), (300, 200), (-301, 401), (301, 401), (10**6, 401)])
async def test_the_window_is_five_minutes_either_way(desk, away, status):
    at = desk.clock.now() // SECOND + away
    answered, body, _ = await desk.call("GET", PATH, at=at)
    assert answered == status
    if status == 401:
        assert "300" in body["data"]["reason"]


@pytest.mark.parametrize("stamp", ["", "-1", "1e9", "١٧٦٧", "1" * 13, "1767225600.0", " 1"])
async def test_timestamps_are_digits(desk, stamp):
    headers = desk.headers("GET", PATH) | {"x-timestamp": stamp}
    assert (await answer_to(desk, headers))[0] == 401


@pytest.mark.parametrize("nonce", ["short", "a" * 65, "with space", "名字名字名字名字", "new\nline-000"])
async def test_nonces_have_a_form(desk, nonce):
    assert (await desk.call("GET", PATH, nonce=nonce))[0] == 401


async def test_a_nonce_counts_once_for_one_application(desk):
    headers = desk.headers("GET", PATH, nonce="nonce-once")
    assert (await desk.call("GET", PATH, headers=headers))[0] == 200
    status, body, _ = await desk.call("GET", PATH, headers=headers)
    assert (status, body["code"]) == (401, "SIGN_INVALID")
    assert "X-Nonce" in body["data"]["reason"]
    assert (await desk.call("GET", PATH, app="desk", nonce="nonce-once"))[0] == 200


async def test_a_replay_is_refused_for_as_long_as_its_timestamp_counts(desk):
    future = desk.clock.now() // SECOND + 299
    headers = desk.headers("GET", PATH, at=future, nonce="nonce-late")
    assert (await desk.call("GET", PATH, headers=headers))[0] == 200
    for _ in range(12):
        desk.clock.advance(timedelta(seconds=60))
        assert (await desk.call("GET", PATH, headers=headers))[0] == 401


async def test_a_stranger_cannot_use_up_a_nonce(desk):
    headers = desk.headers("GET", PATH, nonce="nonce-mine")
    await answer_to(desk, headers | {"x-signature": "0" * 64})
    assert (await desk.call("GET", PATH, headers=headers))[0] == 200


async def test_nonces_are_bounded_and_forgotten(desk, monkeypatch):
    monkeypatch.setattr(signing, "NONCES", 3)
    for _ in range(3):
        assert (await desk.call("GET", PATH))[0] == 200
    status, body, headers = await desk.call("GET", PATH)
    assert (status, body["code"]) == (429, "RATE_LIMITED")
    assert int(headers["retry-after"]) > 0
    assert (await desk.call("GET", PATH, app="desk"))[0] == 200  # each application has its own
    desk.clock.advance(timedelta(seconds=361))
    assert (await desk.call("GET", PATH))[0] == 200


@pytest.mark.parametrize("header", ["x-app-id", "x-timestamp", "x-nonce", "x-signature"])
@pytest.mark.parametrize("value", ["\udc80", "é" * 8, "\x00" * 8, "a" * 10_000])
async def test_odd_headers_are_a_wrong_signature_and_nothing_else(desk, header, value):
    assert (await answer_to(desk, desk.headers("GET", PATH) | {header: value}))[0] == 401


class Kept(dict):
    """Secrets that can be changed while the bus runs."""

    def open(self, name):
        if name not in self:
            raise SecretMissing(name, [])
        return self[name]


def settings(**more):
    return {"app": ClientSettings(secret="app_key", **more)}


def test_clients_come_from_the_settings():
    client = clients_of(settings(scopes=["report.*"]), ["main", "north"], Kept(app_key=""))["app"]
    assert client.campuses == ("main", "north")
    assert client.may("report.read")
    assert not client.may("reports.read")
    assert not client.may("report")
    only = clients_of(settings(campuses=["north"], unmask=True), ["main", "north"], Kept(app_key=""))["app"]
    assert (only.campuses, only.unmask) == (("north",), True)


async def test_two_secrets_count_while_they_are_changed_and_are_opened_each_time(desk):
    kept = Kept(app_key="old-secret", app_key_2="new-secret")
    desk.entrance.clients = clients_of(settings(second_secret="app_key_2", scopes=["patient.read"]), ["main"], kept)
    assert "secret" not in repr(desk.entrance.clients)
    assert (await desk.call("GET", PATH, secret="old-secret"))[0] == 200
    assert (await desk.call("GET", PATH, secret="new-secret"))[0] == 200
    del kept["app_key"]
    assert (await desk.call("GET", PATH, secret="old-secret"))[0] == 401
    assert (await desk.call("GET", PATH, secret="new-secret"))[0] == 200
    kept.clear()
    for secret in ("old-secret", "new-secret"):
        assert (await desk.call("GET", PATH, secret=secret))[0] == 401
