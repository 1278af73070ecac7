"""Whom the HIS of these tests is asked by: envelopes written here again, not taken from the sandbox."""

from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import aiohttp
from lxml import etree

from sandbox.hospital import Hospital

SPACE = "http://www.dhcc.com.cn"
CLASS = "DHCExternalService.RegInterface.Service.SelfRegService"
CODES = {
    "GetPatInfo": "3300", "SavePatientCard": "3014", "QueryDepartmentGroup": "1014", "QueryDepartment": "1012",
    "QueryDoctor": "1013", "QueryAdmSchedule": "1004", "QueryScheduleTimeInfo": "10041", "LockOrder": "10015",
    "UnLockOrder": "10016", "BookService": "1000", "QueryOrder": "1005", "CancelOrder": "1108", "QueryAdmOPReg": "1104",
    "QueryStopDoctorInfo": "1107", "WaitingQueue": "4001", "QueryPatAdmList": "4001",
}  # fmt: skip
UPPER = {
    "UpdatePatInfo",
    "OPAllocAutoReport",
    "PatArriveAgain",
    "WaitingQueue",
    "QueryPatAdmList",
    "QueryStopDoctorInfo",
}


def payload(method: str, campus: str = "1", **tags: str) -> str:
    frame = {
        "TradeCode": CODES.get(method, ""),
        "ExtOrgCode": "HISBUS",
        "ClientType": "ATM",
        "HospitalID" if method in UPPER else "HospitalId": campus,
        "ExtUserID": "YYT001",
    } | tags
    return f"<Request>{''.join(f'<{name}>{escape(text)}</{name}>' for name, text in frame.items())}</Request>"


def envelope(method: str, inner: str, space: str = SPACE) -> bytes:
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<{method} xmlns="{space}"><XMLRequest>{escape(inner)}</XMLRequest></{method}></e:Body></e:Envelope>'
    ).encode()


@dataclass
class Result:
    """What a trade answered: `code`, `text` of the whole payload, tags by path."""

    text: str

    @property
    def root(self) -> Any:
        return etree.fromstring(self.text)

    def __getitem__(self, path: str) -> str:
        found = self.root.find(f".//{path}")
        assert found is not None, f"no {path} in {self.text}"
        return found.text or ""

    def all(self, path: str) -> list[str]:
        return [element.text or "" for element in self.root.iter(path)]

    @property
    def code(self) -> str:
        return self["ResultCode"]


class HisCaller:
    def __init__(self, session: aiohttp.ClientSession, hospital: Hospital) -> None:
        self.session, self.hospital = session, hospital
        self.url = hospital.his.address
        self.admin_url = f"http://127.0.0.1:{hospital.port}"

    async def post(self, method: str, body: bytes, **head: str) -> tuple[int, bytes]:
        head = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{SPACE}/{CLASS}.{method}"'} | head
        async with self.session.post(self.url, data=body, headers=head) as answer:
            return answer.status, await answer.read()

    async def call(self, method: str, campus: str = "1", **tags: str) -> Result:
        return await self.send(method, payload(method, campus, **tags))

    async def send(self, method: str, inner: str) -> Result:
        status, body = await self.post(method, envelope(method, inner))
        assert status == 200, body
        return Result(result_of(body, method))

    async def admin(self, path: str, body: dict[str, Any] | None = None) -> Any:
        async with self.session.request("GET" if body is None else "POST", self.admin_url + path, json=body) as answer:
            found = await answer.json()
            assert answer.status == 200, found
            return found

    async def schedule(self, day: str = "2026-11-21", total: int = 24, **more: str) -> str:
        """A schedule of its own for a test."""
        wish = {"department": "1001", "day": day, "total": total} | more
        return (await self.admin("/his/schedules", wish))["schedule"]

    async def lock(self, schedule: str, patient: str = "0000000007", **tags: str) -> Result:
        return await self.call("LockOrder", ScheduleItemCode=schedule, PatientID=patient, **tags)

    async def book(self, schedule: str, patient: str = "0000000007", serial: str = "") -> Result:
        lock = (await self.lock(schedule, patient, PayOrdId=f"L{serial}"))["TransactionId"]
        return await self.call("BookService", ScheduleItemCode=schedule, TransactionId=lock, PayOrdId=f"B{serial}")

    async def state(self, **serial: str) -> str:
        """What QueryRegStatus says, `none` where it finds nothing."""
        found = await self.call("QueryRegStatus", **serial)
        return found["RegStatus"] if found.code == "0" else "none"


def result_of(body: bytes, method: str) -> str:
    found = etree.fromstring(body).find(f".//{{{SPACE}}}{method}Result")
    assert found is not None, body
    return found.text or ""
