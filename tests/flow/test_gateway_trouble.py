"""The message platform fails in every way it can: each patient is told once, in order, and reports stay readable."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.flow.house import House
from tests.flow.site import ABSENT_AFTER, eventually

DONE = {
    "done_but_no_answer": {"times": 2},
    "half_reply": {"times": 2},
    "wrong_charset": {"times": 2},
    "duplicate_reply": {"times": 3},
    "delay": {"times": 2, "amount": 0.4},
}
ANSWERED = ("duplicate_reply", "delay")
"""Of those: the answer can be read, so nothing has to be asked."""
NOT_DONE = {
    "reset_before": {"times": 1},
    "reset_after": {"times": 1},
    "silence": {"times": 1, "amount": 30},
}


def three_of_one_patient(house: House) -> list[str]:
    """Three reports in the order of their sending."""
    patient = house.look("/patients", limit=1)["rows"][0]
    sender = f"lis-{patient['campus']}"
    return [house.publish(sender=sender, patient=patient["id"]) for _ in range(3)]


def calls(house: House, report: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What went over the wire about a message that arrived: sendings of its one body, and questions; oldest first."""
    (told,) = house.told(report)
    rows = house.look("/ledger/calls", system="gateway", limit=5000)["rows"][::-1]
    body = next(row["digest"] for row in rows if row["id"] == told["call"])
    sendings = [row for row in rows if row["digest"] == body]
    return sendings, [row for row in rows if row["path"].endswith(f"msgId={told['msg_id']}")]


def stored(house: House, reports: list[str]) -> list[str]:
    """Those of the reports that the store has, in the order of their first row."""
    with closing(sqlite3.connect(f"{(house.site / 'var/reports.db').as_uri()}?mode=ro", uri=True)) as store:
        kept = [row[0] for row in store.execute("select report_id from reports order by rowid")]
    return [report for report in kept if report in reports]


def assert_each_once_in_order(house: House, reports: list[str]) -> None:
    patient = house.report(reports[0])["patient"]["id"]
    rows = house.look("/ledger/gateway", patient=patient, limit=5000)["rows"][::-1]
    assert [row["params"]["reportNo"] for row in rows if row["params"]["reportNo"] in reports] == reports
    assert stored(house, reports) == reports
    assert house.verdicts(*reports) == {"ok": len(reports)}


@pytest.mark.parametrize("kind", DONE)
def test_what_was_done_is_not_done_again(house: House, kind: str) -> None:
    house.fault("gateway", kind, **DONE[kind])
    reports = three_of_one_patient(house)
    house.quiet()
    assert_each_once_in_order(house, reports)
    sendings, questions = calls(house, reports[0])
    assert len(sendings) == 1
    assert bool(questions) is (kind not in ANSWERED)


@pytest.mark.parametrize("kind", NOT_DONE)
def test_what_was_not_done_is_sent_again_once_that_is_sure(house: House, kind: str) -> None:
    house.fault("gateway", kind, **NOT_DONE[kind])
    reports = three_of_one_patient(house)
    house.quiet()
    assert_each_once_in_order(house, reports)
    sendings, questions = calls(house, reports[0])
    assert [row["code"] for row in questions][-1] == "1404"
    assert sendings[-1]["at"] - house.sent(reports[0])[0]["ack_at"] >= ABSENT_AFTER * 1_000_000


def test_a_busy_platform_is_asked_again_later(house: House) -> None:
    house.fault("gateway", "refusal", times=2)
    reports = three_of_one_patient(house)
    house.quiet()
    assert_each_once_in_order(house, reports)
    sendings, questions = calls(house, reports[0])
    assert [row["code"] for row in sendings] == ["1500", "1500", "0"]
    assert questions == []


def test_a_platform_that_is_down_holds_up_nothing_else(house: House) -> None:
    house.fault("gateway", "down")
    reports = three_of_one_patient(house)
    eventually(lambda: len(stored(house, reports)) == 3, what="the report store has them")
    assert all(house.shown(report) for report in reports)
    assert house.bus.open() == 3
    house.heal()
    house.quiet()
    assert_each_once_in_order(house, reports)


def test_a_slow_platform_gets_everything_in_order(house: House) -> None:
    house.fault("gateway", "delay", amount=0.1)
    house.post("/burst", count=60, connections=6, sender="lis-main")
    house.quiet()
    newest = house.look("/reports", sender="lis-main", limit=60)["rows"]
    assert house.verdicts(*(row["id"] for row in newest)) == {"ok": 60}
    for patient in {row["patient"] for row in newest}:
        mine = [row["id"] for row in newest[::-1] if row["patient"] == patient]
        assert_each_once_in_order(house, mine)
