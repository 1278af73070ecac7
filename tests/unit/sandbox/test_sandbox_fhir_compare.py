"""What the repository has beside what was acknowledged: every way in which it can be wrong has its word."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hospital_peer import until

from sandbox.fhir.compare import compare
from sandbox.hospital import Hospital
from sandbox.reports import Wish
from sandbox.times import SECOND

Change = Callable[[dict[str, dict[str, Any]]], None]


async def published(hospital: Hospital) -> dict[str, Any]:
    """An imaging report, acknowledged, with its newest version."""
    made = hospital.desk.publish(Wish(kind="exam", sender="pacs-main"))
    await until(lambda: hospital.store.value("select count(*) from outbox where state = 'acked'"))
    query = "select v.*, r.patient from versions v join reports r on r.id = v.report where report = ?"
    row: dict[str, Any] = hospital.store.all(query, made["report"])[0]
    return row


def resources(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The report as it should stand, by its number on the shelf."""
    number = row["report"]
    results = {
        f"{place}": {
            "identifier": [{"system": "urn:h/result", "value": f"{number}.{code}"}],
            "status": "final",
            "subject": {"reference": "Patient/1"},
        }
        for place, code in ((2, "GDT"), (3, "IMP"))
    }
    report = {
        "identifier": [{"system": "urn:h/report", "value": number}],
        "status": "final",
        "subject": {"reference": "Patient/1"},
        "issued": datetime.fromtimestamp(row["at"] // SECOND, UTC).isoformat(),
        "result": [{"reference": "Observation/2"}, {"reference": "Observation/3"}],
    }
    return {"1": {"identifier": [{"system": "urn:h/patient", "value": row["patient"]}]}, **results, "4": report}


def verdicts(hospital: Hospital, made: dict[str, dict[str, Any]]) -> dict[str, int]:
    shelf = hospital.fhir.shelf
    for number, content in made.items():
        kind = "Patient" if number == "1" else "DiagnosticReport" if "issued" in content else "Observation"
        shelf.keep(kind, number, content, 1, "2026-11-20T00:00:00Z")
    found: dict[str, int] = compare(hospital.store, shelf)["summary"]
    return found


async def test_a_report_as_it_was_sent_is_ok(hospital: Hospital) -> None:
    row = await published(hospital)
    assert compare(hospital.store, hospital.fhir.shelf)["summary"] == {"missing": 1}
    assert verdicts(hospital, resources(row)) == {"ok": 1}


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda made: made["4"].update(issued="2026-11-01T00:00:00Z"), "stale"),
        (lambda made: made["4"].update(status="corrected"), "wrong"),
        (lambda made: made["4"]["result"].pop(), "wrong"),
        (lambda made: made["3"].update(status="entered-in-error"), "wrong"),
        (lambda made: made["1"]["identifier"][0].update(value="somebody else"), "wrong"),
        (lambda made: made.update({"5": made["4"]}), "duplicate"),
        (lambda made: made.update({"5": {**made["4"], "identifier": []}}), "unexpected"),
    ],
)
async def test_what_is_wrong_has_its_word(hospital: Hospital, change: Change, verdict: str) -> None:
    made = resources(await published(hospital))
    change(made)
    assert verdict in verdicts(hospital, made)
