"""A result reaches the report store and the patient's message, and each later version does what it should."""

import pytest

from tests.flow.house import House


@pytest.mark.parametrize("kind", ["lab", "exam"])
def test_a_result_is_shown_and_told(house: House, kind: str) -> None:
    report = house.publish(kind)
    house.quiet()
    truth = house.report(report)
    assert house.scenes(report) == ["REPORT_READY"]
    (told,) = house.told(report)
    assert told["mobile"] == truth["patient"]["mobile"]
    assert told["params"]["name"] == truth["patient"]["name"]
    line = house.shown(report)
    assert line is not None
    assert (line["state"], line["title"], line["kind"]) == ("FINAL", truth["report"]["title"], kind.upper())
    assert house.verdicts(report) == {"ok": 1}


def test_a_correction_replaces(house: House) -> None:
    report = house.publish("exam")
    house.act("correct", report)
    house.quiet()
    status, said = house.detail(report)
    assert (status, said["data"]["state"]) == (200, "CORRECTED")
    assert "(更正报告)" in said["data"]["impression"]
    assert house.scenes(report) == ["REPORT_READY", "REPORT_CORRECTED"]
    assert house.verdicts(report) == {"ok": 2}


def test_a_withdrawal_is_shown_as_such_and_told(house: House) -> None:
    report = house.publish("lab")
    house.act("withdraw", report)
    house.quiet()
    line = house.shown(report)
    assert line is not None
    assert line["state"] == "WITHDRAWN"
    status, said = house.detail(report)
    assert (status, said["code"]) == (409, "STATE_CONFLICT")
    assert house.scenes(report) == ["REPORT_READY", "REPORT_WITHDRAWN"]


def test_what_is_preliminary_is_neither_shown_nor_told(house: House) -> None:
    report = house.publish("lab", status="P")
    house.quiet()
    assert house.shown(report) is None
    status, said = house.detail(report)
    assert (status, said["code"]) == (409, "STATE_CONFLICT")
    assert house.told(report) == []
    house.act("final", report)
    house.quiet()
    line = house.shown(report)
    assert line is not None
    assert line["state"] == "FINAL"
    assert house.scenes(report) == ["REPORT_READY"]


def test_a_final_report_taken_back_for_review_disappears(house: House) -> None:
    report = house.publish("lab")
    house.quiet()
    assert house.shown(report) is not None
    house.act("preliminary", report)
    house.quiet()
    assert house.shown(report) is None
    assert house.detail(report)[0] == 409
    assert house.scenes(report) == ["REPORT_READY"]


def test_a_late_old_version_replaces_nothing_and_nobody_is_told_twice(house: House) -> None:
    report = house.publish("exam")
    house.act("correct", report)
    house.act("late-old-version", report)
    house.quiet()
    status, said = house.detail(report)
    assert (status, said["data"]["state"]) == (200, "CORRECTED")
    assert house.scenes(report) == ["REPORT_READY", "REPORT_CORRECTED"]


@pytest.mark.parametrize("new_id", [False, True], ids=["same control id", "new control id"])
def test_a_message_sent_again_is_a_duplicate(house: House, new_id: bool) -> None:
    report = house.publish("lab")
    house.quiet()
    before = house.messages()
    house.act("resend", report, new_id=new_id)
    house.quiet()
    assert [row["outcome"] for row in house.sent(report)] == ["accepted", "accepted"]
    assert house.messages() == before
    assert house.scenes(report) == ["REPORT_READY"]


def test_a_sender_that_restarts_its_numbers_loses_no_result(house: House) -> None:
    house.post("/restart-numbering", sender="lis-north")
    first = [house.publish(sender="lis-north") for _ in range(3)]
    house.quiet()
    house.post("/restart-numbering", sender="lis-north")
    second = [house.publish(sender="lis-north") for _ in range(3)]
    house.quiet()
    numbers = [[house.sent(report)[0]["control_id"] for report in reports] for reports in (first, second)]
    assert numbers == [["1", "2", "3"]] * 2
    assert house.verdicts(*first, *second) == {"ok": 6}
    assert all(house.shown(report) for report in (*first, *second))
