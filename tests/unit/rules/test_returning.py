"""Returning: each cut-off of the rule table, before, at and after its moment."""

import pytest
from pydantic import ValidationError
from rules_desk import asked, said

from engine.rules.returning import refundable, require_refundable
from engine.settings.conduct import Cutoff

VISIT = {"date": "2026-11-20", "begin": "10:00", "end": "10:30", "state": "BOOKED", "visit_type": "BOOKING"}
DAY = "2026-11-20T"


def found(at, document=VISIT, **returning):
    return refundable(asked(document, at, returning=returning))


@pytest.mark.parametrize(
    ("cutoff", "last", "over"),
    [
        ({"by": "day_before", "at": "17:00"}, "2026-11-19T16:59:59", "2026-11-19T17:00:00"),
        ({"by": "same_day", "at": "08:00"}, DAY + "07:59:59", DAY + "08:00:00"),
        ({"by": "before_begin", "before": "2h"}, DAY + "07:59:59", DAY + "08:00:00"),
        ({"by": "before_begin", "before": "30m"}, DAY + "09:29:59", DAY + "09:30:00"),
        ({"by": "begin"}, DAY + "09:59:59", DAY + "10:00:00"),
        ({"by": "end"}, DAY + "10:29:59", DAY + "10:30:00"),
        ({"by": "before_end", "before": "10m"}, DAY + "10:19:59", DAY + "10:20:00"),
    ],
)
def test_the_moment_of_each_cut_off(cutoff, last, over):
    rule = " ".join(cutoff.values())
    expected = {"refundable": True, "rule": rule, "deadline": over + "+08:00"}
    assert found(last, booking=cutoff) == expected
    assert found(over, booking=cutoff) == {**expected, "refundable": False, "code": "REFUND_WINDOW_CLOSED"}


def test_without_a_limit_there_is_no_deadline():
    assert found("2030-01-01T00:00:00", booking={"by": "unlimited"}) == {"refundable": True, "rule": "unlimited"}


def test_of_today_another_rule_holds_than_of_what_was_booked_ahead():
    today = {**VISIT, "visit_type": "TODAY"}
    rules = {"booking": {"by": "day_before", "at": "17:00"}, "today": {"by": "end"}}
    assert found(DAY + "10:00:00", today, **rules)["refundable"]
    assert found(DAY + "10:00:00", **rules)["code"] == "REFUND_WINDOW_CLOSED"
    assert found(DAY + "09:00:00", today, today=None)["code"] == "NOT_REFUNDABLE"


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (DAY + "11:00:00", None),
        ("2026-11-27T23:59:59", None),
        ("2026-11-28T00:00:00", "REFUND_WINDOW_CLOSED"),
    ],
)
def test_what_was_missed_can_be_returned_for_seven_days(at, code):
    missed = {**VISIT, "state": "MISSED"}
    assert found(at, missed, missed_days=7).get("code") == code
    assert found(at, missed)["code"] == "NOT_REFUNDABLE"


def test_what_is_paid_is_not_cancelled_without_its_money():
    assert found(DAY + "06:00:00", {**VISIT, "paid": False})["refundable"]
    assert found(DAY + "06:00:00", {**VISIT, "paid": True}) == {
        "refundable": False,
        "rule": "paid",
        "code": "NOT_REFUNDABLE",
    }
    assert said(require_refundable(asked({**VISIT, "paid": True}))) == "NOT_REFUNDABLE"


@pytest.mark.parametrize(
    ("state", "code"),
    [("VISITED", "ALREADY_VISITED"), ("CHECKED_IN", "ALREADY_CHECKED_IN"), ("CANCELLED", "STATE_CONFLICT")],
)
def test_some_states_end_it_whatever_the_hour(state, code):
    assert found(DAY + "06:00:00", {**VISIT, "state": state})["code"] == code
    assert said(require_refundable(asked({**VISIT, "state": state}))) == code


def test_one_refund_at_a_time():
    assert found(DAY + "06:00:00", {**VISIT, "refunding": True})["code"] == "REFUND_PENDING"


def test_without_clock_times_the_whole_day_counts():
    day = {"date": "2026-11-20", "state": "BOOKED"}
    assert found(DAY + "23:59:59", day, booking={"by": "end"})["refundable"]
    assert found(DAY + "00:00:00", day, booking={"by": "begin"})["code"] == "REFUND_WINDOW_CLOSED"


@pytest.mark.parametrize("wrong", [{"by": "day_before"}, {"by": "begin", "at": "17:00"}, {"by": "before_end"}])
def test_a_cut_off_has_what_it_needs_and_no_more(wrong):
    with pytest.raises(ValidationError):
        Cutoff(**wrong)
