"""Each fault does what it says: to the caller, and to the ledger."""

import asyncio
from typing import Any

import aiohttp
import pytest
from his_caller import HisCaller, envelope, payload, result_of
from hospital_peer import until
from lxml import etree


async def fault(his: HisCaller, kind: str, system: str = "his.BookService", **more: Any) -> None:
    await his.admin("/faults", {"system": system, "kind": kind, **more})


async def locked(his: HisCaller) -> dict[str, str]:
    """What BookService wants."""
    schedule = await his.schedule()
    lock = await his.lock(schedule, PayOrdId="L1")
    return {"ScheduleItemCode": schedule, "TransactionId": lock["TransactionId"], "PayOrdId": "B1"}


async def totals(his: HisCaller) -> dict[str, int]:
    found = (await his.admin("/his/orders"))["totals"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("kind", "done"),
    [("reset_before", False), ("reset_after", False), ("done_but_no_answer", True), ("half_reply", True)],
)
async def test_an_answer_is_lost(his: HisCaller, kind: str, done: bool) -> None:
    wanted = await locked(his)
    await fault(his, kind, times=1)
    with pytest.raises(aiohttp.ClientError):
        await his.call("BookService", **wanted)
    assert await his.state(TransactionId="B1") == ("B" if done else "none")
    assert await totals(his) == ({"booked": 1} if done else {"locked": 1})


async def test_it_does_the_work_later_on_its_own_clock(his: HisCaller) -> None:
    wanted = await locked(his)
    await fault(his, "done_late", amount=20, times=1)
    with pytest.raises(aiohttp.ClientError):
        await his.call("BookService", **wanted)
    await his.admin("/his/clock", {"advance": 19})
    assert await his.state(TransactionId="B1") == "none", "asked too early, it knows nothing"
    assert await his.state(TransactionId="L1") == "L"
    await his.admin("/his/clock", {"advance": 1})
    await until(lambda: his.hospital.store.value("select count(*) from his_orders where state = 'booked'"), 60)
    assert await his.state(TransactionId="B1") == "B"
    calls = (await his.admin("/ledger/calls?system=his.BookService"))["rows"]
    assert calls[0]["answer"] == "迟到处理:0 预约成功"


async def test_a_clock_that_runs_brings_it_about_by_itself(his: HisCaller) -> None:
    wanted = await locked(his)
    await his.admin("/his/clock", {"hold": False})
    await fault(his, "done_late", amount=0.05, times=1)
    with pytest.raises(aiohttp.ClientError):
        await his.call("BookService", **wanted)
    await until(lambda: his.hospital.store.value("select count(*) from his_orders where state = 'booked'"), 60)


async def test_it_does_the_work_later_in_silence(his: HisCaller) -> None:
    wanted = await locked(his)
    await fault(his, "done_late_silent", amount=20, times=1)
    call = asyncio.create_task(his.call("BookService", **wanted))
    await until(lambda: his.hospital.store.value("select count(*) from calls where faults = 'done_late_silent'"), 60)
    await until(lambda: his.hospital.store.value("select answer = '已应答' from calls order by id desc limit 1"), 60)
    await his.admin("/his/clock", {"advance": 20})
    await until(lambda: his.hospital.store.value("select count(*) from his_orders where state = 'booked'"), 60)
    assert not call.done()
    call.cancel()


async def test_what_is_done_late_may_come_too_late(his: HisCaller) -> None:
    wanted = await locked(his)
    await fault(his, "done_late", amount=1000, times=1)
    with pytest.raises(aiohttp.ClientError):
        await his.call("BookService", **wanted)
    await his.admin("/his/clock", {"advance": 1000})
    await until(lambda: his.hospital.store.value("select count(*) from calls where answer like '迟到%'"), 60)
    assert await totals(his) == {"expired": 1}


@pytest.mark.parametrize(
    ("kind", "done", "says"),
    [
        ("done_but_refused", True, "操作失败"),
        ("refusal", False, "系统繁忙"),
        ("ze_error", False, "<UNDEFINED>zBookService"),
    ],
)
async def test_it_refuses_what_it_did_or_did_not(his: HisCaller, kind: str, done: bool, says: str) -> None:
    wanted = await locked(his)
    await fault(his, kind, times=1)
    answer = await his.call("BookService", **wanted)
    assert (answer.code, says in answer["ResultContent"]) == ("-1", True)
    assert await totals(his) == ({"booked": 1} if done else {"locked": 1})


@pytest.mark.parametrize(("kind", "done"), [("soap_fault", False), ("done_but_fault", True)])
async def test_it_answers_a_fault(his: HisCaller, kind: str, done: bool) -> None:
    wanted = await locked(his)
    await fault(his, kind, times=1)
    status, body = await his.post("BookService", envelope("BookService", payload("BookService", **wanted)))
    assert status == 500
    assert b"<faultcode>SOAP-ENV:Server</faultcode>" in body
    assert await totals(his) == ({"booked": 1} if done else {"locked": 1})


