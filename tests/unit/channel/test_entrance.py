"""What the entrance answers, step by step; and that nothing personal leaves by a side door."""

import io
import logging
from datetime import timedelta

import orjson
import pytest
import structlog
from channel_desk import MORE, compiled

from engine.base import log
from engine.base.errors import Backend, BusError, Code, Then
from engine.base.metrics import REGISTRY
from engine.contract import Inbound
from engine.model import Caller, Effect, Served

ZHANG = {"id": "P1", "name": "张三", "id_no": "110101190003070010", "mobile": "13800001234", "birth_date": "1900-03-07"}
PATH = "/api/v1/patients/P1"
NEW = {"name": "张三"}
KEY = {"idempotency-key": "key-00000001"}


async def code(desk, *args, **more):
    status, body, _ = await desk.call(*args, **more)
    return status, body["code"]


async def test_the_envelope_has_its_five_members_and_the_headers_theirs(desk):
    desk.serves = Served({"patient": ZHANG}, system="his", backend_code="0", backend_text="查询成功")
    status, body, headers = await desk.call("GET", PATH)
    assert status == 200
    assert list(body) == ["code", "message", "data", "traceId", "backend"]
    assert (body["code"], body["message"]) == ("OK", "成功")
    assert body["backend"] == {"system": "his", "code": "0", "message": None}
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-trace-id"] == headers["x-request-id"] == body["traceId"] == desk.asked[0].trace


