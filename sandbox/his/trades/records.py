"""Trades that ask what became of numbers: bookings, registrations, and the state of one call."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox import times
from sandbox.his.frame import FORMAT, NO_DATA, SEES_ALL, No, shown_day, yuan
from sandbox.his.rota import SESSIONS, numbers
from sandbox.his.trade import Content, Trade, listed, takes
from sandbox.his.trades.schedules import address

if TYPE_CHECKING:
    from sandbox.his.clinic import Clinic
    from sandbox.his.frame import Ask
    from sandbox.store import Row

STATES = {
    "locked": ("L", "锁号"),
    "unlocked": ("U", "已取消锁号"),
    "expired": ("E", "锁号超时"),
    "booked": ("B", "已预约"),
    "cancelled": ("C", "已取消"),
    "arrived": ("A", "已报到"),
    "called": ("D", "就诊中"),
    "visited": ("V", "已就诊"),
    "missed": ("M", "过号未就诊"),
}
"""What QueryRegStatus answers."""
_KEPT = "('booked', 'cancelled', 'arrived', 'called', 'visited', 'missed')"


def _orders(clinic: Clinic, ask: Ask) -> Content:
    if not ask["OrderCode"]:
        ask.need("PatientID")
    hidden = clinic.site.hides_unpaid
    rows = [row for row in _found(clinic, ask) if row["paid"] or not hidden]
    return listed("Orders", "Order", [_order(clinic, ask, row) for row in rows])


def _order(clinic: Clinic, ask: Ask, row: Row) -> Content:
    names = clinic.names()
    return {
        "OrderCode": row["code"],
        "OrderApptDate": times.shown(row["booked_at"]),
        "OrderStatus": _status(row),
        "PatientID": row["patient"],
        "PatientName": clinic.register.patient(row["patient"])["name"],
        "ScheduleItemCode": row["schedule"],
        "AdmitDate": row["day"],
        "SessionName": SESSIONS[row["session"]][0],
        "AdmitRange": admit_range(row, row),
        "AdmitAddress": address(row),
        "DepartmentCode": row["department"],
        "Department": names.department(row["department"]),
        "DoctorCode": row["doctor"] or "",
        "Doctor": names.doctor(row["doctor"])[0],
        "RegFee": yuan(row["fee"]),
        "SeqCode": row["queue_no"],
        "AllowRefundFlag": "Y" if clinic.orders.cancellable(row, ask.now, clinic.site) else "N",
        "PayFlag": "P" if row["paid"] else "TB",
        "AdmNo": row["adm_no"],
        "TransactionId": row["lock_serial"],
    }


def _registrations(clinic: Clinic, ask: Ask) -> Content:
    if ask.operator != SEES_ALL:
        ask.need("PatientID")
    names = clinic.names()
    rows: list[Content] = []
    for row in _found(clinic, ask):
        if ask.operator != SEES_ALL and row["channel"] != ask.channel:
            continue
        doctor, title = names.doctor(row["doctor"])
        rows.append(
            {
                "RegID": row["adm_no"],
                "RegDate": shown_day(row["booked_at"]),
                "Status": _status(row),
                "AdmitDate": row["day"],
                "DepartmentCode": row["department"],
                "Department": names.department(row["department"]),
                "Doctor": doctor,
                "DoctorTitle": title,
                "RegFee": yuan(row["fee"]),
                "SeqCode": row["queue_no"],
                "SessionName": SESSIONS[row["session"]][0],
                "AdmitRange": admit_range(row, row),
                "ReturnFlag": "Y" if clinic.orders.cancellable(row, ask.now, clinic.site) else "N",
                "OrderCode": row["code"],
                "PatientID": row["patient"],
                "ScheduleItemCode": row["schedule"],
            }
        )
    return listed("Orders", "Order", rows)


def _reg_status(clinic: Clinic, ask: Ask) -> Content:
    serial = ask["TransactionId"] or ask["PayOrdId"] or ask["OrderCode"]
    if not serial:
        raise No(FORMAT, "TransactionId不能为空")
    rows = clinic.store.all(
        """select * from his_orders where (lock_serial = ? or lock_platform = ? or book_platform = ? or code = ?)
           and campus = ? order by holds desc, id desc""",
        *[serial] * 4,
        ask.campus,
    )
    if clinic.site.hides_unpaid:
        rows = [row for row in rows if row["paid"]]
    if not rows:
        raise No(NO_DATA, "查询不到相关数据")
    row = rows[0]
    code, words = STATES[row["state"]]
    return {
        "RecordCount": len(rows),
        "RegStatus": "T" if row["stop"] is not None and row["state"] == "booked" else code,
        "RegStatusDesc": "停诊" if row["stop"] is not None and row["state"] == "booked" else words,
        "TransactionId": row["lock_serial"],
        "OrderCode": row["code"] or "",
        "AdmNo": row["adm_no"] or "",
        "PatientID": row["patient"],
        "ScheduleItemCode": row["schedule"],
        "LockQueueNo": row["queue_no"],
        "RegFee": yuan(row["fee"]),
        "PayFlag": "P" if row["paid"] else "TB",
    }


def _found(clinic: Clinic, ask: Ask) -> list[Row]:
    """Bookings of a patient (or one, or everybody's) by the day of the visit, with what their schedules say."""
    first = ask.day("StartDate", ask.today - timedelta(days=365))
    last = ask.day("EndDate", ask.today + timedelta(days=365))
    return clinic.store.all(
        f"""select o.*, s.* from his_orders o join his_schedules s on s.code = o.schedule
            where o.campus = ? and (? = '' or o.patient = ?) and (? = '' or o.code = ?)
              and s.day between ? and ? and o.state in {_KEPT} order by o.id desc""",
        ask.campus,
        ask["PatientID"],
        ask["PatientID"],
        ask["OrderCode"],
        ask["OrderCode"],
        first.isoformat(),
        last.isoformat(),
    )


def _status(row: Row) -> str:
    if row["state"] == "cancelled":
        return "退号"
    return "停诊" if row["stop"] is not None else "正常"


def admit_range(schedule: Row, order: Row) -> str:
    """`2026-11-21^08:00-08:30`, or with the session where no times are given out."""
    slot = numbers(schedule)[order["queue_no"] - 1]
    words = f"{slot.begins}-{slot.ends}" if schedule["timed"] else SESSIONS[schedule["session"]][0]
    return f"{schedule['day']}^{words}"


TRADES = (
    Trade("QueryOrder", _orders, takes("PatientID StartDate EndDate OrderCode"), code="1005"),
    Trade("QueryAdmOPReg", _registrations, takes("PatientID StartDate EndDate OrderCode"), code="1104"),
    Trade("QueryRegStatus", _reg_status, takes("PayOrdId OrderCode")),
)
