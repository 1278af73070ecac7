"""What port 9000 can do with the HIS: its ledger, its clock, its switches, 停诊, and the queue that moves when told.

Everything lies under `/his`; acts are POSTs with a JSON object, as elsewhere, and a Mistake answers 400.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.his import ledger
from sandbox.his.rota import SESSIONS, TYPES, numbers
from sandbox.his.site import QUIRKS
from sandbox.reports import Mistake

if TYPE_CHECKING:
    from sandbox.his.system import His
    from sandbox.store import Row

_MOST = 5000
FILTERS = {
    "orders": {"state", "patient", "schedule", "campus", "channel", "platform", "order"},
    "acts": {"step", "order", "patient"},
    "schedules": {"campus", "day", "department", "doctor"},
    "slots": {"schedule"},
    "stops": set[str](),
    "pushes": set[str](),
    "compare": {"verdict"},
}
"""The ledgers, and what each may be narrowed down by."""


class Desk:
    """Each act and view takes an object and gives one, ready to be shown."""

    def __init__(self, his: His) -> None:
        self._his = his
        self._store = his.store

    def view(self, name: str, asked: dict[str, str]) -> dict[str, Any]:
        """One of the ledgers, newest first."""
        if unknown := set(asked) - FILTERS[name] - {"limit"}:
            raise Mistake(f"unknown parameter {', '.join(sorted(unknown))}")
        limit = min(int(asked.pop("limit", "100")), _MOST)
        self._his.clinic.settle(self._his.clock.now())
        match name:
            case "compare":
                return _filtered(ledger.compare(self._store, None, []), asked)
            case "orders":
                rows = ledger.orders(self._store, asked, limit)
                return {"totals": ledger.totals(self._store), "count": len(rows), "rows": rows}
        rows = {
            "acts": self._acts,
            "schedules": self._schedules,
            "slots": self._slots,
            "stops": self._stops,
            "pushes": self._pushes,
        }[name](asked)[:limit]
        return {"count": len(rows), "rows": rows}

    def compare(self, body: dict[str, Any]) -> dict[str, Any]:
        """The ledger beside what callers were told; see `ledger`."""
        _only(body, "told", "people")
        told, people = body.get("told"), body.get("people", [])
        if not isinstance(told, list) or not isinstance(people, list):
            raise Mistake("told is a list of what callers heard, people a list of orders")
        return ledger.compare(self._store, told, people)

    def clock(self, body: dict[str, Any]) -> dict[str, Any]:
        """Reads the clock, or moves it: `advance` seconds, `set` to a time, `hold` still or let it run."""
        _only(body, "advance", "set", "hold")
        clock = self._his.clock
        if "set" in body:
            clock.put(str(body["set"]))
        if "advance" in body:
            clock.advance(float(body["advance"]))
        if "hold" in body:
            clock.hold(body["hold"] in (True, "true", "1"))
        self._his.clinic.settle(clock.now())
        return {
            "now": times.shown(clock.now()),
            "held": clock.held,
            "ahead_s": (clock.now() - times.now()) // times.SECOND,
        }

    def site(self, body: dict[str, Any]) -> dict[str, Any]:
        """Reads the switches, or moves some."""
        self._his.change_site(body)
        return {**asdict(self._his.clinic.site), "quirks_there_are": QUIRKS}

    def open(self, body: dict[str, Any]) -> dict[str, Any]:
        """One more schedule, of so many numbers."""
        _only(body, "department", "doctor", "day", "session", "type", "total")
        department, doctor = _word(body, "department"), str(body.get("doctor") or "") or None
        known = self._store.one("select kind from departments where code = ?", department)
        if known is None or known["kind"] != "clinic":
            raise Mistake(f"no clinic {department}; see QueryDepartment")
        if doctor and self._store.value("select department from doctors where code = ?", doctor) != department:
            raise Mistake(f"no doctor {doctor} in {department}")
        session, type_ = str(body.get("session", "S")), str(body.get("type", "1"))
        if session not in SESSIONS or type_ not in TYPES:
            raise Mistake(f"session is one of {', '.join(SESSIONS)}, type one of {', '.join(TYPES)}")
        day, total = date.fromisoformat(_word(body, "day")).isoformat(), int(body.get("total", 24))
        if not 1 <= total <= 1000:
            raise Mistake("a schedule has 1 to 1000 numbers")
        with self._store.together():
            code = self._his.clinic.rota.open(
                department=department, doctor=doctor, day=day, session=session, type_=type_, total=total
            )
        return {"schedule": code, "day": day, "total": total}

    def stop(self, body: dict[str, Any]) -> dict[str, Any]:
        """停诊 of a schedule or a part of it, or a substitute doctor for it."""
        _only(body, "schedule", "reason", "from", "to", "replacement")
        done = self._his.clinic.stops.stop(
            _word(body, "schedule"),
            str(body.get("reason") or "医生临时停诊"),
            str(body.get("from") or ""),
            str(body.get("to") or ""),
            str(body.get("replacement") or ""),
        )
        self._his.push.wake()
        return done

    def queue(self, act: str, body: dict[str, Any]) -> dict[str, Any]:
        """`next`: the doctor calls the next; `miss`: who was called is not there."""
        _only(body, "schedule")
        visits, schedule, now = self._his.clinic.visits, _word(body, "schedule"), self._his.clock.now()
        with self._store.together():
            return visits.next(schedule, now) if act == "next" else visits.miss(schedule, now)

    def blacklist(self, body: dict[str, Any]) -> dict[str, Any]:
        """Puts a patient on the blacklist, or takes one off."""
        _only(body, "patient", "reason", "off")
        patient = _word(body, "patient")
        self._store.run("delete from his_blacklist where patient = ?", patient)
        if body.get("off") not in (True, "true", "1"):
            self._store.insert("his_blacklist", patient=patient, reason=str(body.get("reason") or "多次爽约"))
        return {"blacklist": [row["patient"] for row in self._store.all("select patient from his_blacklist")]}

    def _acts(self, asked: dict[str, str]) -> list[Row]:
        rows = self._store.named(
            """select a.*, o.code as order_code from his_acts a join his_orders o on o.id = a.order_id
               where (:step is null or a.act = :step) and (:patient is null or a.patient = :patient)
                 and (:order is null or o.code = :order) order by a.id desc limit 5000""",
            {"step": None, "patient": None, "order": None} | asked,
        )
        return [{**row, "at": times.shown(row["at"])} for row in rows]

    def _schedules(self, asked: dict[str, str]) -> list[Row]:
        return self._store.named(
            """select s.*,
                 s.total - (select count(*) from his_orders o where o.schedule = s.code and o.holds = 1) as left
               from his_schedules s where (:campus is null or campus = :campus) and (:day is null or day = :day)
                 and (:department is null or department = :department) and (:doctor is null or doctor = :doctor)
               order by day, begins, code limit 5000""",
            {"campus": None, "day": None, "department": None, "doctor": None} | asked,
        )

    def _slots(self, asked: dict[str, str]) -> list[Row]:
        schedule = self._his.clinic.rota.schedule(asked.get("schedule", ""))
        if schedule is None:
            raise Mistake("name a schedule: ?schedule=1003||1")
        held = {
            row["queue_no"]: row
            for row in self._store.all("select * from his_orders where schedule = ? and holds = 1", schedule["code"])
        }
        return [
            {
                **asdict(slot),
                "state": held[slot.no]["state"] if slot.no in held else "free",
                "patient": held[slot.no]["patient"] if slot.no in held else "",
            }
            for slot in numbers(schedule)
        ]

    def _stops(self, _asked: dict[str, str]) -> list[Row]:
        rows = self._store.all(
            """select t.*, s.day, (select count(*) from his_orders o where o.stop = t.id) as affected,
                      (select count(*) from his_orders o where o.stop = t.id and o.state = 'booked') as still_booked
               from his_stops t join his_schedules s on s.code = t.schedule order by t.id desc"""
        )
        return [{**row, "at": times.shown(row["at"])} for row in rows]

    def _pushes(self, _asked: dict[str, str]) -> list[Row]:
        rows = self._store.all("select * from his_pushes order by id desc")
        return [{**row, "at": times.shown(row["at"]), "ended_at": times.shown(row["ended_at"])} for row in rows]


def _filtered(found: dict[str, Any], asked: dict[str, str]) -> dict[str, Any]:
    if wanted := asked.get("verdict"):
        found["rows"] = [row for row in found["rows"] if row["verdict"] == wanted]
    return found


def _only(body: dict[str, Any], *names: str) -> None:
    if unknown := set(body) - set(names):
        raise Mistake(f"unknown field {', '.join(sorted(unknown))}")


def _word(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Mistake(f"the body must name a {name}")
    return value