@pytest.mark.parametrize(
    ("sent", "echoed"), [("req-1", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("é", False)]
)
async def test_a_request_id_is_echoed_where_it_is_one(desk, sent, echoed):
    _, body, headers = await desk.call("GET", PATH, more={"x-request-id": sent})
    assert headers["x-request-id"] == (sent if echoed else body["traceId"])


async def test_personal_data_is_masked_unless_the_caller_may_see_it(desk):
    desk.serves = {"patient": {**ZHANG, "contacts": [{"name": "王小明"}], "guardian": {"name": "欧阳小明"}}}
    data = (await desk.call("GET", PATH))[1]["data"]
    assert data["name"] == "张*"
    assert data["idNo"] == "110***********0010"
    assert data["mobile"] == "138****1234"
    assert data["birthDate"] == "1900-**-**"
    assert data["contacts"] == [{"name": "王*明"}]
    assert data["guardian"] == {"name": "欧**明"}
    data = (await desk.call("GET", PATH, app="desk"))[1]["data"]
    assert (data["name"], data["idNo"]) == ("张三", "110101190003070010")
    assert [record.unmasked for record in desk.records] == [False, True]


async def test_unknown_paths_and_methods(desk):
    assert await code(desk, "GET", "/api/v1/nothing") == (404, "NOT_FOUND")
    for path in ("/", "/api/v1/patients/P1/", "/api/v1//patients", "/api/v1/patients/%FF", "/api/v2/patients/P1", "*"):
        assert await code(desk, "GET", path) == (404, "NOT_FOUND"), path
    status, _, headers = await desk.call("PUT", "/api/v1/patients")
    assert (status, headers["allow"]) == (405, "POST")
    status, _, headers = await desk.call("POST", "/api/v1/patients/search")
    assert (status, headers["allow"]) == (405, "GET")
    assert (await desk.call("HEAD", PATH))[0] == 405


async def test_a_fixed_path_comes_before_a_name(desk):
    desk.serves = {"id": "x"}
    assert (await desk.call("GET", "/api/v1/patients/search"))[1]["data"] == {"id": "x"}
    assert desk.asked[0].operation == "patient.special"


async def test_scopes(desk):
    assert await code(desk, "GET", PATH, app="narrow") == (403, "PERMISSION_DENIED")
    assert await code(desk, "POST", "/api/v1/patients", NEW, app="north", more=KEY) == (403, "PERMISSION_DENIED")
    assert not desk.asked
    assert [(r.client, r.result, r.subject) for r in desk.records] == [
        ("narrow", "PERMISSION_DENIED", None),
        ("north", "PERMISSION_DENIED", None),
    ]


async def test_campuses(desk):
    desk.serves = {"patient": ZHANG}
    assert await code(desk, "GET", PATH) == (200, "OK")
    assert desk.asked[-1].caller == Caller("app", "main", "", frozenset({"report.*", "patient.read", "patient.write"}))
    assert await code(desk, "GET", PATH, more={"x-campus": "north"}) == (403, "PERMISSION_DENIED")
    assert await code(desk, "GET", PATH, more={"x-campus": "nowhere"}) == (403, "PERMISSION_DENIED")
    status, body, _ = await desk.call("GET", PATH, app="north")
    assert (status, body["data"]["fields"][0]["field"]) == (400, "X-Campus")
    assert await code(desk, "GET", PATH, app="north", more={"x-campus": "north"}) == (200, "OK")
    assert desk.asked[-1].caller.campus == "north"


async def test_what_is_known_of_the_caller_stands_in_the_document(desk):
    desk.serves = {"patient": ZHANG}
    await desk.call("GET", PATH + "?verbose=true&page=2", more={"x-channel": "wx-mp"})
    assert desk.asked[0].document == {
        "patient": {"id": "P1"},
        "verbose": True,
        "page": 2,
        "campus": "main",
        "channel": "wx-mp",
        "client": "app",
    }
    status, body, _ = await desk.call("GET", PATH, more={"x-channel": "fax"})
    assert (status, body["data"]["fields"][0]["field"]) == (400, "X-Channel")


async def test_a_body_is_read_with_its_types(desk):
    desk.serves = {"patient": {"id": "P9"}}
    body = {
        "name": "张三",
        "sex": "F",
        "birthDate": "1990-02-03",
        "fee": 1200,
        "vip": False,
        "at": "2026-11-20T09:00:00+08:00",
        "tags": ["a", "b"],
        "guardian": {"name": "李四"},
        "cards": [{"no": "C1"}, {"no": "C2"}],
    }
    status, answer, _ = await desk.call("POST", "/api/v1/patients", body, more=KEY)
    assert (status, answer["data"]) == (200, {"patientId": "P9"})
    asked = desk.asked[0]
    assert asked.key == "key-00000001"
    assert orjson.loads(asked.raw) == body
    assert asked.document == {
        "patient": {"name": "张三", "sex": "female", "birth_date": "1990-02-03"},
        "fee": 1200,
        "vip": False,
        "seen_at": "2026-11-20T09:00:00+08:00",
        "tags": ["a", "b"],
        "guardian": {"name": "李四"},
        "cards": [{"card_no": "C1"}, {"card_no": "C2"}],
    }
    assert desk.records[0].effect is Effect.CHANGE


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
        ({"name": "长" * 21}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"sex": "X"}, "sex"),
        ({"sex": ["M"]}, "sex"),
        ({"birthDate": "1990-02-30"}, "birthDate"),
        ({"birthDate": 19900203}, "birthDate"),
        ({"fee": 12.5}, "fee"),
        ({"fee": "12"}, "fee"),
        ({"fee": -1}, "fee"),
        ({"fee": True}, "fee"),
        ({"fee": 10**18}, "fee"),
        ({"vip": "true"}, "vip"),
        ({"at": "2026-11-20T09:00:00"}, "at"),
        ({"tags": "a"}, "tags"),
        ({"tags": ["a"] * 4}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"guardian": []}, "guardian"),
        ({"guardian": {}}, "guardian.name"),
        ({"guardian": {"name": "李四", "张三": 1}}, "guardian"),
        ({"cards": [{"no": "C1"}, {"no": "C 2"}]}, "cards[1].no"),
        ({"cards": [5]}, "cards"),
        ({"张三13800001234": 1}, "body"),
    ],
)
async def test_wrong_fields_are_named_without_their_values(desk, change, field):
    status, body, _ = await desk.call("POST", "/api/v1/patients", {**NEW, **change}, more=KEY)
    assert (status, body["code"]) == (400, "VALIDATION_FAILED")
    assert [fault["field"] for fault in body["data"]["fields"]] == [field]
    assert "张三" not in str(body)
    assert "13800001234" not in str(body)
    assert not desk.asked


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"\xff", b'{"name": "\\ud800"}', b"[" * 5000])
async def test_a_body_that_is_no_json_object(desk, raw):
    media = {"content-type": "application/json", **KEY}
    status, body, _ = await desk.call("POST", "/api/v1/patients", raw, more=media)
    assert (status, body["code"]) == (400, "NOT_READABLE")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json; charset=UTF-8"}, 200),
        ({"content-type": 'Application/JSON; charset="utf-8"'}, 200),
        ({"content-type": "application/json; charset=gbk"}, 415),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": ""}, 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
    ],
)
async def test_media_types(desk, headers, status):
    desk.serves = {"patient": {"id": "P9"}}
    assert (await desk.call("POST", "/api/v1/patients", NEW, more={**KEY, **headers}))[0] == status


async def test_a_read_takes_no_body(desk):
    assert await code(desk, "GET", PATH, b"{}") == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize("key", [None, "", "short", "a" * 65, "with space here", "键" * 8])
async def test_a_change_needs_a_key(desk, key):
    more = {} if key is None else {"idempotency-key": key}
    status, body, _ = await desk.call("POST", "/api/v1/patients", NEW, more=more)
    assert (status, body["data"]["fields"][0]["field"]) == (400, "Idempotency-Key")


