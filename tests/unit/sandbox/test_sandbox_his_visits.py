"""Check-in has a window, the queue moves when told, and 停诊 reaches whoever asks and whoever is pushed to."""

from collections.abc import AsyncIterator
from typing import Any
from xml.sax.saxutils import escape

import pytest
from aiohttp import web
from his_caller import HisCaller
from hospital_peer import until
from lxml import etree

from sandbox.hospital import Hospital, Settings

ID = {"ID": "0000000007", "IDType": "1"}


async def booked(his: HisCaller, *patients: str) -> str:
    schedule = await his.schedule()
    for patient in patients or ("0000000007",):
        await his.book(schedule, patient)
    return schedule


async def at(his: HisCaller, clock: str) -> None:
    await his.admin("/his/clock", {"set": f"2026-11-21 {clock}"})


async def test_check_in_has_a_window(his: HisCaller) -> None:
    await booked(his)
    none = await his.call("OPAllocAutoReport", **ID)
    assert (none.code, none["ErrorMsg"]) == ("1", "没有查询到当天的挂号记录")
    for clock, code, words in (
        ("06:59:59", "-211", "未到报到时间,请于2026-11-21 07:00后报到"),
        ("12:00:00", "-212", "已过报到时间,请到窗口处理"),
        ("07:00:00", "0", "报到成功"),
        ("07:00:01", "-213", "您已报到,无需重复报到"),
    ):
        await at(his, clock)
        answer = await his.call("OPAllocAutoReport", **ID)
        assert (answer.code, answer["ErrorMsg"]) == (code, words)


async def test_a_patient_checks_in_by_card_or_document(his: HisCaller) -> None:
    await booked(his, "0000000007", "0000000008")
    await at(his, "08:00:00")
    for patient, kind, column in (("0000000007", "2", "card_no"), ("0000000008", "3", "id_number")):
        number = his.hospital.store.value(f"select {column} from patients where id = ?", patient)
        assert (await his.call("OPAllocAutoReport", ID=number, IDType=kind))["PatientID"] == patient


async def test_two_visits_of_a_day_must_be_named(his: HisCaller) -> None:
    first, second = await his.schedule(), await his.schedule(session="X")
    numbers = [(await his.book(one))["AdmNo"] for one in (first, second)]
    await at(his, "08:00:00")
    assert (await his.call("OPAllocAutoReport", **ID)).code == "-1"
    assert (await his.call("OPAllocAutoReport", **ID, AdmNo=numbers[0])).code == "0"
    assert (await his.call("OPAllocAutoReport", **ID, AdmNo=numbers[1])).code == "-211"
    found = await his.call("QueryPatAdmList", PatientID="0000000007")
    assert list(zip(found.all("AdmNo"), found.all("AdmStatus"), strict=True)) == [(numbers[0], "A"), (numbers[1], "B")]


async def test_the_queue_runs_by_number_and_moves_when_told(his: HisCaller) -> None:
    people = ["0000000007", "0000000008", "0000000009"]
    schedule = await booked(his, *people)
    await at(his, "08:00:00")
    for patient in reversed(people):
        assert (await his.call("WaitingQueue", PatientID=patient)).code == "-214"
        await his.call("OPAllocAutoReport", ID=patient, IDType="1")

    async def waiting() -> list[str]:
        return [(await his.call("WaitingQueue", PatientID=one))["WaitingNumber"] for one in people]

    assert await waiting() == ["0", "1", "2"]
    await his.admin("/his/queue/next", {"schedule": schedule})
    assert await waiting() == ["0", "0", "1"]
    await his.admin("/his/queue/miss", {"schedule": schedule})
    assert (await his.call("OPAllocAutoReport", **ID)).code == "-217"
    assert (await his.call("PatArriveAgain", **ID)).code == "0"
    assert (await his.call("WaitingQueue", PatientID="0000000007"))["WaitingNumber"] == "2", "at the end"
    done = [(await his.admin("/his/queue/next", {"schedule": schedule}))["waiting"] for _ in range(4)]
    assert done == [2, 1, 0, 0]
    assert (await his.admin("/his/orders"))["totals"] == {"visited": 3}


