"""Which bookings a stopped period concerns."""

import pytest
from rules_desk import asked, said

from engine.rules.stops import affected, refund_by_hand

STOP = {"schedule_id": "S1", "begin": "08:00", "end": "10:00"}


def booking(number="B1", **more):
    return {"booking_no": number, "schedule_id": "S1", "state": "BOOKED", "begin": "08:30", **more}


def meant(stop, *bookings):
    return [one["booking_no"] for one in affected(asked({**stop, "bookings": list(bookings)}))["bookings"]]


@pytest.mark.parametrize(
    ("more", "is_meant"),
    [
        ({}, True),
        ({"begin": "08:00"}, True),
        ({"begin": "09:59"}, True),
        ({"begin": "10:00"}, False),
        ({"begin": "07:30"}, False),
        ({"begin": None}, True),
        ({"schedule_id": "S2"}, False),
        ({"state": "STOPPED"}, True),
        ({"state": "REGISTERED"}, True),
        ({"state": None}, True),
        ({"state": "CANCELLED"}, False),
        ({"state": "VISITED"}, False),
        ({"state": "MISSED"}, False),
    ],
)
def test_a_period_concerns_what_stands_in_it(more, is_meant):
    assert meant(STOP, booking(**more)) == (["B1"] if is_meant else [])


def test_without_times_the_whole_session_is_meant():
    assert meant({"schedule_id": "S1"}, booking(), booking("B2", begin="11:00"), booking("B3", schedule_id="S2")) == [
        "B1",
        "B2",
    ]


def test_a_notice_of_one_booking_means_that_one():
    assert meant({**STOP, "booking_no": "B2"}, booking(), booking("B2", schedule_id=None)) == ["B2"]
    assert meant(STOP) == []


def test_money_is_given_back_by_a_person():
    assert said(refund_by_hand(asked({"booking_no": "B1"}))) == "NOT_REFUNDABLE"