async def test_what_is_too_large_is_told_so_before_anything_else(desk):
    answer = await desk.entrance(Inbound("channel", b"x" * 100, method="POST", path="/", too_large=True))
    assert answer.status == 413
    assert orjson.loads(answer.bodies[0])["code"] == "TOO_LARGE"


async def test_a_caller_that_is_too_fast_is_told_how_long_to_wait(desk):
    desk.serves = {"patient": ZHANG}
    slow = {"pace": 2.0}
    client = desk.entrance.clients["app"]
    desk.entrance.clients = {
        **desk.entrance.clients,
        "app": type(client)(client.name, client.secrets, client.campuses, client.scopes, **slow),
    }
    assert [(await desk.call("GET", PATH))[0] for _ in range(3)] == [200, 200, 429]
    _, body, headers = await desk.call("GET", PATH)
    assert (body["code"], headers["retry-after"]) == ("RATE_LIMITED", "1")
    assert (await desk.call("GET", PATH, app="desk"))[0] == 200
    desk.clock.advance(timedelta(seconds=0.5))
    assert [(await desk.call("GET", PATH))[0] for _ in range(2)] == [200, 429]
    desk.clock.advance(timedelta(hours=1))
    assert [(await desk.call("GET", PATH))[0] for _ in range(3)] == [200, 200, 429]


async def test_a_change_whose_reply_cannot_be_shown_is_not_said_to_have_failed(desk):
    desk.serves = Served({}, "his", "0", task="m1")
    status, body, _ = await desk.call(
        "POST", "/api/v1/patients", {"name": "张三"}, more={"idempotency-key": "key-0001"}
    )
    assert (status, body["code"], body["data"]["taskId"]) == (202, "RESULT_UNKNOWN", "m1")
    assert body["backend"] == {"system": "his", "code": "0", "message": None}
    desk.serves = Served({}, "his")
    assert (await desk.call("GET", "/api/v1/patients/P1"))[1]["code"] == "BACKEND_FORMAT"


@pytest.mark.parametrize("error", list(Code), ids=lambda error: error.name)
async def test_every_error_of_the_table_is_said_in_both_languages(desk, error):
    desk.serves = BusError(error)
    status, body, headers = await desk.call("GET", PATH)
    assert (status, body["code"], body["data"]) == (error.kind.http, error.name, None)
    if error is not Code.BACKEND_TIMEOUT:
        assert body["message"] == error.kind.zh
    assert (await desk.call("GET", PATH, more={"accept-language": "en-US,en;q=0.9"}))[1]["message"] == error.kind.en
    assert ("retry-after" in headers) == (error.kind.then in {Then.LATER, Then.SAME_KEY})


async def test_an_error_behind_that_the_contract_does_not_name_is_a_refusal(desk):
    desk.serves = BusError(Code.SLOT_SOLD_OUT, backend=Backend("his", "-201"))
    status, body, _ = await desk.call("GET", PATH)
    assert (status, body["code"]) == (422, "BACKEND_REJECTED")
    assert body["backend"] == {"system": "his", "code": "-201", "message": None}
    assert body["data"]["reason"] == "SLOT_SOLD_OUT"


async def test_what_the_mapping_refuses_is_named_as_the_contract_names_it(desk):
    desk.serves = BusError(Code.VALIDATION_FAILED, "no id of the HIS", spot="patient.id")
    status, body, _ = await desk.call("GET", PATH)
    assert (status, body["data"]["fields"]) == (400, [{"field": "patientId", "reason": "没有这样的取值"}])


async def test_a_site_may_word_its_errors(desk):
    desk.serves = BusError(Code.BACKEND_TIMEOUT)
    assert (await desk.call("GET", PATH))[1]["message"] == "医院系统较忙，请稍后再试"


async def test_what_the_system_behind_said_is_for_those_who_may_read_it(desk):
    desk.serves = BusError(Code.BACKEND_REJECTED, backend=Backend("his", "1001", "患者张三已停用"))
    status, body, _ = await desk.call("GET", PATH)
    assert status == 422
    assert body["backend"] == {"system": "his", "code": "1001", "message": None}
    assert "张三" not in str(body)
    assert (await desk.call("GET", PATH, app="desk"))[1]["backend"]["message"] == "患者张三已停用"


async def test_places_of_errors_from_below_reach_the_developer(desk):
    desk.serves = BusError(Code.VALIDATION_FAILED, "must not be empty", spot="patient.name")
    body = (await desk.call("GET", PATH))[1]
    assert body["data"] == {
        "reason": "must not be empty",
        "fields": [{"field": "patient.name", "reason": "must not be empty"}],
    }


