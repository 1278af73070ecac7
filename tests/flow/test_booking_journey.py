"""The booking journey over HTTP alone, from the search for a patient to his place in the queue; the HIS's own ledger
says at the end whether it was so.
"""

from collections.abc import Iterator
from urllib.request import Request, urlopen
from xml.sax.saxutils import escape

import pytest

from tests.flow.booking import CLINIC, Caller, becomes, booking, day, orders, person, safe
from tests.flow.house import House
from tests.flow.site import eventually
from tests.flow.vendors import ASMX, connect_neusoft
from tests.peers.soap import enveloped

SPACE = "http://www.dhcc.com.cn"
CAPTCHA = "CAPTCHA_REQUIRED"
"""What stands against a booking in the evening hours of 放号, whenever this test happens to run."""
HERE = {"lat": 22.5431, "lng": 114.0579, "accuracy": 30, "coordType": "gcj02", "deviceId": "PHONE-1"}


@pytest.fixture(scope="module", params=["donghua", "neusoft"])
def clinic(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of its own, as its HIS's clock is moved. Its bus lets check in long before, since its own clock is not."""
    other = request.param == "neusoft"
    house = House(tmp_path_factory.mktemp("clinic"), {"rules.checkin.before": "72h"}, his=ASMX if other else "")
    if other:
        connect_neusoft(house.site)
    with house:
        yield house


@pytest.fixture
def caller(clinic: House) -> Caller:
    return Caller(clinic)


def test_from_the_search_to_the_queue_and_back(clinic: House, caller: Caller) -> None:
    someone = person("林小满", "13800001234")
    document = {name: someone[name] for name in ("idType", "idNo", "name")}

    # a patient whom nobody knows yet
    assert caller.refused("POST", "/patients/search", document) == "PATIENT_NOT_FOUND"
    made = caller.did("POST", "/patients", {name: value for name, value in someone.items() if name != "currentAddress"})
    patient = made["patientId"]
    assert [one["hisPatientId"] for one in caller.did("POST", "/patients/search", document)["candidates"]] == [patient]
    assert caller.refused("POST", "/patients", someone) == "PATIENT_DUPLICATE"

    # bound with a code that the phone got
    ticket = caller.did("POST", "/auth/sms", {"mobile": someone["mobile"], "scene": "bind"})["ticket"]
    code = eventually(lambda: clinic.codes(someone["mobile"]), 60.0, "the code is sent")[0]
    assert caller.refused("POST", "/auth/sms/verify", {"ticket": ticket, "code": "x"}) == "SMS_CODE_INVALID"
    proof = caller.did("POST", "/auth/sms/verify", {"ticket": ticket, "code": code})["proofToken"]
    binding = {**document, "mobile": someone["mobile"], "relation": "本人"}
    assert caller.refused("POST", "/users/U1/patients", binding | {"proofToken": "x"}) == "SMS_CODE_INVALID"
    bound = caller.did("POST", "/users/U1/patients", binding | {"proofToken": proof})
    assert (bound["patientId"], bound["cardNo"]) == (patient, made["cardNo"])
    assert [one["patientId"] for one in caller.did("GET", "/users/U1/patients")] == [patient]

    # whose file is made complete
    lacking = caller.did("GET", f"/patients/{patient}/completeness?scene=appointment")
    assert (lacking["complete"], lacking["missing"]) == (False, ["current_address"])
    caller.did("PATCH", f"/patients/{patient}", {"currentAddress": someone["currentAddress"]})
    assert caller.did("GET", f"/patients/{patient}/completeness?scene=appointment")["complete"]

    # looks for a clinic
    assert {one["campusId"] for one in caller.did("GET", "/campuses")} == {"main", "north", "lake"}
    departments = {one["deptId"]: one for one in caller.did("GET", "/departments")}
    assert departments[CLINIC]["parentId"] in departments
    doctors = caller.did("GET", f"/doctors?deptId={CLINIC}")
    assert caller.did("GET", f"/doctors/{doctors[0]['doctorId']}")["name"] == doctors[0]["name"]
    offered = caller.did("GET", f"/schedules?deptId={CLINIC}&from={day(2)}&to={day(9)}")
    schedule = next(one for one in offered if one["slots"] and one["remain"] and not one["stopped"])
    before = {one["slotId"]: one["remain"] for one in caller.did("GET", f"/schedules/{schedule['scheduleId']}/slots")}
    slot = next(slot for slot, left in before.items() if left)

    # locks, books, looks, cancels
    wish = {"patientId": patient, "scheduleId": schedule["scheduleId"], "slotId": slot}
    assert blocks(caller, wish) == set()
    lock = caller.did("POST", "/appointments/lock", wish, key="lock-key-1")
    assert lock == caller.did("POST", "/appointments/lock", wish, key="lock-key-1")
    assert lock["fee"]["total"] == schedule["fee"]
    assert caller.refused("POST", "/appointments/lock", wish) == "DUPLICATE_BOOKING"
    booked = caller.did("POST", "/appointments", booking(lock["lockId"], patient), key="book-key-1")
    assert booked == caller.did("POST", "/appointments", booking(lock["lockId"], patient), key="book-key-1")
    assert (booked["state"], booked["queueNo"]) == ("BOOKED", lock["queueNo"])
    appointment = booked["appointmentId"]
    assert appointment == safe(orders(clinic, patient=patient)[0]["code"])
    shown = caller.did("GET", f"/appointments/{appointment}")
    assert (shown["patientId"], shown["date"], f"{shown['begin']}-{shown['end']}") == (patient, schedule["date"], slot)
    assert [one["appointmentId"] for one in caller.did("GET", f"/patients/{patient}/appointments")] == [appointment]
    assert "DUPLICATE_BOOKING" in blocks(caller, wish)
    assert caller.state(appointment) == "BOOKED"
    assert caller.did("GET", f"/appointments/{appointment}/refundable")["refundable"]
    assert caller.did("POST", f"/appointments/{appointment}/cancel", {"reason": "改期"})["state"] == "CANCELLED"
    assert caller.state(appointment) == "CANCELLED"
    assert caller.refused("POST", f"/appointments/{appointment}/cancel", {"reason": "改期"}) == "STATE_CONFLICT"
    assert caller.did("GET", f"/appointments/{appointment}")["state"] == "CANCELLED"

    # gives a lock back
    lock = caller.did("POST", "/appointments/lock", wish)
    assert caller.did("DELETE", f"/appointments/locks/{lock['lockId']}")["released"]
    assert caller.did("DELETE", f"/appointments/locks/{lock['lockId']}")["released"]
    assert caller.refused("POST", "/appointments", booking(lock["lockId"], patient)) == "LOCK_EXPIRED"

    # ends the binding
    assert caller.did("DELETE", f"/users/U1/patients/{patient}")["unboundAt"]
    assert caller.did("GET", "/users/U1/patients") == []
    assert [one["state"] for one in orders(clinic, patient=patient)] == ["unlocked", "cancelled"]
    assert clinic.post("/his/compare", told=[])["summary"] == {}


def test_the_day_of_the_visit(clinic: House, caller: Caller) -> None:
    first, second = caller.enter("林小满"), caller.enter("欧阳一一")
    schedule = caller.open(1)
    early, late = (caller.book(patient, schedule)["appointmentId"] for patient in (first, second))
    options = caller.did("GET", f"/appointments/{early}/checkin-options")
    assert (options["allowed"], options["areas"][0]["radiusM"]) == (True, 500)
    assert caller.refused("GET", f"/appointments/{early}/queue") in {"NOT_FOUND", "STATE_CONFLICT"}
    far = HERE | {"lat": 22.6}
    assert caller.refused("POST", f"/appointments/{early}/checkin", far) == "CHECKIN_OUT_OF_AREA"
    assert (
        caller.refused("POST", f"/appointments/{early}/checkin", HERE) == "CHECKIN_OUT_OF_WINDOW"
    )  # the HIS's own rule

    clinic.post("/his/clock", set=f"{day(1)} 07:30:00")
    try:
        assert caller.refused("GET", f"/appointments/{early}/queue") == "STATE_CONFLICT"
        assert caller.did("POST", f"/appointments/{early}/checkin", HERE)["ahead"] == 0
        there = caller.did("POST", f"/appointments/{late}/checkin", HERE | {"coordType": "gcj02"})
        assert (there["ahead"], there["clinicRoom"][-2:]) == (1, "诊室")
        assert caller.refused("POST", f"/appointments/{late}/checkin", HERE) == "ALREADY_CHECKED_IN"
        place = caller.did("GET", f"/appointments/{late}/queue")
        assert (place["state"], place["ahead"], place["queueNo"]) == ("WAITING", 1, there["queueNo"])
        code = schedule.partition("_7E")[0].replace("_7C", "|")
        clinic.post("/his/queue/next", schedule=code)
        assert caller.did("GET", f"/appointments/{early}/queue")["state"] == "CALLED"
        clinic.post("/his/queue/next", schedule=code)
        assert (caller.state(early), caller.state(late)) == ("VISITED", "CHECKED_IN")
        assert caller.refused("POST", f"/appointments/{early}/cancel", {"reason": "退号"}) == "ALREADY_VISITED"
    finally:
        clinic.post("/his/clock", advance=-86400)
    told = [{"order": appointment.replace("_7C", "|")} for appointment in (early, late)]
    assert clinic.post("/his/compare", told=told)["summary"] == {"ok": 2}


def test_what_is_paid_at_the_counter_is_not_cancelled_without_its_money(clinic: House, caller: Caller) -> None:
    patient, schedule = caller.enter("司马青"), caller.open(4)
    lock = caller.lock(patient, schedule)["lockId"]
    pay_at_counter(clinic, lock.partition("_7E")[0], schedule.partition("_7E")[0].replace("_7C", "|"))
    (listed,) = caller.did("GET", f"/patients/{patient}/appointments")
    assert (listed["paid"], listed["state"]) == (True, "BOOKED")
    appointment = listed["appointmentId"]
    refundable = caller.did("GET", f"/appointments/{appointment}/refundable")
    assert (refundable["refundable"], refundable["reason"]) == (False, "NOT_REFUNDABLE")
    assert caller.refused("POST", f"/appointments/{appointment}/cancel", {"reason": "改期"}) == "NOT_REFUNDABLE"
    assert [one["state"] for one in orders(clinic, patient=patient)] == ["booked"]


def pay_at_counter(clinic: House, lock: str, schedule: str) -> None:
    """The counter books a lock and takes the money."""
    inner = (
        "<Request><TradeCode>1000</TradeCode><ExtOrgCode>HISBUS</ExtOrgCode><ClientType>ATM</ClientType><HospitalId>1"
        f"</HospitalId><ExtUserID>YYT001</ExtUserID><TransactionId>{lock}</TransactionId><ScheduleItemCode>{schedule}"
        "</ScheduleItemCode><PayFlag>Y</PayFlag><PayFee>10.00</PayFee></Request>"
    )
    body = enveloped(f'<BookService xmlns="{SPACE}"><XMLRequest>{escape(inner)}</XMLRequest></BookService>')
    action = f"{SPACE}/DHCExternalService.RegInterface.Service.SelfRegService.BookService"
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}
    with urlopen(Request(clinic.hospital.his, body.encode(), headers), timeout=10) as answer:
        assert "预约成功" in answer.read().decode()


def test_a_stopped_clinic_ends_its_bookings(clinic: House, caller: Caller) -> None:
    patient, schedule = caller.enter("司马青"), caller.open(3)
    appointment = caller.book(patient, schedule)["appointmentId"]
    clinic.post("/his/stop", schedule=schedule.partition("_7E")[0].replace("_7C", "|"), reason="医生外出")
    becomes(caller, appointment, "CANCELLED")
    assert (
        caller.refused("POST", "/appointments/lock", {"patientId": patient, "scheduleId": schedule})
        == "SCHEDULE_STOPPED"
    )
    clinic.quiet(60.0)
    told = clinic.look("/ledger/gateway", patient=patient, limit=5000)["rows"]
    assert [row["scene"] for row in told] == ["SCHEDULE_STOPPED"]


def blocks(caller: Caller, wish: dict[str, str]) -> set[str]:
    found = caller.did("POST", "/appointments/precheck", wish)
    return {one["code"] for one in found["blocks"]} - {CAPTCHA}