async def test_broken_xml_lies_in_a_whole_envelope(his: HisCaller) -> None:
    wanted = await locked(his)
    await fault(his, "broken_xml", times=1)
    _, body = await his.post("BookService", envelope("BookService", payload("BookService", **wanted)))
    inner = result_of(body, "BookService")
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(inner)
    assert "<OrderCode>" in inner
    assert await totals(his) == {"booked": 1}


async def test_gb_bytes_in_a_utf8_envelope(his: HisCaller) -> None:
    await fault(his, "wrong_charset", "his.QueryDepartment", times=1)
    _, body = await his.post("QueryDepartment", envelope("QueryDepartment", payload("QueryDepartment")))
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    assert "心血管内科" in body.decode("gb18030")


async def test_an_answer_comes_twice_on_one_connection(his: HisCaller) -> None:
    wanted = await locked(his)
    await fault(his, "duplicate_reply", times=1)
    host, port = his.url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = envelope("BookService", payload("BookService", **wanted))
    head = f"POST /{his.url.split('/', 3)[3]} HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n"
    action = "http://www.dhcc.com.cn/DHCExternalService.RegInterface.Service.SelfRegService.BookService"
    writer.write(f"{head}SOAPAction: {action}\r\n\r\n".encode() + body)
    came = b""
    async with asyncio.timeout(60):
        while came.count(b"</SOAP-ENV:Envelope>") < 2:
            came += await reader.read(65536)
    writer.close()
    assert came.count("预约成功".encode()) == 2
    assert await totals(his) == {"booked": 1}


async def test_a_number_is_snatched_between_query_and_lock(his: HisCaller) -> None:
    schedule = await his.schedule(total=8)
    await fault(his, "snatched", "his.LockOrder", times=2)
    taken = await his.lock(schedule, LockQueueNo="3")
    assert (taken.code, taken["ResultContent"]) == ("-201", "该号已被预约")
    assert (await his.lock(schedule, BeginTime="08:00", EndTime="08:30")).code == "-201"
    found = await his.admin("/his/compare")
    assert found["summary"] == {"counter": 2}


async def test_the_fee_turns_out_higher(his: HisCaller) -> None:
    patient = his.hospital.store.value("select min(id) from patients where fee_type = '自费'")
    schedule = await his.schedule()
    await fault(his, "fee_change", "his.LockOrder", amount=2.5)
    assert (await his.lock(schedule, patient))["RegFee"] == "12.50"


async def test_every_tenth_answer_is_lost(his: HisCaller) -> None:
    await fault(his, "done_but_no_answer", "his", every=10)
    lost = []
    for number in range(1, 31):
        try:
            await his.call("QueryDepartmentGroup")
        except aiohttp.ClientError:
            lost.append(number)
    assert lost == [10, 20, 30]
    rows = (await his.admin("/ledger/calls?system=his&limit=5000"))["rows"]
    assert sum(row["faults"] == "done_but_no_answer" for row in rows) == 3


async def test_a_fault_meets_its_trade_only(his: HisCaller) -> None:
    await fault(his, "ze_error", "his.QueryDoctor")
    assert [(await his.call(one)).code for one in ("QueryDoctor", "QueryDepartment")] == ["-1", "0"]
    assert (await his.admin("/faults"))["active"][0]["used"] == 1
    for wrong in ({"system": "his.QueryDoctor", "kind": "down"}, {"system": "his", "kind": "down", "every": 2}):
        async with his.session.post(f"{his.admin_url}/faults", json=wrong) as answer:
            assert answer.status == 400


async def test_the_port_closes_and_opens(his: HisCaller) -> None:
    await fault(his, "down", "his")
    await until(lambda: not his.hospital.his.port.open, 60)
    with pytest.raises(aiohttp.ClientConnectionError):
        await his.call("QueryDepartmentGroup")
    await his.admin("/faults/clear", {})
    await until(lambda: his.hospital.his.port.open, 60)
    assert (await his.call("QueryDepartmentGroup")).code == "0"


async def test_a_busy_answer_stands_in_the_frame_of_its_trade(his: HisCaller) -> None:
    await fault(his, "refusal", "his")
    answer = await his.call("OPAllocAutoReport", ID="0000000007", IDType="1")
    assert answer["ErrorMsg"] == "系统繁忙,请稍后再试"
    status, body = await his.post("QueryDoctor", envelope("QueryDoctor", ""), SOAPAction="")
    assert (status, b"busy" in body) == (500, True)