async def test_whatever_breaks_below_is_an_internal_error_without_its_text(desk):
    desk.serves = RuntimeError("张三 110101190003070010")
    status, body, _ = await desk.call("GET", PATH)
    assert (status, body["code"]) == (500, "INTERNAL")
    assert "张三" not in str(body)


@pytest.mark.parametrize("broken", [{}, {"patient": None}, {"patient": {"name": 7}}, {"patient": {"name": ""}}])
async def test_a_reply_without_what_it_must_have(desk, broken):
    desk.serves = broken
    status, body, _ = await desk.call("GET", PATH)
    assert (status, body["code"]) == (502, "BACKEND_FORMAT")
    assert body["data"]["fields"][0]["field"] == "patient.name"


async def test_text_that_is_no_unicode_is_their_fault_not_ours(desk):
    desk.serves = {"patient": {**ZHANG, "mobile": "\ud800"}}
    assert await code(desk, "GET", PATH, app="desk") == (502, "BACKEND_FORMAT")
    assert desk.records[0].result == "BACKEND_FORMAT"


async def test_a_value_of_a_wrong_type_is_left_out_where_it_is_not_required(desk):
    desk.serves = {"patient": {**ZHANG, "weight": "sixty", "contacts": None}}
    data = (await desk.call("GET", PATH))[1]["data"]
    assert (data["weight"], data["contacts"], data["name"]) == (None, None, "张*")


async def test_what_cannot_be_recorded_is_not_shown(desk):
    desk.serves = {"patient": ZHANG}
    desk.audit_fails = BusError(Code.BUSY)
    status, body, _ = await desk.call("GET", PATH)
    assert (status, body["code"], body["data"]) == (503, "BUSY", None)
    desk.audit_fails = OSError("disk")
    assert await code(desk, "GET", PATH) == (500, "INTERNAL")
    desk.serves = {"patient": {"id": "P9"}}  # a change was done and is in the journal: its caller is told so
    assert await code(desk, "POST", "/api/v1/patients", NEW, more=KEY) == (200, "OK")


async def test_the_record_says_who_what_whom(desk):
    desk.serves = {"patient": ZHANG}
    await desk.call("GET", PATH, more={"x-channel": "wx-mp"})
    record = desk.records[0]
    assert (record.client, record.channel, record.campus, record.remote) == ("app", "wx-mp", "main", "127.0.0.1")
    assert (record.operation, record.effect, record.subject) == ("patient.get", Effect.NONE, "P1")
    assert (record.result, record.count, record.trace) == ("OK", 1, desk.asked[0].trace)
    assert record.at == desk.clock.now()


async def test_a_caller_without_a_name_leaves_no_record(desk):
    await desk.call("GET", PATH, headers={})
    assert desk.records == []


async def test_a_number_that_json_readers_disagree_on(desk):
    raw = b'{"name": "a", "fee": 1000000000000000000000000000000}'
    assert await code(desk, "POST", "/api/v1/patients", raw, more=KEY) == (400, "VALIDATION_FAILED")


@pytest.fixture
def lines():
    """What is logged while the test runs; afterwards logging is as it was."""
    handlers = logging.root.handlers[:]
    written = io.StringIO()
    log.set_up(stream=written)
    yield written
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers


async def test_neither_log_nor_metrics_know_a_patient(desk, lines):
    desk.serves = {"patient": ZHANG}
    await desk.call("GET", "/api/v1/patients/110101190003070010?verbose=%E5%BC%A0%E4%B8%89")
    await desk.call("GET", "/api/v1/patients/110101190003070010")
    await desk.call("POST", "/api/v1/patients", {"name": "张三", "x": "13800001234"}, more=KEY)
    desk.serves = RuntimeError("张三")
    await desk.call("GET", "/api/v1/patients/110101190003070010")
    desk.serves = {"patient": {**ZHANG, "weight": "张三"}}
    await desk.call("GET", "/api/v1/patients/110101190003070010")
    said = lines.getvalue()
    assert said.count('"answered"') == 5
    assert "reply_value_left_out" in said
    for secret in ("张三", "110101190003070010", "13800001234", "1101", "secret-of"):
        assert secret not in said
        assert not any(secret in str(sample.labels) for family in REGISTRY.collect() for sample in family.samples)


async def test_contracts_are_replaced_while_it_runs(desk):
    desk.serves = {"patient": ZHANG}
    before = desk.entrance.contracts
    desk.entrance.contracts = compiled(MORE.replace("/patients/{patientId}", "/persons/{patientId}"))
    assert await code(desk, "GET", PATH) == (404, "NOT_FOUND")
    assert await code(desk, "GET", "/api/v1/persons/P1") == (200, "OK")
    desk.entrance.contracts = before
    assert await code(desk, "GET", PATH) == (200, "OK")
