"""The HIS fails in every way it can: whoever is told "booked" has one booking, and whoever is told "no" has none."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.flow.booking import CLINIC, Caller, booking, day, orders
from tests.flow.house import House
from tests.flow.site import ask_journal, eventually
from tests.flow.test_nothing_readable import run

UNKNOWN = {"RESULT_UNKNOWN", "IN_PROGRESS"}
DONE = {
    "done_but_no_answer": {},
    "half_reply": {},
    "broken_xml": {},
    "done_but_refused": {},
    "done_but_fault": {},
    "duplicate_reply": {},
    "done_late": {"amount": 1},
}
NOT_DONE = ("reset_before", "reset_after", "soap_fault", "ze_error")
HELD = {"locked", "booked"}
ODD = ("wrong_root", "swapped_session", "fee_text", "trailing", "gb_declaration", "unclosed", "no_totals")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("trouble")) as house:
        yield house


@pytest.fixture
def caller(clinic: House) -> Iterator[Caller]:
    yield Caller(clinic)
    clinic.heal()
    clinic.quiet(60.0)


def decided(caller: Caller, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    """What the key stands for in the end; asked again until that is known."""

    def said() -> dict[str, Any] | None:
        _, envelope = caller.ask("POST", path, body, key)
        return None if envelope["code"] in UNKNOWN else envelope

    return eventually(said, 60.0, f"the outcome of {key} is known")


def parked(clinic: House) -> list[str]:
    """The systems whose deliveries wait for a person."""
    return [system for (system,) in ask_journal(clinic.site, "select system from deliveries where state = 'parked'")]


def held(clinic: House, patient: str) -> list[str]:
    return [row["state"] for row in orders(clinic, patient=patient) if row["state"] in HELD]


@pytest.mark.parametrize("kind", DONE)
def test_a_booking_that_was_made_is_told_and_not_made_again(clinic: House, caller: Caller, kind: str) -> None:
    patient, schedule = caller.enter(), caller.open(2)
    lock = caller.lock(patient, schedule)
    clinic.fault("his.BookService", kind, times=1, **DONE[kind])
    said = decided(caller, "/appointments", booking(lock["lockId"], patient), f"made-{kind}")
    assert (said["code"], held(clinic, patient)) == ("OK", ["booked"])
    assert said["data"]["hisOrderNo"] == orders(clinic, patient=patient)[0]["code"]
    assert caller.state(said["data"]["appointmentId"]) == "BOOKED"


@pytest.mark.parametrize("kind", NOT_DONE)
def test_a_booking_that_was_not_made_is_told_and_stands_in_nobodys_way(
    clinic: House, caller: Caller, kind: str
) -> None:
    patient, schedule = caller.enter(), caller.open(2)
    lock = caller.lock(patient, schedule)
    clinic.fault("his.BookService", kind, times=1)
    said = decided(caller, "/appointments", booking(lock["lockId"], patient), f"none-{kind}")
    clinic.quiet(60.0)
    if said["code"] == "OK":  # surely not read the first time, so it was sent again
        assert held(clinic, patient) == ["booked"]
        return
    assert (said["code"], held(clinic, patient)) == ("BACKEND_UNAVAILABLE", [])
    assert caller.book(patient, schedule)["state"] == "BOOKED"


def test_nobody_is_told_of_the_booking_of_another(clinic: House, caller: Caller) -> None:
    """The app names the wrong patient, and the HIS's no to that is lost: what it has for the lock is not his."""
    mine, other, schedule = caller.enter(), caller.enter("欧阳一一"), caller.open(2)
    lock = caller.lock(mine, schedule)["lockId"]
    assert caller.did("POST", "/appointments", booking(lock, mine))["state"] == "BOOKED"
    clinic.fault("his.BookService", "reset_after", times=1)
    status, said = caller.ask("POST", "/appointments", booking(lock, other), "anothers-1")
    assert (status, said["code"], held(clinic, other)) == (202, "RESULT_UNKNOWN", [])
    assert parked(clinic) == ["his"]
    run(clinic, "drop", said["data"]["taskId"], "--reason", "the HIS has nothing of his")
    assert caller.ask("POST", "/appointments", booking(lock, other), "anothers-1")[1]["code"] == "BACKEND_REJECTED"
    eventually(lambda: parked(clinic), 60.0, "a person is told that the lock is a booking")
    run(clinic, "drop", said["data"]["taskId"], "--reason", "it is, and rightly so")
    assert held(clinic, mine) == ["booked"]


