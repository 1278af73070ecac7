"""A rush on 号源: many callers, few numbers, a HIS that loses answers; then what was told beside what is booked there."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.flow.house import House
from tests.flow.site import ask_journal, secret
from tests.rush.callers import Crowd, Told, Wish

TOTAL = 30
"""Numbers of one schedule, in half hours of an evening."""
_SETTINGS = {
    "systems.his.limits.at_once": "64",
    "systems.channel.limits.connections": "4000",
    "systems.channel.clients": '{"demo-app": {pace: 100000/s}}',
}
_DECIDED = frozenset({"OK", "SLOT_SOLD_OUT", "SLOT_LOCKED", "DUPLICATE_BOOKING", "BOOKING_LIMIT", "LOCK_EXPIRED"})


@dataclass(frozen=True, slots=True)
class Result:
    """What a rush came to."""

    callers: int
    slots: int
    booked: int
    """Callers that were told "booked"."""
    codes: dict[str, int]
    """What callers were told in the end."""
    answers: dict[str, int]
    """Codes of all answers, repeats included."""
    verdicts: dict[str, int]
    """Bookings of the HIS, beside what was told and what lies on a person's list."""
    parked: int
    longest_answer: float
    """Seconds of the longest single request."""
    longest_wait: float
    """Seconds until the last caller knew."""
    findings: list[str]


def rush(folder: Path, *, callers: int, slots: int, lost_each: int, patience: float) -> Result:
    """Runs it: `slots` numbers, every `lost_each`-th answer of the HIS lost."""
    with House(folder, _SETTINGS) as house:
        wishes = _wishes(house, callers, slots)
        house.fault("his", "done_but_no_answer", every=lost_each)
        crowd = Crowd(house.bus.http, "demo-app", secret(house.site, "demo_app_secret"), patience)
        told = asyncio.run(crowd.rush(wishes))
        house.heal()
        return _judged(house, told, crowd, slots)


def _wishes(house: House, callers: int, slots: int) -> list[Wish]:
    """Opens so many numbers and spreads the callers over their half hours; no patient wants one schedule twice."""
    day = (date.today() + timedelta(days=2)).isoformat()  # noqa: DTZ011 - the house's days are this machine's
    departments = [row["department"] for row in house.look("/his/schedules", campus="main", day=day, limit=500)["rows"]]
    wanted: list[list[tuple[str, str]]] = []
    for department in list(dict.fromkeys(departments))[: slots // TOTAL]:
        house.post("/his/schedules", department=department, day=day, session="Y", total=TOTAL)
        wanted.append(_half_hours(house, department, day))
    patients = [row["id"] for row in house.look("/patients", limit=5000)["rows"] if row["campus"] == "main"]
    wishes = []
    for turn, patient in zip(range(callers), cycle(patients)):
        halves = wanted[(turn + turn // len(patients)) % len(wanted)]
        schedule, slot = halves[turn // len(wanted) % len(halves)]
        wishes.append(Wish(patient, schedule, slot))
    return wishes


def _half_hours(house: House, department: str, day: str) -> list[tuple[str, str]]:
    """(schedule, slot) of the evening that was opened, as the unified API names them."""
    listed = _data(house.get(f"/schedules?deptId={department}&from={day}&to={day}"))
    schedule = next(row["scheduleId"] for row in listed if row["session"] == "NIGHT" and row["total"] == TOTAL)
    return [(schedule, slot["slotId"]) for slot in _data(house.get(f"/schedules/{schedule}/slots"))]


def _judged(house: House, told: list[Told], crowd: Crowd, slots: int) -> Result:
    house.quiet(60)
    parked = ask_journal(
        house.site,
        "select m.id from deliveries d join messages m on m.seq = d.message where d.state = 'parked' and d.system = 'his'",
    )
    listed = [caller for caller in told if caller.code == "RESULT_UNKNOWN"]
    said = [{"order": caller.order} for caller in told if caller.order]
    compared = house.post("/his/compare", told=said, people=[])
    orders = Counter(caller.order for caller in told if caller.order)
    findings = [f"{order} was told to {count} callers" for order, count in orders.items() if count > 1]
    findings += [f"a caller ended with {caller.code}" for caller in told if caller.code not in _DECIDED][:10]
    wrong = {verdict: count for verdict, count in compared["summary"].items() if verdict != "ok"}
    if wrong.get("untold", 0) <= len(parked):
        wrong.pop("untold", None)  # whose caller does not know either, but a person will see it
    if wrong:
        findings.append(f"the HIS's ledger and what was told: {wrong}")
    if len(listed) > len(parked):
        findings.append(f"{len(listed)} callers do not know, and {len(parked)} calls are on a person's list")
    return Result(
        callers=len(told),
        slots=slots,
        booked=len(said),
        codes=dict(Counter(caller.code for caller in told)),
        answers=dict(crowd.answers),
        verdicts=compared["summary"],
        parked=len(parked),
        longest_answer=round(crowd.longest, 2),
        longest_wait=round(max(caller.waited for caller in told), 2),
        findings=findings,
    )


def _data(answer: tuple[int, dict[str, Any]]) -> list[dict[str, Any]]:
    status, said = answer
    assert status == 200, said
    data: list[dict[str, Any]] = said["data"]
    return data