async def test_a_stop_of_a_session_reaches_whoever_asks(his: HisCaller) -> None:
    schedule = await booked(his)
    locked = await his.lock(schedule, "0000000008")
    done = await his.admin("/his/stop", {"schedule": schedule, "reason": "医生外出"})
    assert len(done["affected"]) == 1
    assert (await his.lock(schedule, "0000000009")).code == "-205"
    late = await his.call("BookService", ScheduleItemCode=schedule, TransactionId=locked["TransactionId"])
    assert late.code == "-205"
    rows = await his.call("QueryAdmSchedule", StopScheduleFlag="S")
    assert (rows.all("ScheduleItemCode"), rows["AvailableLeftNum"]) == ([schedule], "0")
    stop = await his.call("QueryStopDoctorInfo", StartDate="2026-11-21", EndDate="2026-11-21", DepartmentCode="1001")
    shown = [stop[f"StopSchedule/{tag}"] for tag in ("ScheduleCode", "StartTime", "EndTime", "Reason", "OrderId")]
    assert shown == [schedule, "08:00", "12:00", "医生外出", ""]
    assert (await his.call("QueryStopDoctorInfo", StartDate="2026-11-22")).code == "1"
    order = await his.call("QueryOrder", PatientID="0000000007")
    assert (order["OrderStatus"], order["AllowRefundFlag"]) == ("停诊", "Y")
    assert (await his.call("CancelOrder", OrderCode=order["OrderCode"])).code == "0"


async def test_a_stop_of_a_part_leaves_the_rest(his: HisCaller) -> None:
    schedule = await his.schedule(total=16)
    inside, outside = await his.lock(schedule, "0000000007", LockQueueNo="5"), await his.lock(schedule, "0000000008")
    for lock in (inside, outside):
        await his.call("BookService", ScheduleItemCode=schedule, TransactionId=lock["TransactionId"])
    await his.admin("/his/stop", {"schedule": schedule, "from": "09:00", "to": "10:00"})
    assert [await his.state(TransactionId=one["TransactionId"]) for one in (inside, outside)] == ["T", "B"]
    ranges = await his.call("QueryScheduleTimeInfo", ScheduleItemCode=schedule)
    assert ranges.all("AvailableLeftNum") == ["1", "2", "0", "0", "2", "2", "2", "2"]
    assert (await his.lock(schedule, "0000000009", BeginTime="09:00", EndTime="09:30")).code == "-205"
    assert (await his.lock(schedule, "0000000009", BeginTime="10:00", EndTime="10:30")).code == "0"


async def test_a_stop_may_be_told_a_booking_a_row(his: HisCaller) -> None:
    schedule = await booked(his, "0000000007", "0000000008")
    await his.admin("/his/site", {"stop_shape": "orders"})
    await his.admin("/his/stop", {"schedule": schedule})
    rows = await his.call("QueryStopDoctorInfo")
    assert rows.all("OrderId") == [f"{schedule}||1", f"{schedule}||2"]
    assert len(rows.root.findall("StopDoctorInfos/StopDoctorInfo")) == 2


async def test_a_substitute_leaves_the_bookings(his: HisCaller) -> None:
    schedule = await his.schedule(doctor="D0001")
    serial = (await his.book(schedule))["TransactionId"]
    await his.admin("/his/stop", {"schedule": schedule, "replacement": "D0031"})
    row = await his.call("QueryStopDoctorInfo")
    assert (row["DoctorCode"], row["ReplaceDoctorId"]) == ("D0001", "D0031")
    assert await his.state(TransactionId=serial) == "B"
    assert (await his.lock(schedule, "0000000008")).code == "0"


