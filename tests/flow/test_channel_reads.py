"""Reports read back over the unified API: who may see what, and what nobody may."""

import pytest

from tests.flow.house import House
from tests.flow.site import ask_journal, eventually
from tests.flow.wire import unsigned


@pytest.fixture
def report(house: House) -> str:
    """A released report of campus main."""
    number = house.publish("lab", sender="lis-main")
    house.quiet()
    return number


def patient_of(house: House, report: str) -> str:
    return str(house.report(report)["patient"]["id"])


def test_a_list_has_both_kinds_and_can_be_narrowed(house: House, report: str) -> None:
    patient = patient_of(house, report)
    exam = house.publish("exam", sender="pacs-main", patient=patient)
    house.quiet()
    path = f"/patients/{patient}/reports"
    found = {line["reportId"] for line in house.get(path)[1]["data"]}
    assert {report, exam} <= found
    only = {line["reportId"] for line in house.get(f"{path}?kind=EXAM")[1]["data"]}
    assert exam in only
    assert report not in only
    assert house.get(f"{path}?to=2000-01-01")[1]["data"] == []


def test_the_envelope_is_the_documented_one(house: House, report: str) -> None:
    status, said = house.get(f"/reports/lab/{report}")
    assert status == 200
    assert set(said) == {"code", "message", "data", "traceId", "backend"}
    assert (said["code"], said["backend"]["system"]) == ("OK", "reports")
    assert said["data"]["reportId"] == report
    assert said["data"]["items"]


@pytest.mark.parametrize("path", ["/patients/0000000001/reports", "/reports/lab/L1", "/reports/exam/R1"])
def test_nobody_reads_unsigned(house: House, path: str) -> None:
    status, said = unsigned(house.app().port, "/api/v1" + path)
    assert (status, said["code"]) == (401, "SIGN_INVALID")


def test_a_signature_holds_for_its_own_call_only(house: House, report: str) -> None:
    app = house.app()
    path = f"/api/v1/reports/lab/{report}"
    assert app.get(path, X_App_Id="north-app")[0] == 401
    assert app.get(path, X_Timestamp="1700000000")[0] == 401
    assert app.get(path, X_Signature="0" * 64)[0] == 401
    assert app.get(path)[0] == 200


def test_a_scope_that_was_not_given_is_missed(house: House, report: str) -> None:
    status, said = house.get(f"/reports/lab/{report}", app="narrow-app")
    assert (status, said["code"]) == (403, "PERMISSION_DENIED")


def test_an_application_of_one_campus_cannot_see_another(house: House, report: str) -> None:
    status, said = house.get(f"/reports/lab/{report}", campus="main", app="north-app")
    assert (status, said["code"]) == (403, "PERMISSION_DENIED")
    status, said = house.get(f"/reports/lab/{report}", campus=None, app="north-app")
    assert (status, said["code"]) == (404, "NOT_FOUND")
    patient = patient_of(house, report)
    assert house.get(f"/patients/{patient}/reports", campus=None, app="north-app")[1]["data"] == []


def test_a_report_is_found_at_its_own_campus(house: House) -> None:
    number = house.publish("exam", sender="pacs-north")
    house.quiet()
    assert house.get(f"/reports/exam/{number}", campus="north")[0] == 200
    assert house.get(f"/reports/exam/{number}", campus=None, app="north-app")[0] == 200
    assert house.get(f"/reports/exam/{number}", campus="main")[0] == 404


def test_what_is_not_there_is_not_found(house: House, report: str) -> None:
    status, said = house.get("/reports/lab/L000000000000")
    assert (status, said["code"]) == (404, "NOT_FOUND")
    assert house.get(f"/reports/exam/{report}")[0] == 404
    assert house.get("/reports/other/1")[0] == 404


def test_what_is_not_released_is_a_conflict(house: House) -> None:
    number = house.publish("lab", sender="lis-main", status="P")
    house.quiet()
    status, said = house.get(f"/reports/lab/{number}")
    assert (status, said["code"]) == (409, "STATE_CONFLICT")
    assert "items" not in str(said)


def test_every_read_stands_in_the_audit(house: House, report: str) -> None:
    house.get(f"/reports/lab/{report}")
    house.get(f"/reports/lab/{report}", app="narrow-app")

    def noted() -> set[tuple[str, str, str]]:
        return set(ask_journal(house.site, "select operation, client, code from reads"))

    wanted = {("report.lab.get", "demo-app", "OK"), ("report.lab.get", "narrow-app", "PERMISSION_DENIED")}
    eventually(lambda: wanted <= noted(), what="both reads are on record")
    ((channel, remote, effect, count, unmasked, trace),) = ask_journal(
        house.site,
        "select channel, remote, effect, count, unmasked, trace from reads where operation = ? and client = ? and code = ? limit 1",
        "report.lab.get",
        "demo-app",
        "OK",
    )
    assert (channel, remote, effect, count, bool(unmasked)) == ("", "127.0.0.1", "none", 1, False)
    assert trace
