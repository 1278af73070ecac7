"""The reproductive centre (生殖中心): a system of its own with a small REST query service for its reports.

Its reports never pass the LIS or PACS: they can only be asked for, here. They belong to the campus where the centre
is, and to every fifth patient of it. Strict like the others: signed calls, known parameters, true dates.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.port import Asked, Reply
from sandbox.signature import Guard, Unsigned

if TYPE_CHECKING:
    from sandbox.store import Store

REPORTS = "/repro/api/v1/reports"
CAMPUS = "main"
DOCTORS = ("周医生", "许医生", "曾医生")
ITEMS = ("精液常规分析", "性激素六项", "抗缪勒管激素", "子宫输卵管超声造影", "染色体核型分析")
DAY = 24 * 3600 * times.SECOND
_PARAMETERS = {"patientId", "beginDate", "endDate"}
_PATIENT = re.compile(r"[A-Za-z0-9_-]{1,32}")
_STATES = "1111129"
"""How often which: 1 audited (已审核), 2 revised (已修订), 9 void (已作废)."""


class _No(Exception):
    """A refusal: HTTP status, code and the words the caller gets."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True)
class Report:
    """One report of the centre."""

    number: str
    patient: str
    title: str
    doctor: str
    at: int
    state: str

    def shown(self) -> dict[str, Any]:
        return {
            "reportNo": self.number,
            "itemName": self.title,
            "deptName": "生殖医学中心",
            "doctorName": self.doctor,
            "auditTime": times.shown(self.at),
            "auditState": self.state,
        }


class Centre:
    """What stands behind the port. Same seed and same day, same reports."""

    def __init__(self, store: Store, guard: Guard, seed: int) -> None:
        self._guard = guard
        self._reports: dict[str, list[Report]] = {}
        self._patients = {row["id"] for row in store.all("select id from patients")}
        rng = Random(f"{seed}/repro")
        today = times.instant(times.local(times.now()).replace(hour=8, minute=0, second=0, microsecond=0))
        for row in store.all("select id from patients where campus = ? order by id", CAMPUS)[::5]:
            for _ in range(rng.randint(1, 3)):
                self._make(rng, row["id"], today)

    @property
    def patients(self) -> list[str]:
        """Those who have reports here."""
        return sorted(self._reports)

    def of(self, patient: str) -> list[Report]:
        """A patient's reports, newest first."""
        return sorted(self._reports.get(patient, []), key=lambda report: report.at, reverse=True)

    async def serve(self, asked: Asked) -> Reply:
        try:
            if asked.path.partition("?")[0] != REPORTS:
                raise _No(404, "E404", "接口不存在")
            if asked.method != "GET":
                raise _No(405, "E405", "请求方法错误")
            self._check_caller(asked)
            found = self._found(asked)
        except _No as no:
            return _reply(no.status, no.code, no.message, None)
        return _reply(200, "SUCCESS", "查询成功", {"total": len(found), "list": [one.shown() for one in found]})

    @staticmethod
    def busy(_asked: Asked) -> Reply:
        return _reply(503, "E503", "服务繁忙,请稍后重试", None)

    def _check_caller(self, asked: Asked) -> None:
        try:
            self._guard.check(asked.method, asked.path, asked.headers, asked.body, asked.now / times.SECOND)
        except Unsigned as no:
            raise _No(401, "E401", str(no)) from no

    def _found(self, asked: Asked) -> list[Report]:
        if unknown := sorted(set(asked.query) - _PARAMETERS):
            raise _No(400, "E400", f"未知参数:{','.join(unknown)}")
        patient = asked.query.get("patientId", "")
        if not _PATIENT.fullmatch(patient):
            raise _No(400, "E400", "patientId 缺失或格式错误")
        begin, end = _day(asked, "beginDate", "19000101"), _day(asked, "endDate", "29991231")
        if patient not in self._patients:
            raise _No(200, "E1001", "患者不存在")
        return [one for one in self.of(patient) if begin <= one.at < end + DAY]

    def _make(self, rng: Random, patient: str, today: int) -> None:
        at = today - rng.randrange(1, 60) * DAY + rng.randrange(9 * 3600) * times.SECOND
        number = f"RC{times.local(at):%y%m%d}{sum(map(len, self._reports.values())) + 1:05d}"
        made = Report(number, patient, rng.choice(ITEMS), rng.choice(DOCTORS), at, rng.choice(_STATES))
        self._reports.setdefault(patient, []).append(made)


def _day(asked: Asked, name: str, otherwise: str) -> int:
    """The first microsecond of a day written `yyyyMMdd`."""
    text = asked.query.get(name, otherwise)
    try:
        moment = datetime.strptime(text, "%Y%m%d").replace(tzinfo=times.ZONE)
    except ValueError as error:
        raise _No(400, "E400", f"{name} 格式应为 yyyyMMdd") from error
    return times.instant(moment)


def _reply(status: int, code: str, message: str, result: dict[str, Any] | None) -> Reply:
    said = {"success": code == "SUCCESS", "code": code, "message": message, "result": result}
    return Reply(
        status=status,
        body=json.dumps(said, ensure_ascii=False).encode(),
        code=code,
        note="" if code == "SUCCESS" else message,
    )