class Platform:
    """A SOAP service with a StopSchedule of its own making."""

    def __init__(self, space: str = "urn:bus", argument: str = "Text", form: str = "qualified") -> None:
        self.space, self.argument, self.form = space, argument, form
        self.answers: list[str] = []
        self.pushes: list[Any] = []

    async def open(self) -> str:
        app = web.Application()
        app.router.add_get("/his", self.wsdl)
        app.router.add_post("/his", self.push)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}/his"

    async def wsdl(self, _request: web.Request) -> web.Response:
        return web.Response(
            text=f"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"><types>
            <s:schema xmlns:s="http://www.w3.org/2001/XMLSchema" targetNamespace="{self.space}" elementFormDefault="{self.form}">
            <s:element name="StopSchedule"><s:complexType><s:sequence><s:element name="{self.argument}" type="s:string"/>
            </s:sequence></s:complexType></s:element></s:schema></types><binding name="b"><operation name="StopSchedule">
            <o:operation xmlns:o="http://schemas.xmlsoap.org/wsdl/soap/" soapAction="urn:stop"/></operation></binding></definitions>""",
            content_type="text/xml",
        )

    async def push(self, request: web.Request) -> web.Response:
        assert request.headers["SOAPAction"] == '"urn:stop"'
        name = f"{{{self.space}}}{self.argument}" if self.form == "qualified" else self.argument
        given = etree.fromstring(await request.read()).find(f".//{{{self.space}}}StopSchedule/{name}")
        assert given is not None
        self.pushes.append(etree.fromstring(given.text or ""))
        inner = self.answers.pop(0) if self.answers else "<Response><ResultCode>0</ResultCode></Response>"
        if not inner.startswith("<Response>"):
            return web.Response(status=int(inner))
        return web.Response(
            text=f'<E xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><StopScheduleResponse xmlns="{self.space}">'
            f"<StopScheduleResult>{escape(inner)}</StopScheduleResult></StopScheduleResponse></Body></E>",
            content_type="text/xml",
        )


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    platform = Platform()
    yield platform
    await platform.runner.cleanup()


@pytest.mark.parametrize("form", ["qualified", "unqualified"])
async def test_a_stop_is_pushed_until_it_is_acknowledged(
    his: HisCaller, platform: Platform, chosen: Settings, form: str
) -> None:
    platform.form = form
    platform.answers = ["500", "<Response><ResultCode>-1</ResultCode></Response>"]
    his.hospital.his.push.url = await platform.open()
    his.hospital.his.push.start()
    first, second = await booked(his), await his.schedule()
    await his.admin("/his/stop", {"schedule": first, "from": "08:30"})
    await his.admin("/his/stop", {"schedule": second})
    await until(lambda: his.hospital.his.push.state()["acked"] == 2, 60)
    assert [push.findtext("TransactionId") for push in platform.pushes] == ["TZ00000001"] * 3 + ["TZ00000002"]
    push = platform.pushes[0]
    assert push.tag == "Request"
    assert [push.findtext(f"Schedules/StopSchedule/{tag}") for tag in ("ScheduleCode", "StartTime", "EndTime")] == [
        first, "08:30", "12:00",
    ]  # fmt: skip
    assert push.findtext("HospitalId") == "1"


async def test_what_was_not_acknowledged_is_pushed_after_a_restart(
    his: HisCaller, platform: Platform, chosen: Settings
) -> None:
    await his.admin("/his/stop", {"schedule": await his.schedule()})
    again = Hospital(Settings(**{**_fields(chosen), "bus_his": await platform.open()}))
    await again.start()
    try:
        await until(lambda: again.his.push.state()["acked"] == 1, 60)
    finally:
        await again.stop()
    assert len(platform.pushes) == 1


async def test_the_push_has_faults_of_its_own(his: HisCaller, platform: Platform) -> None:
    push = his.hospital.his.push
    push.url = await platform.open()
    push.start()
    await his.admin("/faults", {"system": "his-push", "kind": "down"})
    await his.admin("/his/stop", {"schedule": await his.schedule()})
    await his.admin("/faults", {"system": "his-push", "kind": "deaf", "times": 1})
    await his.admin("/faults", {"system": "his-push", "kind": "double", "times": 2})
    assert (platform.pushes, push.state()["waiting"]) == ([], 1)
    down = next(one["id"] for one in (await his.admin("/faults"))["active"] if one["kind"] == "down")
    await his.admin("/faults/clear", {"id": down})
    await until(lambda: push.state()["acked"] == 1, 60)
    assert len(platform.pushes) == 4, "twice and not heard, then twice and heard"


async def test_a_stop_that_was_acknowledged_and_is_still_booked_is_seen(his: HisCaller, platform: Platform) -> None:
    push = his.hospital.his.push
    push.url = await platform.open()
    push.start()
    schedule = await booked(his)
    await his.admin("/his/stop", {"schedule": schedule})
    await until(lambda: push.state()["acked"] == 1, 60)
    assert (await his.admin("/his/compare"))["summary"] == {"stopped": 1}
    await his.call("CancelOrder", OrderCode=f"{schedule}||1")
    assert (await his.admin("/his/compare"))["summary"] == {}


def _fields(chosen: Settings) -> dict[str, Any]:
    return {name: getattr(chosen, name) for name in Settings.__slots__}
