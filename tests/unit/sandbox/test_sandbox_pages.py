"""Port 9000: acts, ledgers, pages, and the comparison of the two ledgers."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from hospital_peer import Peer, ack, until

from sandbox import times
from sandbox.compare import compare
from sandbox.hospital import Hospital
from sandbox.reports import Wish

Idle = Callable[[], object]


class Browser:
    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self.session, self.base = session, base

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.base + path) as reply:
            return reply.status, await reply.text()

    async def json(self, path: str) -> Any:
        return json.loads((await self.get(path))[1])

    async def post(self, path: str, data: Any, **more: Any) -> tuple[int, str]:
        async with self.session.post(self.base + path, data=data, **more) as reply:
            return reply.status, await reply.text()


@pytest.fixture
async def browser(hospital: Hospital) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession() as session:
        yield Browser(session, f"http://127.0.0.1:{hospital.port}")


async def test_a_report_is_published_and_found_again(browser: Browser, peer: Peer, idle: Idle) -> None:
    status, answer = await browser.post("/publish", '{"kind": "lab", "item": "CBC", "patient": "0000000007"}')
    made = json.loads(answer)
    assert status == 200
    await until(lambda: peer.frames and idle())
    (row,) = (await browser.json(f"/ledger/sent?report={made['report']}"))["rows"]
    assert (row["control_id"], row["outcome"], row["state"]) == (made["control_id"], "accepted", "acked")
    async with browser.session.get(f"{browser.base}/ledger/sent/{row['seq']}/message") as reply:
        assert await reply.read() == peer.frames[0]
    whole = await browser.json(f"/reports/{made['report']}")
    assert whole["patient"]["id"] == "0000000007"
    assert [item["code"] for item in whole["versions"][0]["content"]][:2] == ["WBC", "NEUT%"]
    assert (await browser.json("/reports?patient=0000000007"))["rows"][0]["id"] == made["report"]


async def test_every_act_has_its_address(browser: Browser, peer: Peer, idle: Idle) -> None:
    made = json.loads((await browser.post("/publish", '{"sender": "lis-main", "status": "P"}'))[1])
    body = json.dumps({"report": made["report"]})
    for act in ("final", "correct", "preliminary", "late-old-version", "withdraw", "resend"):
        status, answer = await browser.post(f"/{act}", body)
        assert status == 200, answer
        assert json.loads(answer)["report"] == made["report"]
    assert (await browser.post("/burst", '{"count": 3, "connections": 2}'))[0] == 200
    assert (await browser.post("/restart-numbering", "{}"))[0] == 200
    await until(lambda: len(peer.frames) == 10 and idle())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/publish", '{"kind": "lab", "colour": "red"}'),
        ("/publish", '{"kind": "xray"}'),
        ("/correct", "{}"),
        ("/correct", '{"report": "L0"}'),
        ("/burst", '{"count": 0}'),
        ("/burst", '{"count": 5, "sender": "nobody"}'),
        ("/faults", '{"system": "gateway", "kind": "nothing"}'),
        ("/publish", '{"kind": '),
    ],
)
async def test_a_mistake_is_told_and_changes_nothing(
    hospital: Hospital, browser: Browser, path: str, body: str
) -> None:
    status, answer = await browser.post(path, body)
    assert status == 400
    assert json.loads(answer)["error"]
    assert hospital.store.value("select count(*) from outbox") == 0
    assert hospital.store.value("select count(*) from reports") == 0


async def test_unknown_questions_are_refused(browser: Browser) -> None:
    assert (await browser.get("/ledger/sent?colour=red"))[0] == 400
    assert (await browser.get("/reports/L0"))[0] == 400
    assert (await browser.get("/ledger/sent/99/message"))[0] == 404


async def test_faults_are_switched_over_http(hospital: Hospital, browser: Browser) -> None:
    fault = json.loads(
        (await browser.post("/faults", '{"system": "gateway", "kind": "delay", "amount": 2, "times": 3}'))[1]
    )
    listed = await browser.json("/faults")
    assert listed["active"] == [fault]
    assert set(listed["kinds"]) == set(hospital.faults.names)
    async with browser.session.delete(f"{browser.base}/faults/{fault['id']}") as reply:
        assert await reply.json() == {"removed": 1}
    assert hospital.faults.active() == []


async def test_pages_are_plain_and_escape_what_they_show(
    hospital: Hospital, browser: Browser, peer: Peer, idle: Idle
) -> None:
    peer.answer = lambda raw, number: [ack(raw, "AR", more="|<script>alert(1)</script>")]
    hospital.desk.publish(Wish(kind="exam", sender="pacs-main"))
    await until(lambda: peer.frames and idle())
    for path in ("/", "/page/reports", "/page/compare", "/page/message/1"):
        status, html = await browser.get(path)
        assert status == 200
        assert "<script" not in html
        assert html.startswith("<!DOCTYPE html>")
    status, html = await browser.get("/")
    assert "对方拒收" in html
    assert "&lt;script&gt;" in html


async def test_a_form_of_the_page_does_the_act_and_leads_back(hospital: Hospital, browser: Browser) -> None:
    form = {"kind": "lab", "back": "/page/reports"}
    async with browser.session.post(f"{browser.base}/publish", data=form, allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"]) == (303, "/page/reports")
    form = {"kind": "lab", "back": "https://elsewhere.example"}
    async with browser.session.post(f"{browser.base}/publish", data=form, allow_redirects=False) as reply:
        assert reply.headers["Location"] == "/"
    assert hospital.store.value("select count(*) from reports") == 2


async def test_the_document_behind_the_link_is_there(browser: Browser, peer: Peer, idle: Idle) -> None:
    await browser.post("/publish", '{"kind": "exam", "sender": "pacs-north"}')
    await until(lambda: peer.frames and idle())
    url = next(part for part in peer.frames[0].decode("gb18030").split("|") if part.startswith("http://")).split("^")[0]
    async with browser.session.get(url) as reply:
        assert reply.content_type == "application/pdf"
        assert (await reply.read()).startswith(b"%PDF")


async def test_the_hospital_says_how_it_is(hospital: Hospital, browser: Browser) -> None:
    health = await browser.json("/health")
    assert [sender["name"] for sender in health["senders"]] == list(hospital.senders)
    assert health["gateway"]["open"] is True


def arrive(hospital: Hospital, report: str, n: int, scene: str, **wrong: str) -> None:
    """What the bus would have told the patient."""
    facts = hospital.reports.facts(report, n)
    told = {"patient_id": facts.patient["id"], "mobile": facts.patient["mobile"]} | wrong
    hospital.store.insert(
        "gateway_messages",
        serial_no=f"GW{hospital.store.count('serial')}",
        call=0,
        app="hisbus",
        msg_id="m",
        scene=scene,
        template_code="T1001",
        params={"reportNo": report, "reportTime": times.shown(facts.version["at"])},
        text="",
        send_time="",
        at=times.now(),
        **told,
    )


async def test_the_comparison_finds_what_is_wrong(hospital: Hospital, peer: Peer, idle: Idle) -> None:
    names = ("fine", "missing", "twice", "wrong person", "preliminary", "told early", "corrected", "late")
    made = {
        name: hospital.desk.publish(
            Wish(sender="lis-main", status="P" if name in ("preliminary", "told early") else "F")
        )["report"]
        for name in names
    }
    hospital.desk.correct(made["corrected"])
    await until(idle)
    hospital.faults.add({"system": "lis-main", "kind": "down"})
    unsent = hospital.desk.publish(Wish(sender="lis-main"))["report"]

    arrive(hospital, made["fine"], 1, "REPORT_READY")
    for _ in range(2):
        arrive(hospital, made["twice"], 1, "REPORT_READY")
    arrive(hospital, made["wrong person"], 1, "REPORT_READY", patient_id="0000000500")
    arrive(hospital, made["told early"], 1, "REPORT_READY")
    arrive(hospital, made["corrected"], 1, "REPORT_READY")
    arrive(hospital, made["corrected"], 2, "REPORT_CORRECTED")
    arrive(hospital, made["late"], 1, "REPORT_READY")
    arrive(hospital, unsent, 1, "REPORT_READY")

    found = compare(hospital.store)
    verdicts = {(row["report"], row["version"]): row["verdict"] for row in found["rows"]}
    assert verdicts == {
        (made["fine"], 1): "ok",
        (made["missing"], 1): "missing",
        (made["twice"], 1): "duplicate",
        (made["wrong person"], 1): "misdirected",
        (made["preliminary"], 1): "optional",
        (made["told early"], 1): "unexpected",
        (made["corrected"], 1): "ok",
        (made["corrected"], 2): "ok",
        (made["late"], 1): "ok",
        (unsent, 1): "unexpected",
    }
    assert found["summary"] == {"ok": 4, "missing": 1, "duplicate": 1, "misdirected": 1, "optional": 1, "unexpected": 2}


async def test_an_old_version_that_comes_first_after_the_new_one_need_not_arrive(
    hospital: Hospital, peer: Peer, idle: Idle
) -> None:
    report = hospital.reports.publish(Wish(sender="lis-main"))
    hospital.reports.change(report, "C")
    hospital.senders["lis-main"].send(report, 2)
    hospital.senders["lis-main"].send(report, 1)
    await until(lambda: len(peer.frames) == 2 and idle())
    verdicts = {row["version"]: row["verdict"] for row in compare(hospital.store)["rows"]}
    assert verdicts == {1: "optional", 2: "missing"}


async def test_a_message_about_nothing_is_unexpected(hospital: Hospital) -> None:
    report = hospital.reports.publish(Wish(sender="lis-main"))
    arrive(hospital, report, 1, "REPORT_READY")
    assert compare(hospital.store)["summary"] == {"unexpected": 1}
