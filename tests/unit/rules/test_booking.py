"""What stands against a booking: limits by doctor, day, week and month, hours of the captcha, missing data."""

import pytest
from rules_desk import asked, said

from engine.rules.booking import booking_limits, captcha, precheck, require_bookable

WANTED = {"patient_id": "P1", "date": "2026-11-20", "doctor_id": "D1", "schedule_id": "S1"}
WHOLE = {
    "name": "张三", "id_type": "ID_CARD", "id_no": "110101190003070010", "sex": "male", "birth_date": "1900-03-07",
    "mobile": "13800001234",
}  # fmt: skip
RUSH = {"captcha": {"windows": ["18:50-19:30"], "provider": "tencent", "app_id": "1"}}


def booked(*dates, doctor="D2", **more):
    return [{"date": day, "doctor_id": doctor, "state": "BOOKED", **more} for day in dates]


def codes(document, at="2026-11-20T07:00:00", **rules):
    return [block["code"] for block in precheck(asked({**WANTED, **document}, at, **rules))["blocks"]]


def test_nothing_stands_against_it():
    assert precheck(asked(WANTED)) == {"ok": True, "blocks": []}
    assert said(require_bookable(asked(WANTED))) == {"ok": True, "blocks": []}


def test_everything_is_said_the_weightiest_first():
    document = {
        "stopped": True,
        "blacklisted": True,
        "patient": {"name": "张三"},
        "bookings": booked("2026-11-20", doctor="D1", schedule_id="S1"),
    }
    found = codes(document, "2026-11-20T19:00:00", **RUSH)
    assert found == ["SCHEDULE_STOPPED", "BLACKLISTED", "PATIENT_INCOMPLETE", "DUPLICATE_BOOKING", "BOOKING_LIMIT",
                     "CAPTCHA_REQUIRED"]  # fmt: skip
    assert said(require_bookable(asked({**WANTED, **document}))) == "SCHEDULE_STOPPED"


@pytest.mark.parametrize(
    ("bookings", "limits", "reached"),
    [
        (booked("2026-11-20", doctor="D1"), {}, ["per_doctor_day"]),
        (booked("2026-11-21", doctor="D1"), {}, []),
        (booked(*["2026-11-20"] * 4), {}, ["per_day"]),
        (booked(*["2026-11-20"] * 3), {}, []),
        (booked("2026-11-16", "2026-11-22"), {"per_week": 2}, ["per_week"]),  # Monday and Sunday
        (booked("2026-11-15", "2026-11-23"), {"per_week": 2}, []),
        (booked("2026-11-01", "2026-11-30"), {"per_month": 2}, ["per_month"]),
        (booked("2026-10-31", "2026-12-01"), {"per_month": 2}, []),
    ],
)
def test_each_limit_counts_its_own(bookings, limits, reached):
    blocks = precheck(asked({**WANTED, "bookings": bookings}, limits=limits))["blocks"]
    assert [block["limit"] for block in blocks] == reached


def test_what_was_given_back_is_counted_as_cancelled_and_not_as_booked():
    given_back = [{"date": "2026-11-20", "doctor_id": "D1", "state": "CANCELLED", "cancelled_on": "2026-11-20"}]
    assert codes({"bookings": given_back}) == []
    assert codes({"bookings": given_back * 3}) == ["BOOKING_LIMIT"]
    assert codes({"bookings": given_back * 3}, "2026-11-21T07:00:00") == []
    stopped = booked(*["2026-11-20"] * 4, doctor="D1")
    assert codes({"bookings": [{**one, "state": "STOPPED"} for one in stopped]}) == []


def test_what_is_left_is_told():
    found = booking_limits(asked({**WANTED, "bookings": booked("2026-11-20")}, limits={"per_month": 3}))["items"]
    left = {item["limit"]: (item["allowed"], item["used"], item["left"]) for item in found}
    assert left == {
        "per_doctor_day": (1, 0, 1), "per_day": (4, 1, 3), "per_month": (3, 1, 2), "cancels_per_day": (3, 0, 3),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("clock", "required"),
    [("18:49:59", False), ("18:50:00", True), ("19:29:59", True), ("19:30:00", False)],
)
def test_the_captchas_hours(clock, required):
    at = f"2026-11-20T{clock}"
    found = captcha(asked({}, at, **RUSH))
    assert (found["required"], found["windows"]) == (required, [{"from": "18:50", "to": "19:30"}])
    assert codes({}, at, **RUSH) == (["CAPTCHA_REQUIRED"] if required else [])
    assert codes({"captcha_passed": True}, at, **RUSH) == []


def test_a_window_may_pass_midnight():
    night = {"captcha": {"windows": ["23:50-00:10"]}}
    assert [captcha(asked({}, f"2026-11-20T{at}", **night))["required"] for at in ("23:49", "23:50", "00:09", "00:10")] == [
        False, True, True, False,
    ]  # fmt: skip


def test_a_whole_patient_may_book():
    assert codes({"patient": WHOLE}) == []
    assert said(require_bookable(asked({**WANTED, "patient": {**WHOLE, "mobile": " "}}))) == "PATIENT_INCOMPLETE"
