"""A result stands at the clinical data repository once, as its newest version says it, whatever befalls the calls."""

from typing import Any

import pytest

from tests.flow.house import House
from tests.flow.site import eventually

TYPES = ("Patient", "Encounter", "ServiceRequest", "Specimen", "Observation", "DiagnosticReport")
SENDERS = {"lis-main": "lab", "lis-micro": "lab", "lis-lake": "lab", "pacs-lake": "exam"}


def kept(house: House) -> dict[str, tuple[int, int]]:
    """Resources and versions of each type."""
    return {row["type"]: (row["resources"], row["versions"]) for row in house.look("/fhir/counts")["rows"]}


def calls(house: House) -> list[dict[str, Any]]:
    """What the repository was asked, newest first."""
    rows: list[dict[str, Any]] = house.look("/ledger/calls", system="fhir", limit=5000)["rows"]
    return rows


@pytest.mark.parametrize("sender", SENDERS)
def test_a_result_arrives_with_all_that_belongs_to_it(house: House, sender: str) -> None:
    report = house.publish(SENDERS[sender], sender=sender)
    house.quiet()
    assert house.at_fhir(report) == "ok"
    before = kept(house)
    assert all(
        resources for kind, (resources, _) in before.items() if kind in {"Patient", "Encounter", "DiagnosticReport"}
    )
    house.act("resend", report, new_id=True)
    house.quiet()
    assert kept(house) == before


def test_a_correction_updates_and_a_withdrawal_marks(house: House) -> None:
    report = house.publish("lab")
    house.quiet()
    before = kept(house)
    house.act("correct", report)
    house.quiet()
    assert house.at_fhir(report) == "ok"
    after = kept(house)
    assert {kind: count for kind, (count, _) in after.items()} == {kind: count for kind, (count, _) in before.items()}
    assert after["DiagnosticReport"][1] == before["DiagnosticReport"][1] + 1
    house.act("withdraw", report)
    house.quiet()
    assert house.at_fhir(report) == "ok"
    assert kept(house)["Observation"][0] == after["Observation"][0]


def test_a_late_old_version_replaces_nothing(house: House) -> None:
    report = house.publish("exam")
    house.act("correct", report)
    house.quiet()
    before = kept(house)
    house.act("late-old-version", report)
    house.quiet()
    assert kept(house) == before
    assert house.at_fhir(report) == "ok"


@pytest.mark.parametrize("kind", ["done_but_no_answer", "half_reply", "wrong_charset"])
def test_what_was_done_is_asked_about_and_not_done_again(house: House, kind: str) -> None:
    first = calls(house)
    house.fault("fhir", kind, times=1)
    report = house.publish("lab")
    house.quiet()
    assert house.at_fhir(report) == "ok"
    made = [row["method"] for row in calls(house)[: len(calls(house)) - len(first)]]
    assert made.count("POST") == 1
    assert "GET" in made or kind == "wrong_charset"


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "refusal"])
def test_what_was_not_done_is_sent_again(house: House, kind: str) -> None:
    house.fault("fhir", kind, times=1)
    report = house.publish("exam")
    eventually(lambda: house.at_fhir(report) == "ok", what="the report is at the repository")
    house.quiet()
    assert house.verdicts(report) == {"ok": 1}
