"""The entrance on a real listener."""

import asyncio

import aiohttp
import orjson
import pytest
from channel_desk import ROOT

from engine.sealing.schemes import preset, presets
from engine.sealing.template import Parts

DOCS = [ROOT / "docs" / "channel-api.md", ROOT / "docs" / "channel-api.zh-CN.md"]


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_the_vector_that_is_printed_is_the_one_that_holds(doc):
    known = presets()["app-hmac"].known[1]
    made = preset("app-hmac").signature(
        Parts(known.method, known.path, b"", known.timestamp, known.nonce, known.user, known.secret)
    )
    text = " ".join(doc.read_text("utf-8").split())
    for printed in (known.user, known.secret, f"{known.method} {known.path}", known.timestamp, known.nonce, made):
        assert f"{printed}`" in text


async def ask(desk, method, path, body=b"", more=None):
    headers = {**desk.headers(method, path, body), **(more or {})}
    url = aiohttp.client.URL(desk.address + path, encoded=True)
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body, headers=headers) as reply:
        return reply.status, orjson.loads(await reply.read()), reply.headers


async def test_paths_are_signed_as_they_stand_on_the_wire(served):
    status, body, headers = await ask(served, "GET", "/api/v1/patients/P%2D1/reports?visitNo=V%2d1")
    assert (status, body["code"]) == (200, "OK")
    assert served.asked[0].document == {"patient_id": "P-1", "visit_no": "V-1", "campus": "main"}
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Trace-Id"] == body["traceId"]


async def test_errors_over_http(served):
    assert (await ask(served, "GET", "/nothing"))[0] == 404
    status, _, headers = await ask(served, "POST", "/api/v1/reports/lab/L1")
    assert (status, headers["Allow"]) == (405, "GET")
    status, body, _ = await ask(served, "POST", "/api/v1/reports/lab/L1", b"x" * 5000)
    assert (status, body["code"]) == (413, "TOO_LARGE")
    async with aiohttp.ClientSession() as session, session.get(served.address + "/api/v1/reports/lab/L1") as reply:
        assert reply.status == 401
        assert (await reply.json())["code"] == "SIGN_INVALID"


async def test_many_at_once_keep_their_answers_apart(served):
    served.serves = lambda asked: {
        "reports": [{"report_id": asked.document["patient_id"], "kind": "LAB", "state": "final"}]
    }
    answers = await asyncio.gather(*(ask(served, "GET", f"/api/v1/patients/P{n}/reports") for n in range(50)))
    assert [body["data"][0]["reportId"] for _, body, _ in answers] == [f"P{n}" for n in range(50)]
    assert len({body["traceId"] for _, body, _ in answers}) == 50
