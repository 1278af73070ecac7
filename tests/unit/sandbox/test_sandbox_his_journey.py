"""A stock SOAP client reads the WSDL and goes the whole way, from the search for a patient to the doctor's door."""

import asyncio
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from his_caller import HisCaller, payload
from zeep import Client
from zeep.exceptions import Fault as ZeepFault


class Zeep:
    """zeep blocks: each call has a thread."""

    def __init__(self, wsdl: str) -> None:
        self.client = Client(wsdl)

    async def __call__(self, method: str, **tags: str) -> Element:
        answer: Any = await asyncio.to_thread(getattr(self.client.service, method), payload(method, **tags))
        root = fromstring(answer)
        assert root.findtext("ResultCode") == "0", answer
        return root


@pytest.mark.parametrize("query", ["WSDL=1", "wsdl", "wsdl=1"])
async def test_the_wsdl_is_served_with_the_address_it_was_asked_at(his: HisCaller, query: str) -> None:
    async with his.session.get(f"{his.url}?{query}") as answer:
        text = await answer.text()
    assert f'location="{his.url}"' in text
    assert "9002" not in text


async def test_zeep_goes_the_whole_way(his: HisCaller) -> None:
    zeep = await asyncio.to_thread(Zeep, f"{his.url}?WSDL=1")
    made = await zeep(
        "SavePatientCard",
        PatientName="张三",
        Sex="1",
        DOB="1900-03-07",
        IDNo="110101190003070010",
        Mobile="13800001234",
    )
    patient = made.findtext("PatientID") or ""
    found = await zeep("GetPatInfo", IDNo="110101190003070010", IDCardType="01", PatientName="张三")
    assert found.findtext("PatInfos/PatInfo/PatientID") == patient

    group = (await zeep("QueryDepartmentGroup")).findtext("Departments/Department/DepartmentCode") or ""
    place = (await zeep("QueryDepartment", DepartmentCode=group)).findtext(
        "Departments/Department/DepartmentCode"
    ) or ""
    assert (await zeep("QueryDoctor", DepartmentCode=place)).findtext("Doctors/Doctor/DepartmentCode") == place
    rows = await zeep("QueryAdmSchedule", StartDate="2026-11-23", EndDate="2026-11-23", DepartmentCode=place)
    schedule = rows.findtext("Schedules/Schedule/ScheduleItemCode") or ""
    ranges = (await zeep("QueryScheduleTimeInfo", ScheduleItemCode=schedule)).findall("TimeRanges/TimeRange")
    begins, ends = ranges[1].findtext("StartTime") or "", ranges[1].findtext("EndTime") or ""

    lock = await zeep("LockOrder", ScheduleItemCode=schedule, PatientID=patient, BeginTime=begins, EndTime=ends)
    serial = lock.findtext("TransactionId") or ""
    booked = await zeep("BookService", ScheduleItemCode=schedule, TransactionId=serial, IDCardNo="110101190003070010")
    code = booked.findtext("OrderCode") or ""
    assert (booked.findtext("OrderContent") or "").split("^")[1:3] == [patient, "张三"]
    order = (await zeep("QueryOrder", PatientID=patient)).find("Orders/Order")
    assert order is not None
    assert [order.findtext(tag) for tag in ("OrderCode", "OrderStatus", "AllowRefundFlag")] == [code, "正常", "Y"]
    assert (await zeep("QueryRegStatus", TransactionId=serial)).findtext("RegStatus") == "B"

    await zeep("CancelOrder", OrderCode=code)
    assert (await zeep("QueryRegStatus", TransactionId=serial)).findtext("RegStatus") == "C"
    assert (await zeep("QueryAdmOPReg", PatientID=patient)).findtext("Orders/Order/Status") == "退号"

    lock = await zeep("LockOrder", ScheduleItemCode=schedule, PatientID=patient, BeginTime=begins, EndTime=ends)
    serial = lock.findtext("TransactionId") or ""
    await zeep("BookService", ScheduleItemCode=schedule, TransactionId=serial)
    await his.admin("/his/clock", {"set": f"2026-11-23 {begins}:00"})
    arrived = await zeep("OPAllocAutoReport", ID=patient, IDType="1")
    assert arrived.findtext("ErrorMsg") == "报到成功"
    assert (await zeep("WaitingQueue", PatientID=patient)).findtext("WaitingNumber") == "0"
    await his.admin("/his/queue/next", {"schedule": schedule})
    assert (await zeep("QueryPatAdmList", PatientID=patient)).findtext("AdmList/Adm/AdmStatus") == "D"
    await his.admin("/his/queue/next", {"schedule": schedule})
    assert (await zeep("QueryRegStatus", TransactionId=serial)).findtext("RegStatus") == "V"
    assert (await his.admin("/his/compare"))["summary"] == {"ok": 1}
    assert his.hospital.store.value("select kind from visits where patient = ?", patient) == "O", "reports may follow"


async def test_zeep_hears_a_fault(his: HisCaller) -> None:
    client = await asyncio.to_thread(Client, f"{his.url}?WSDL=1")
    await his.admin("/faults", {"system": "his.QueryDoctor", "kind": "soap_fault"})
    with pytest.raises(ZeepFault, match="Server Application Error"):
        await asyncio.to_thread(client.service.QueryDoctor, payload("QueryDoctor"))


async def test_every_trade_of_the_wsdl_is_there_and_every_trade_is_in_it(his: HisCaller) -> None:
    client = await asyncio.to_thread(Client, f"{his.url}?WSDL=1")
    operations = set(client.service._binding._operations)
    kinds = (await his.admin("/faults"))["kinds"]
    assert {f"his.{name}" for name in operations} == {name for name in kinds if name.startswith("his.")}
