"""停诊: a session or a part of it that will not take place, or that another doctor takes over.

The HIS cancels nothing: it marks who is affected, tells whoever asks (1107) and pushes it; each channel cancels its own
bookings. With a substitute doctor the bookings stand, and patients are only told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.his.frame import HOSPITALS, write
from sandbox.his.rota import SESSIONS, numbers
from sandbox.reports import Mistake

if TYPE_CHECKING:
    from sandbox.his.clock import Clock
    from sandbox.his.rota import Rota
    from sandbox.store import Row, Store

_OPEN = "('locked', 'booked', 'arrived')"


class Stops:
    """Stops schedules, and says which are stopped."""

    def __init__(self, store: Store, rota: Rota, clock: Clock) -> None:
        self._store, self._rota, self._clock = store, rota, clock

    def stop(self, code: str, reason: str, begins: str = "", ends: str = "", replacement: str = "") -> dict[str, Any]:
        """Stops a schedule, or its half hours from `begins` to `ends`; its push is in the outbox in the same commit."""
        schedule = self._rota.schedule(code)
        if schedule is None:
            raise Mistake(f"no schedule {code}")
        if schedule["stopped"]:
            raise Mistake(f"{code} is stopped already")
        begins, ends = begins or schedule["begins"], ends or schedule["ends"]
        if not schedule["begins"] <= begins < ends <= schedule["ends"]:
            raise Mistake(f"the period must lie within {schedule['begins']}-{schedule['ends']}")
        if replacement and self._store.value("select 1 from doctors where code = ?", replacement) is None:
            raise Mistake(f"no doctor {replacement}")
        with self._store.together():
            now = self._clock.now()
            stop = self._store.insert(
                "his_stops",
                schedule=code,
                campus=schedule["campus"],
                doctor=schedule["doctor"],
                begins=begins,
                ends=ends,
                reason=reason,
                replacement=replacement or None,
                at=now,
            )
            touched = self._touched(schedule, begins, ends)
            if replacement:
                self._store.run("update his_schedules set doctor = ? where code = ?", replacement, code)
            else:
                self._mark(stop, schedule, touched, whole=(begins, ends) == (schedule["begins"], schedule["ends"]))
            self._store.insert("his_pushes", stop=stop, body=self._body(stop), state="waiting", due=0, at=now)
        return {"stop": stop, "schedule": code, "affected": [order["code"] for order in touched if order["code"]]}

    def rows(self, campus: str, first: str, last: str, department: str, shape: str) -> list[dict[str, Any]]:
        """What 1107 answers for sessions between two days."""
        found = self._store.all(
            """select t.id from his_stops t join his_schedules s on s.code = t.schedule
               where t.campus = ? and s.day between ? and ? and (? = '' or s.department = ?) order by t.id""",
            campus,
            first,
            last,
            department,
            department,
        )
        return [row for stop in found for row in self._rows(stop["id"], shape)]

    def _touched(self, schedule: Row, begins: str, ends: str) -> list[Row]:
        inside = {slot.no for slot in numbers(schedule) if begins <= slot.begins < ends}
        orders = self._store.all(f"select * from his_orders where schedule = ? and state in {_OPEN}", schedule["code"])
        return [order for order in orders if order["queue_no"] in inside]

    def _mark(self, stop: int, schedule: Row, touched: list[Row], *, whole: bool) -> None:
        for order in touched:
            self._store.run("update his_orders set stop = ? where id = ?", stop, order["id"])
        if whole:
            self._store.run("update his_schedules set stopped = 1 where code = ?", schedule["code"])

    def _body(self, stop: int) -> str:
        """The push: the rows as 1107 would answer them, one a period."""
        row = self._store.one("select * from his_stops where id = ?", stop)
        assert row is not None
        return write(
            {
                "TransactionId": f"TZ{stop:08d}",
                "HospitalId": HOSPITALS[row["campus"]],
                "Schedules": {"StopSchedule": self._rows(stop, "schedules")},
            },
            "Request",
        )

    def _rows(self, stop: int, shape: str) -> list[dict[str, Any]]:
        row = self._store.one(
            """select t.*, s.day, s.session, s.department, d.name as replacement_name from his_stops t
               join his_schedules s on s.code = t.schedule left join doctors d on d.code = t.replacement
               where t.id = ?""",
            stop,
        )
        assert row is not None
        shown = {
            "ScheduleCode": row["schedule"],
            "ServiceDate": row["day"],
            "TimeRangeCode": row["session"],
            "TimeRangeName": SESSIONS[row["session"]][0],
            "StartTime": row["begins"],
            "EndTime": row["ends"],
            "DepartmentCode": row["department"],
            "DoctorCode": row["doctor"] or "",
            "Reason": row["reason"],
            "OrderId": "",
            "ReplaceDoctorId": row["replacement"] or "",
            "ReplaceDoctorName": row["replacement_name"] or "",
            "AdmitRange": f"{row['day']}^{row['begins']}-{row['ends']}",
        }
        if shape == "schedules":
            return [shown]
        schedule = self._rota.schedule(row["schedule"])
        assert schedule is not None
        orders = self._store.all(
            f"select code, queue_no from his_orders where schedule = ? and code is not null and state in {_OPEN}",
            row["schedule"],
        )
        inside = {slot.no for slot in numbers(schedule) if row["begins"] <= slot.begins < row["ends"]}
        return [shown | {"OrderId": order["code"]} for order in orders if order["queue_no"] in inside]
