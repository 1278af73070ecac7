"""Trades about the day of the visit: check-in, queue, 停诊."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.his.frame import FORMAT, NO_DATA, No
from sandbox.his.rota import AHEAD, SESSIONS, numbers
from sandbox.his.trade import Content, Trade, listed, takes
from sandbox.his.trades.records import STATES, admit_range
from sandbox.his.trades.schedules import address
from sandbox.his.visits import NOT_ARRIVED

if TYPE_CHECKING:
    from sandbox.his.clinic import Clinic
    from sandbox.his.frame import Ask
    from sandbox.store import Row

_ID_TYPES = {"1": "id", "2": "card_no", "3": "id_number"}
"""IDType of a check-in: 登记号, 卡号, 证件号."""
_MINUTES_EACH = 8


def _check_in(clinic: Clinic, ask: Ask) -> Content:
    patient = _who(clinic, ask)
    order = clinic.visits.check_in(_today(clinic, ask, patient, ("booked",)), ask.now, clinic.site)
    return _arrived(clinic, patient, order)


def _again(clinic: Clinic, ask: Ask) -> Content:
    patient = _who(clinic, ask)
    order = clinic.visits.again(_today(clinic, ask, patient, ("missed",)), ask.now)
    return _arrived(clinic, patient, order)


def _arrived(clinic: Clinic, patient: Row, order: Row) -> Content:
    schedule = clinic.rota.schedule(order["schedule"])
    assert schedule is not None
    names = clinic.names()
    doctor, _ = names.doctor(schedule["doctor"])
    tip = ("科室", names.department(schedule["department"]), "医生", doctor, "诊室", f"{schedule['room']}诊室")
    more = ("序号", str(order["queue_no"]), "前面人数", str(clinic.visits.ahead(order)))
    return {
        "PatientID": patient["id"],
        "Name": patient["name"],
        "Sex": {"M": "男", "F": "女"}[patient["sex"]],
        "AdmNo": order["adm_no"],
        "Tip": "^".join(("", *tip, *more, "")),
    }


def _who(clinic: Clinic, ask: Ask) -> Row:
    column = _ID_TYPES.get(ask["IDType"])
    if column is None:
        raise No(FORMAT, "IDType应为1、2或3")
    row = clinic.store.one(f"select * from patients where {column} = ?", ask["ID"])
    if row is None:
        raise No(NO_DATA, "患者信息不存在")
    return row


def _today(clinic: Clinic, ask: Ask, patient: Row, wanted: tuple[str, ...]) -> Row:
    """The booking by its AdmNo; without one the only one of today, before others those in the state that is meant."""
    rows = clinic.store.all(
        """select o.* from his_orders o join his_schedules s on s.code = o.schedule
           where o.patient = ? and o.campus = ? and o.adm_no is not null
             and ((? <> '' and o.adm_no = ?) or (? = '' and s.day = ? and o.holds = 1)) order by o.queue_no""",
        patient["id"],
        ask.campus,
        ask["AdmNo"],
        ask["AdmNo"],
        ask["AdmNo"],
        ask.today.isoformat(),
    )
    meant = [row for row in rows if row["state"] in wanted] or rows
    if not meant:
        raise No(NO_DATA, "没有查询到当天的挂号记录")
    if len(meant) > 1:
        raise No(FORMAT, "当天有多条挂号记录,请指定AdmNo")
    return meant[0]


def _queue(clinic: Clinic, ask: Ask) -> Content:
    rows = [row for row in _visits(clinic, ask) if ask["AdmNo"] in ("", row["adm_no"])]
    waiting = [row for row in rows if row["state"] in ("arrived", "called")]
    if not rows:
        raise No(NO_DATA, "查询不到相关数据")
    if not waiting:
        raise No(NOT_ARRIVED, "患者未报到,没有候诊信息")
    return _standing(clinic, waiting[0])


def _visits_of_today(clinic: Clinic, ask: Ask) -> Content:
    return listed("AdmList", "Adm", [_standing(clinic, row) for row in _visits(clinic, ask)])


def _visits(clinic: Clinic, ask: Ask) -> list[Row]:
    clinic.register.patient(ask["PatientID"])
    return clinic.store.all(
        """select o.*, s.begins, s.ends, s.total, s.timed, s.day, s.session, s.department, s.doctor, s.room
           from his_orders o join his_schedules s on s.code = o.schedule
           where o.patient = ? and o.campus = ? and s.day = ? and o.adm_no is not null and o.holds = 1
           order by s.begins, o.queue_no""",
        ask["PatientID"],
        ask.campus,
        ask.today.isoformat(),
    )


def _standing(clinic: Clinic, row: Row) -> Content:
    """Where one visit stands in its queue; a number that waits for nothing is empty."""
    names = clinic.names()
    current = clinic.visits.current(row["schedule"])
    ahead = clinic.visits.ahead(row) if row["state"] == "arrived" else 0
    waits = row["state"] in ("arrived", "called")
    code, words = STATES[row["state"]]
    return {
        "AdmNo": row["adm_no"],
        "PatName": clinic.register.patient(row["patient"])["name"],
        "AdmLoc": names.department(row["department"]),
        "AdmDoc": names.doctor(row["doctor"])[0],
        "SeqCode": row["queue_no"],
        "WaitingNumber": ahead if waits else "",
        "CurrentNo": current["queue_no"] if current else "",
        "WaitingMinutes": ahead * _MINUTES_EACH if waits else "",
        "AdmStatus": code,
        "AdmStatusDesc": words,
        "SessionName": SESSIONS[row["session"]][0],
        "AdmitRange": admit_range(row, row),
        "AdmitTime": numbers(row)[row["queue_no"] - 1].at,
        "AdmitAddress": address(row),
    }


def _stops(clinic: Clinic, ask: Ask) -> Content:
    first, last = ask.day("StartDate", ask.today), ask.day("EndDate", ask.today + timedelta(days=AHEAD))
    if last < first:
        raise No(FORMAT, "EndDate应不早于StartDate")
    shape = clinic.site.stop_shape
    rows = clinic.stops.rows(ask.campus, first.isoformat(), last.isoformat(), ask["DepartmentCode"], shape)
    names = ("StopDoctorInfos", "StopDoctorInfo") if shape == "orders" else ("Schedules", "StopSchedule")
    return listed(*names, list(rows))


_CHECK_IN = takes("ID IDType MachineID ZoneID AdmNo")

TRADES = (
    Trade(
        "OPAllocAutoReport",
        _check_in,
        _CHECK_IN,
        needs=("ID", "IDType"),
        hospital="HospitalID",
        text="ErrorMsg",
        done="报到成功",
    ),
    Trade(
        "PatArriveAgain",
        _again,
        _CHECK_IN,
        needs=("ID", "IDType"),
        hospital="HospitalID",
        text="ErrorMsg",
        done="复诊报到成功",
    ),
    Trade("WaitingQueue", _queue, takes("PatientID AdmNo"), needs=("PatientID",), code="4001", hospital="HospitalID"),
    Trade(
        "QueryPatAdmList",
        _visits_of_today,
        takes("PatientID"),
        needs=("PatientID",),
        code="4001",
        hospital="HospitalID",
    ),
    Trade("QueryStopDoctorInfo", _stops, takes("StartDate EndDate DepartmentCode"), code="1107", hospital="HospitalID"),
)
