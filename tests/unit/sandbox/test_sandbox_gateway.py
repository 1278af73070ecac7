"""The message gateway: strict about everything, forgetful about nothing, misbehaving on request."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from hmac import new as hmac
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from hospital_peer import until

from sandbox.hospital import Hospital

SEND = "/api/message/send"
MESSAGE = {
    "msgId": "M-1",
    "scene": "REPORT_READY",
    "patientId": "0000000001",
    "mobile": "13800100001",
    "templateCode": "T1001",
    "params": {"name": "张三", "title": "血常规", "reportNo": "L1", "reportTime": "2026-11-20 08:00:00"},
    "sendTime": "2026-11-20 08:00:05",
}


class Caller:
    """Signs as the documentation says; written here again, not taken from the sandbox."""

    def __init__(self, session: aiohttp.ClientSession, base: str, secret: bytes) -> None:
        self.session, self.base, self.secret = session, base, secret
        self.nonces = iter(range(10**9))

    def headers(self, method: str, path: str, body: bytes, **other: str) -> dict[str, str]:
        head = {
            "X-App-Id": "hisbus",
            "X-Timestamp": str(int(time.time())),
            "X-Nonce": f"nonce{next(self.nonces):08d}",
        } | other
        text = "\n".join([method, path, head["X-Timestamp"], head["X-Nonce"], sha256(body).hexdigest()])
        return {"X-Signature": hmac(self.secret, text.encode(), "sha256").hexdigest()} | head

    async def send(
        self, message: Any = None, body: bytes | None = None, kind: str = "application/json", **other: str
    ) -> tuple[int, Any]:
        body = json.dumps(MESSAGE if message is None else message).encode() if body is None else body
        head = self.headers("POST", SEND, body, **other)
        return await self.call("POST", SEND, body, {**head, "Content-Type": kind})

    async def status(self, msg_id: str) -> tuple[int, Any]:
        path = f"/api/message/status?msgId={msg_id}"
        return await self.call("GET", path, b"", self.headers("GET", path, b""))

    async def call(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        async with self.session.request(method, self.base + path, data=body or None, headers=headers) as reply:
            return reply.status, json.loads(await reply.read())


@pytest.fixture
async def caller(hospital: Hospital) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(2)) as session:
        secret = hospital.secret_file.read_bytes().strip()
        yield Caller(session, f"http://127.0.0.1:{hospital.gateway_port.port}", secret)


def kept(hospital: Hospital) -> list[dict[str, Any]]:
    return hospital.store.all("select * from gateway_messages order by rowid")


def calls(hospital: Hospital) -> list[dict[str, Any]]:
    return hospital.store.all("select * from calls order by id")


async def test_a_right_message_is_taken_and_told(hospital: Hospital, caller: Caller) -> None:
    status, answer = await caller.send()
    assert (status, answer["code"], answer["data"]["state"]) == (200, "0", "SENT")
    (row,) = kept(hospital)
    assert row["serial_no"] == answer["data"]["serialNo"]
    assert row["text"] == "张三您好,您的血常规(单号L1)已于2026-11-20 08:00:00出具,请在线查询。"
    assert (calls(hospital)[0]["http"], calls(hospital)[0]["code"]) == (200, "0")


async def test_it_does_not_de_duplicate_and_says_so(hospital: Hospital, caller: Caller) -> None:
    await caller.send()
    await caller.send()
    assert len(kept(hospital)) == 2
    _, answer = await caller.status("M-1")
    assert answer["data"]["count"] == 2
    assert answer["data"]["serialNo"] == kept(hospital)[1]["serial_no"]


async def test_a_state_moves_with_time_and_an_unknown_message_is_not_found(hospital: Hospital, caller: Caller) -> None:
    await caller.send()
    assert (await caller.status("M-1"))[1]["data"]["state"] == "SENT"
    hospital.store.run("update gateway_messages set at = at - 2000000")
    assert (await caller.status("M-1"))[1]["data"]["state"] == "DELIVERED"
    assert await caller.status("M-2") == (200, {"code": "1404", "msg": "消息不存在", "data": None})


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in MESSAGE.items() if key != name}


def params(**more: Any) -> dict[str, Any]:
    return {**MESSAGE, "params": {**MESSAGE["params"], **more}}


@pytest.mark.parametrize(
    ("message", "word"),
    [
        *[(without(name), name) for name in MESSAGE],
        ({**MESSAGE, "remark": "x"}, "remark"),
        ({**MESSAGE, "mobile": "23800100001"}, "mobile"),
        ({**MESSAGE, "mobile": "1380010001"}, "mobile"),
        ({**MESSAGE, "mobile": "１３８００１００００１"}, "mobile"),
        ({**MESSAGE, "mobile": 13800100001}, "mobile"),
        ({**MESSAGE, "msgId": "a b"}, "msgId"),
        ({**MESSAGE, "msgId": "x" * 65}, "msgId"),
        ({**MESSAGE, "patientId": "病人1"}, "patientId"),
        ({**MESSAGE, "templateCode": "T9999"}, "templateCode"),
        ({**MESSAGE, "templateCode": "T1002"}, "scene"),
        ({**MESSAGE, "sendTime": "2026-11-20T08:00:05"}, "sendTime"),
        ({**MESSAGE, "sendTime": "2026-11-20 8:00:05"}, "sendTime"),
        ({**MESSAGE, "sendTime": "2099-11-20 08:00:05"}, "sendTime"),
        ({**MESSAGE, "params": []}, "params"),
        (params(extra="1"), "extra"),
        ({**MESSAGE, "params": {"name": "张三"}}, "reportNo"),
        (params(name=""), "name"),
        (params(title="x" * 101), "title"),
        (params(title="a\nb"), "title"),
        (params(reportTime="20261120080000"), "reportTime"),
    ],
)
async def test_a_wrong_field_is_refused_with_its_name(
    hospital: Hospital, caller: Caller, message: Any, word: str
) -> None:
    status, answer = await caller.send(message)
    assert (status, answer["code"], answer["data"]) == (200, "1422", None)
    assert word in answer["msg"]
    assert kept(hospital) == []
    assert calls(hospital)[0]["code"] == "1422"


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"{", "application/json", "1400"),
        (b"[]", "application/json", "1400"),
        (json.dumps(MESSAGE, ensure_ascii=False).encode("gb18030"), "application/json", "1400"),
        (json.dumps(MESSAGE).replace('"msgId"', '"scene": "X", "msgId"').encode(), "application/json", "1400"),
        (json.dumps(MESSAGE).encode(), "text/plain", "1415"),
        (json.dumps(MESSAGE).encode(), "application/json; charset=gbk", "1415"),
    ],
)
async def test_a_wrong_body_is_refused(hospital: Hospital, caller: Caller, body: bytes, kind: str, code: str) -> None:
    status, answer = await caller.send(body=body, kind=kind)
    assert (status, answer["code"]) == (200, code)
    assert kept(hospital) == []


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"X-App-Id": "other"}, "应用"),
        ({"X-Timestamp": "0"}, "时间戳"),
        ({"X-Timestamp": "now"}, "时间戳"),
        ({"X-Nonce": "short"}, "随机串"),
        ({"X-Signature": "0" * 64}, "签名"),
        ({"X-Signature": ""}, "X-Signature"),
    ],
)
async def test_a_wrong_signature_is_401(hospital: Hospital, caller: Caller, changed: dict[str, str], word: str) -> None:
    status, answer = await caller.send(**changed)
    assert (status, answer["code"]) == (401, "1401")
    assert word in answer["msg"]
    assert kept(hospital) == []


async def test_time_has_a_window_of_five_minutes(caller: Caller) -> None:
    for seconds, status in ((-290, 200), (290, 200), (-310, 401), (310, 401)):
        assert (await caller.send(**{"X-Timestamp": str(int(time.time()) + seconds)}))[0] == status


async def test_a_nonce_serves_once_even_after_a_refusal_and_a_stranger_cannot_spend_it(caller: Caller) -> None:
    assert (await caller.send(**{"X-Nonce": "aaaaaaaa", "X-Signature": "0" * 64}))[0] == 401
    assert (await caller.send(**{"X-Nonce": "aaaaaaaa"}))[0] == 200
    status, answer = await caller.send(**{"X-Nonce": "aaaaaaaa"})
    assert (status, answer["msg"]) == (401, "随机串重复")
    await caller.send(without("scene"), **{"X-Nonce": "bbbbbbbb"})
    assert (await caller.send(**{"X-Nonce": "bbbbbbbb"}))[0] == 401


async def test_the_signature_covers_body_path_and_method(caller: Caller) -> None:
    body = json.dumps(MESSAGE).encode()
    head = caller.headers("POST", SEND, body)
    status, _ = await caller.call("POST", SEND, body + b" ", {**head, "Content-Type": "application/json"})
    assert status == 401
    head = caller.headers("GET", "/api/message/status?msgId=A", b"")
    assert (await caller.call("GET", "/api/message/status?msgId=B", b"", head))[0] == 401


async def test_other_addresses_and_methods(caller: Caller) -> None:
    status, answer = await caller.call("POST", "/api/other", b"{}", {})
    assert (status, answer["code"]) == (404, "1440"), "a wrong address is no missing message"
    assert (await caller.call("GET", SEND, b"", {}))[0] == 405
    assert (await caller.call("GET", "/health", b"", {})) == (200, {"status": "UP", "system": "gateway"})


def fault(hospital: Hospital, kind: str, **more: object) -> None:
    hospital.faults.add({"system": "gateway", "kind": kind, "times": 1, **more})


@pytest.mark.parametrize(
    ("kind", "done"), [("reset_before", 0), ("reset_after", 0), ("done_but_no_answer", 1), ("half_reply", 1)]
)
async def test_no_answer_and_whether_it_was_done(hospital: Hospital, caller: Caller, kind: str, done: int) -> None:
    fault(hospital, kind)
    with pytest.raises(aiohttp.ClientError):
        await caller.send()
    assert len(kept(hospital)) == done
    assert calls(hospital)[0]["faults"] == kind
    assert calls(hospital)[0]["answer"] not in ("已应答", "under way")
    assert (await caller.send())[1]["code"] == "0", "the next call is well again"


async def test_half_an_answer_is_half_an_answer(hospital: Hospital, caller: Caller) -> None:
    fault(hospital, "half_reply")
    body = json.dumps(MESSAGE).encode()
    head = {**caller.headers("POST", SEND, body), "Content-Type": "application/json"}
    async with caller.session.post(caller.base + SEND, data=body, headers=head) as reply:
        assert reply.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await reply.read()


async def test_silence_lasts_until_the_caller_gives_up(hospital: Hospital, caller: Caller) -> None:
    fault(hospital, "silence")
    with pytest.raises(asyncio.TimeoutError):
        async with asyncio.timeout(0.3):
            await caller.send()
    assert kept(hospital) == []
    await until(lambda: calls(hospital)[0]["answer"] == "未作应答")


async def test_a_delay_answers_late(hospital: Hospital, caller: Caller) -> None:
    fault(hospital, "delay", amount=0.3)
    before = time.monotonic()
    assert (await caller.send())[1]["code"] == "0"
    assert time.monotonic() - before >= 0.3


async def test_a_refusal_does_nothing(hospital: Hospital, caller: Caller) -> None:
    fault(hospital, "refusal")
    status, answer = await caller.send()
    assert (status, answer["code"]) == (200, "1500")
    assert kept(hospital) == []


async def test_a_wrong_charset_cannot_be_read(hospital: Hospital, caller: Caller) -> None:
    fault(hospital, "wrong_charset")
    with pytest.raises(UnicodeDecodeError):
        await caller.send()
    assert len(kept(hospital)) == 1


async def test_its_clock_can_be_wrong(hospital: Hospital, caller: Caller) -> None:
    fault(hospital, "clock_skew", amount=400)
    assert (await caller.send())[0] == 401


async def test_a_double_answer_stands_twice_on_the_wire(hospital: Hospital, caller: Caller) -> None:
    fault(hospital, "duplicate_reply")
    body = json.dumps(MESSAGE).encode()
    head = {**caller.headers("POST", SEND, body), "Content-Type": "application/json", "Content-Length": str(len(body))}
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(caller.base).port)
    lines = [f"POST {SEND} HTTP/1.1", "Host: gateway", *(f"{name}: {value}" for name, value in head.items())]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    raw = b""
    async with asyncio.timeout(60):
        while raw.count(b'"serialNo"') < 2:
            raw += await reader.read(65536)
    assert raw.count(b"HTTP/1.1 200") == 2
    writer.close()
    assert len(kept(hospital)) == 1


async def test_down_closes_the_port_and_comes_back_at_the_same(hospital: Hospital, caller: Caller) -> None:
    assert (await caller.send())[0] == 200
    down = hospital.faults.add({"system": "gateway", "kind": "down"})
    await until(lambda: not hospital.gateway_port.open)
    with pytest.raises(aiohttp.ClientConnectionError):
        await caller.send()
    hospital.faults.remove(down.id)
    await until(lambda: hospital.gateway_port.open)
    assert (await caller.send())[0] == 200
