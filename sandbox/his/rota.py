"""排班: who sits where on which day, made for the next 14 days whenever somebody looks; and the numbers of a session.

A schedule's code is `resource||session`, as `1805||438`. Same seed, same rota. A resource is a doctor, or the
ordinary clinic of a department (普通号), which has no doctor.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.store import Row, Store

AHEAD = 14
SESSIONS = {"S": ("上午", "08:00", "12:00"), "X": ("下午", "14:00", "17:30"), "Y": ("夜晚", "18:00", "20:00")}
TYPES = {
    "1": ("普通号", 400, 600),
    "2": ("主治号", 400, 1100),
    "3": ("副高号", 400, 2100),
    "4": ("正高号", 400, 3600),
    "5": ("特需号", 400, 29600),
    "6": ("MDT", 400, 79600),
}
"""号别: code to name, 挂号费 and 诊查费 in fen."""
_TITLED = {"主任医师": "4", "副主任医师": "3", "主治医师": "2", "住院医师": "1"}
_SITS = 0.35  # of the half days of a week that a doctor spends in the clinic
_CLOSED_TO_NUMBERS = "中医科"  # comes in order of arrival: no times are given out


@dataclass(frozen=True, slots=True)
class Slot:
    """One number: when its turn is expected, and the half hour it belongs to."""

    no: int
    at: str
    begins: str
    ends: str


class Rota:
    """Makes schedules and answers for them."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store, self._seed = store, seed
        self._made_for: date | None = None

    def ensure(self, today: date) -> None:
        """Schedules exist from today for the next 14 days."""
        if today == self._made_for:
            return
        with self._store.together():
            for ahead in range(AHEAD + 1):
                day = (today + timedelta(days=ahead)).isoformat()
                if self._store.run("insert or ignore into his_days values (?)", day):
                    self._make(day)
        self._made_for = today

    def schedule(self, code: str) -> Row | None:
        return self._store.one("select * from his_schedules where code = ?", code)

    def find(self, campus: str, first: date, last: date, department: str, doctor: str) -> list[Row]:
        """Schedules of a campus between two days, of one department or doctor where given, with what is left."""
        return self._store.all(
            """select s.*,
                 s.total - (select count(*) from his_orders o where o.schedule = s.code and o.holds = 1) as left
               from his_schedules s where s.campus = ? and s.day between ? and ?
               and (? = '' or s.department = ?) and (? = '' or s.doctor = ?) order by s.day, s.begins, s.code""",
            campus,
            first.isoformat(),
            last.isoformat(),
            department,
            department,
            doctor,
            doctor,
        )

    def taken(self, code: str) -> dict[int, str]:
        """The numbers that somebody holds, each with the state it is held in."""
        rows = self._store.all("select queue_no, state from his_orders where schedule = ? and holds = 1", code)
        return {row["queue_no"]: row["state"] for row in rows}

    def stopped(self, code: str) -> list[Row]:
        """The periods of a schedule in which nobody sees patients."""
        return self._store.all("select begins, ends from his_stops where schedule = ? and replacement is null", code)

    def open(self, *, department: str, doctor: str | None, day: str, session: str, type_: str, total: int) -> str:
        """One more schedule; gives its code."""
        _, begins, ends = SESSIONS[session]
        place = self._store.one("select campus, name from departments where code = ?", department)
        assert place is not None
        _, reg, checkup = TYPES[type_]
        resource = 1000 + int(doctor[1:]) if doctor else 2000 + int(department)
        code = f"{resource}||{self._store.count(f'his_session/{resource}')}"
        self._store.insert(
            "his_schedules",
            code=code,
            campus=place["campus"],
            department=department,
            doctor=doctor,
            day=day,
            session=session,
            begins=begins,
            ends=ends,
            type=type_,
            room=f"{department[1:]}{resource % 7 + 1}",
            reg_fee=reg,
            checkup_fee=checkup,
            service_fee=0,
            other_fee=0,
            total=total,
            timed=int(_CLOSED_TO_NUMBERS not in place["name"]),
        )
        return code

    def _make(self, day: str) -> None:
        rng = Random(f"{self._seed}/rota/{day}")
        sunday = date.fromisoformat(day).isoweekday() == 7
        for row in self._store.all("select code from departments where kind = 'clinic' order by code"):
            for session in "S" if sunday else "SX":
                self.open(
                    department=row["code"], doctor=None, day=day, session=session, type_="1", total=_size(session)
                )
        doctors = self._store.all(
            """select d.code, d.title, d.department from doctors d join departments p on p.code = d.department
               where p.kind = 'clinic' order by d.code"""
        )
        for doctor in doctors:
            for session in "SXY":
                if rng.random() < (_SITS if session != "Y" else 0.05) / (3 if sunday else 1):
                    type_ = _TITLED[doctor["title"]]
                    if type_ == "4" and rng.random() < 0.2:
                        type_ = rng.choice("56")
                    total = _size(session, rng.choice((3, 4)))
                    place = doctor["department"]
                    self.open(
                        department=place, doctor=doctor["code"], day=day, session=session, type_=type_, total=total
                    )


def _size(session: str, a_half_hour: int = 4) -> int:
    return len(_half_hours(*SESSIONS[session][1:])) * a_half_hour


@lru_cache(maxsize=256)
def slots(begins: str, ends: str, total: int) -> tuple[Slot, ...]:
    """All numbers of a session, spread over its half hours."""
    ranges = _half_hours(begins, ends)
    each = -(-total // len(ranges))
    return tuple(
        Slot(
            no=number + 1,
            at=_shown(ranges[number // each] * 60 + number % each * 1800 // each),
            begins=_shown(ranges[number // each] * 60)[:5],
            ends=_shown(ranges[number // each] * 60 + 1800)[:5],
        )
        for number in range(total)
    )


def numbers(schedule: Row) -> tuple[Slot, ...]:
    return slots(schedule["begins"], schedule["ends"], schedule["total"])


def _half_hours(begins: str, ends: str) -> list[int]:
    """The minutes of the day at which half hours begin."""
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (begins, ends))
    return list(range(first, last, 30))


def _shown(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