def test_a_lock_that_a_person_asks_for_again_is_told_and_not_refused(clinic: House, caller: Caller) -> None:
    """The HIS holds it since the first time, and says to the second that the patient has one already."""
    patient, schedule = caller.enter(), caller.open(2)
    wish = {"patientId": patient, "scheduleId": schedule}
    clinic.fault("his.QueryRegStatus", "refusal")
    clinic.fault("his.LockOrder", "done_but_no_answer", times=1)
    status, said = caller.ask("POST", "/appointments/lock", wish, "again-lock")
    assert (status, said["code"]) == (202, "RESULT_UNKNOWN")
    run(clinic, "park", said["data"]["taskId"], "--reason", "the HIS does not say")
    run(clinic, "retry", said["data"]["taskId"], "--reason", "not seen there")
    clinic.heal()
    assert decided(caller, "/appointments/lock", wish, "again-lock")["code"] == "BACKEND_TIMEOUT"
    clinic.quiet(60.0)
    assert held(clinic, patient) == []  # done after its time, so it was undone


@pytest.mark.parametrize("kind", ["broken_xml", "done_but_refused", "done_late", "reset_after", "refusal"])
def test_a_lock_is_held_where_it_is_told_and_nowhere_else(clinic: House, caller: Caller, kind: str) -> None:
    patient, schedule = caller.enter(), caller.open(2)
    clinic.fault("his.LockOrder", kind, times=1, **DONE.get(kind, {}))
    said = decided(caller, "/appointments/lock", {"patientId": patient, "scheduleId": schedule}, f"lock-{kind}")
    clinic.quiet(60.0)
    if said["code"] == "OK":
        (order,) = orders(clinic, patient=patient)
        assert (order["state"], order["lock_serial"]) == ("locked", said["data"]["lockId"].partition("_7E")[0])
    else:
        assert (said["code"], held(clinic, patient)) == ("BACKEND_UNAVAILABLE", [])
        assert kind not in DONE


@pytest.mark.parametrize("kind", ["done_but_no_answer", "done_but_refused", "done_late"])
def test_a_booking_is_cancelled_once(clinic: House, caller: Caller, kind: str) -> None:
    patient = caller.enter()
    appointment = caller.book(patient, caller.open(2))["appointmentId"]
    clinic.fault("his.CancelOrder", kind, times=1, **DONE[kind])
    said = decided(caller, f"/appointments/{appointment}/cancel", {"reason": "改期"}, f"cancel-{kind}")
    assert (said["code"], said["data"]["state"]) == ("OK", "CANCELLED")
    assert [row["state"] for row in orders(clinic, patient=patient)] == ["cancelled"]


def test_a_number_that_is_snatched_is_not_promised(clinic: House, caller: Caller) -> None:
    patient, schedule = caller.enter(), caller.open(2, total=1)
    clinic.fault("his.LockOrder", "snatched", times=1)
    assert caller.refused("POST", "/appointments/lock", {"patientId": patient, "scheduleId": schedule}) in {
        "SLOT_SOLD_OUT",
        "SLOT_LOCKED",
    }
    assert held(clinic, patient) == []


def test_the_fee_of_the_lock_is_what_the_patient_pays(clinic: House, caller: Caller) -> None:
    patient, schedule = caller.enter(), caller.open(2)
    clinic.fault("his.LockOrder", "fee_change", times=1, amount=5)
    lock = caller.lock(patient, schedule)
    assert (lock["fee"]["total"], orders(clinic, patient=patient)[0]["fee"]) == (1500, 1500)


def test_its_odd_ways_of_writing_are_read(clinic: House, caller: Caller) -> None:
    clinic.post("/his/site", quirks=list(ODD))
    try:
        patient, schedule = caller.enter("欧阳一一"), caller.open(4)
        found = caller.did("GET", f"/schedules?deptId={CLINIC}&from={day(4)}&to={day(4)}")
        mine = next(one for one in found if one["scheduleId"] == schedule)
        assert (mine["fee"], mine["feeReg"], mine["session"], mine["begin"]) == (1000, 400, "AM", "08:00")
        assert {one["dept"] for one in found} == {"心血管内科"}
        (first, *_) = caller.did("GET", f"/schedules/{schedule}/slots")
        assert (first["slotId"], first["total"], first["numbers"][0]["free"]) == ("08:00-08:30", None, True)
        lock = caller.did(
            "POST", "/appointments/lock", {"patientId": patient, "scheduleId": schedule, "slotId": first["slotId"]}
        )
        booked = caller.did("POST", "/appointments", booking(lock["lockId"], patient))
        (listed,) = caller.did("GET", f"/patients/{patient}/appointments")
        assert (booked["fee"], listed["fee"], listed["place"][:3]) == (1000, 1000, "门诊楼")
    finally:
        clinic.post("/his/site", quirks=[])
