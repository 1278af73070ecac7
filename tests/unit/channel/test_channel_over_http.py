"""The entrance on a real listener, called by the very samples that the documentation prints."""

import asyncio
import os
import re
import sys
from pathlib import Path

import aiohttp
import orjson
import pytest
from channel_desk import ROOT, SECRETS, Desk, app_contracts

from adapters.http import ADAPTER
from engine.base.clock import SystemClock
from engine.base.ids import SystemIds
from engine.channel.entrance import Entrance
from engine.contract import Limits, Link
from engine.sealing.schemes import preset, presets
from engine.sealing.template import Parts

DOCS = [ROOT / "docs" / "channel-api.md", ROOT / "docs" / "channel-api.zh-CN.md"]
REPORTS = {"reports": [{"report_id": "L1", "kind": "LAB", "state": "final", "title": "血常规"}]}


@pytest.fixture
async def served():
    """A desk whose entrance stands on a real clock behind a real HTTP listener."""
    desk = Desk(app_contracts())
    desk.serves = REPORTS
    desk.clock = SystemClock()
    desk.entrance = Entrance(
        contracts=desk.entrance.contracts,
        clients=desk.entrance.clients,
        serve=desk._serve,
        audit=desk._audit,
        clock=desk.clock,
        ids=SystemIds(),
    )
    source = ADAPTER.source(Link("channel", None, listen=("127.0.0.1", 0), limits=Limits(size=4096)))
    await source.start(desk.entrance)
    desk.address = source.address
    yield desk
    await source.stop(1)


def sample(path: Path, language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", path.read_text("utf-8"), re.DOTALL)[1]


async def run(desk, *command, **environment):
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "API": desk.address, "APP_ID": "app", "APP_SECRET": SECRETS["app"], **environment},
    )
    said, _ = await process.communicate()
    return process.returncode, said


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
async def test_the_curl_sample_works_as_printed(served, doc):
    code, said = await run(served, "bash", "-euo", "pipefail", "-c", sample(doc, "bash"))
    assert code == 0
    assert orjson.loads(said)["data"][0]["title"] == "血常规"
    assert served.asked[0].document == {"patient_id": "0000000007", "from": "2026-11-01", "campus": "main"}
    _, said = await run(served, "bash", "-c", sample(doc, "bash"), APP_SECRET="wrong")
    assert orjson.loads(said)["code"] == "SIGN_INVALID"


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
async def test_the_python_sample_works_as_printed(served, doc):
    code, said = await run(served, sys.executable, "-c", sample(doc, "python"))
    assert code == 0
    assert orjson.loads(said)["data"][0]["reportId"] == "L1"


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
