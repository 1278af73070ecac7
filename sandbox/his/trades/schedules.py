"""Trades about 号源: schedules and their numbers."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from sandbox import times
from sandbox.his.frame import FORMAT, NO_DATA, No, yuan
from sandbox.his.orders import ELSEWHERE
from sandbox.his.rota import AHEAD, SESSIONS, TYPES, Slot, numbers
from sandbox.his.trade import Content, Trade, listed, takes

if TYPE_CHECKING:
    from sandbox.his.clinic import Clinic, Names
    from sandbox.his.frame import Ask
    from sandbox.store import Row

_FEES = {"RegFee": "reg_fee", "CheckupFee": "checkup_fee", "ServiceFee": "service_fee", "OtherFee": "other_fee"}
"""What Fee is the sum of."""


def _schedules(clinic: Clinic, ask: Ask) -> Content:
    first = ask.day("StartDate", ask.today)
    last = ask.day("EndDate", ask.today + timedelta(days=AHEAD))
    if last < first or (last - first).days > 31:
        raise No(FORMAT, "EndDate应不早于StartDate,且相差不超过31天")
    if ask["RBASSessionCode"] not in ("", *SESSIONS):
        raise No(FORMAT, "RBASSessionCode应为S、X或Y")
    if ask["StopScheduleFlag"] not in ("", "N", "S"):
        raise No(FORMAT, "StopScheduleFlag应为N或S")
    if ask["PatientID"]:
        clinic.register.patient(ask["PatientID"])
    wall, names = times.shown(ask.now), clinic.names()
    found = clinic.rota.find(ask.campus, max(first, ask.today), last, ask["DepartmentCode"], ask["DoctorCode"])
    rows = [
        _shown(names, row)
        for row in found
        if ask["RBASSessionCode"] in ("", row["session"])
        and ask["SessType"] in ("", row["type"])
        and ask["StopScheduleFlag"] in ("", "S" if row["stopped"] else "N")
        and f"{row['day']} {row['ends']}:00" > wall
    ]
    return listed("Schedules", "Schedule", rows)


def _shown(names: Names, row: Row) -> Content:
    doctor, title = names.doctor(row["doctor"])
    department = names.department(row["department"])
    session = SESSIONS[row["session"]][0]
    return {
        "ScheduleItemCode": row["code"],
        "ServiceDate": row["day"],
        "WeekDay": date.fromisoformat(row["day"]).isoweekday(),
        "SessionCode": row["session"],
        "SessionName": session,
        "DepartmentCode": row["department"],
        "DepartmentName": department,
        "ClinicRoomCode": row["room"],
        "ClinicRoomName": f"{row['room']}诊室",
        "DoctorCode": row["doctor"] or "",
        "DoctorName": doctor,
        "ImageUrl": "",
        "DoctorTitleCode": row["type"],
        "DoctorTitle": title,
        "DoctorSpec": "",
        "DoctorSessTypeCode": row["type"],
        "DoctorSessType": TYPES[row["type"]][0],
        "ServiceCode": "",
        "ServiceName": "",
        "Fee": yuan(sum(row[column] for column in _FEES.values())),
        **{tag: yuan(row[column]) for tag, column in _FEES.items()},
        "AvailableNumStr": "",
        "AdmitAddress": address(row),
        "AdmitTimeRange": f"{row['begins']}-{row['ends']}",
        "Note": "",
        "StartTime": row["begins"],
        "EndTime": row["ends"],
        "TimeRangeFlag": "Y" if row["timed"] else "N",
        "ScheduleStatus": "S" if row["stopped"] else "N",
        "ScheduleNum": row["total"],
        "AvailableTotalNum": row["total"],
        "AvailableLeftNum": 0 if row["stopped"] else row["left"],
    }


def address(row: Row) -> str:
    """Where the patient goes."""
    return f"门诊楼{int(row['department'][-2:]) % 5 + 1}楼{row['room']}诊室"


def _ranges(clinic: Clinic, ask: Ask) -> Content:
    row = clinic.rota.schedule(ask["ScheduleItemCode"])
    if row is None:
        raise No(NO_DATA, "查询不到相关数据")
    if row["campus"] != ask.campus:
        raise No(ELSEWHERE, "排班不属于该院区")
    if ask["ServiceDate"] and ask.day("ServiceDate", ask.today).isoformat() != row["day"]:
        raise No(NO_DATA, "查询不到相关数据")
    if row["stopped"] or not row["timed"]:
        raise No(NO_DATA, "查询不到相关数据")
    taken = clinic.rota.taken(row["code"])
    stops, wall = clinic.rota.stopped(row["code"]), times.shown(ask.now)
    free = {
        slot.no
        for slot in numbers(row)
        if slot.no not in taken
        and f"{row['day']} {slot.ends}:00" > wall
        and not any(stop["begins"] <= slot.begins < stop["ends"] for stop in stops)
    }
    by_range = groupby(numbers(row), attrgetter("begins", "ends"))
    return listed("TimeRanges", "TimeRange", [_range(clinic, row, list(group), free) for _, group in by_range])


def _range(clinic: Clinic, row: Row, slots: list[Slot], free: set[int]) -> Content:
    code, name = row["session"], SESSIONS[row["session"]][0]
    if "swapped_session" in clinic.site.quirks:
        code, name = name, code
    totals = "no_totals" not in clinic.site.quirks
    return {
        "ScheduleItemCode": row["code"],
        "ServiceDate": row["day"],
        "WeekDay": date.fromisoformat(row["day"]).isoweekday(),
        "SessionCode": code,
        "SessionName": name,
        "StartTime": slots[0].begins,
        "EndTime": slots[0].ends,
        "AvailableTotalNum": len(slots) if totals else "",
        "AvailableLeftNum": sum(slot.no in free for slot in slots) if totals else "",
        "TimeInfos": {
            "TimeInfo": [
                {
                    "AvailableNo": slot.no,
                    "AvailableNoTime": slot.at,
                    "AvailableFlag": "Y" if slot.no in free else "N",
                }
                for slot in slots
            ]
        },
    }


TRADES = (
    Trade(
        "QueryAdmSchedule",
        _schedules,
        takes(
            "StartDate EndDate DepartmentCode ServiceCode DoctorCode RBASSessionCode StopScheduleFlag PatientID "
            "SessType"
        ),
        code="1004",
    ),
    Trade(
        "QueryScheduleTimeInfo",
        _ranges,
        takes("ScheduleItemCode ServiceDate DepartmentCode DoctorCode PatientID RBASSessionCode"),
        needs=("ScheduleItemCode",),
        code="10041",
    ),
)
