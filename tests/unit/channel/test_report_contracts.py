"""The report operations of mappings/contracts/reports.yaml: which reports patients see."""

import pytest

from engine.base.errors import BusError, Code

REPORT = {"report_id": "R1", "kind": "LAB", "state": "final", "patient_id": "P1"}


@pytest.mark.parametrize("state", ["preliminary", "unknown", None])
async def test_only_released_and_withdrawn_reports_are_listed(app_desk, state):
    app_desk.serves = {"reports": [{**REPORT, "state": state}, {**REPORT, "report_id": "R2"}]}
    _, body, _ = await app_desk.call("GET", "/api/v1/patients/P1/reports")
    assert [entry["reportId"] for entry in body["data"]] == ["R2"]


async def test_no_reports_are_an_empty_list(app_desk):
    for nothing in ({}, {"reports": None}, {"reports": []}):
        app_desk.serves = nothing
        status, body, _ = await app_desk.call("GET", "/api/v1/patients/P1/reports")
        assert (status, body["data"]) == (200, [])


async def test_a_laboratory_report_is_no_examination(app_desk):
    app_desk.serves = {"report": REPORT}
    assert (await app_desk.call("GET", "/api/v1/reports/exam/R1"))[1]["code"] == "NOT_FOUND"
    assert (await app_desk.call("GET", "/api/v1/reports/lab/R1"))[1]["code"] == "OK"


@pytest.mark.parametrize("state", ["preliminary", "withdrawn"])
async def test_what_is_not_shown_says_why_in_words_and_shows_nothing(app_desk, state):
    app_desk.serves = {"report": {**REPORT, "state": state, "title": "血常规"}}
    status, body, _ = await app_desk.call("GET", "/api/v1/reports/lab/R1")
    assert (status, body["code"], body["data"]) == (409, "STATE_CONFLICT", None)
    assert (
        body["message"] == {"preliminary": "报告尚未审核，请稍后查询", "withdrawn": "报告已撤回，请联系开单科室"}[state]
    )
    assert "血常规" not in str(body)
    _, body, _ = await app_desk.call("GET", "/api/v1/reports/lab/R1", more={"accept-language": "en"})
    assert body["message"].isascii()


async def test_susceptibilities_stand_by_themselves(app_desk):
    items = [
        {"code": "CULT", "name": "细菌培养", "value": "大肠埃希菌", "flag": "A", "group": "1"},
        {"code": "AMK", "name": "阿米卡星", "value": "<=2", "flag": "S", "group": "1"},
        {"code": "AMP", "name": "氨苄西林", "value": ">=32", "flag": "R", "group": "1"},
    ]
    app_desk.serves = {"report": {**REPORT, "items": items}}
    data = (await app_desk.call("GET", "/api/v1/reports/lab/R1"))[1]["data"]
    assert [item["code"] for item in data["items"]] == ["CULT"]
    assert [(one["drug"], one["flag"], one["group"]) for one in data["antibiogram"]] == [
        ("阿米卡星", "S", "1"),
        ("氨苄西林", "R", "1"),
    ]


async def test_one_odd_row_does_not_hide_the_others(app_desk):
    app_desk.serves = {"reports": [{**REPORT, "reported_at": "yesterday"}, {**REPORT, "report_id": "R2"}]}
    status, body, _ = await app_desk.call("GET", "/api/v1/patients/P1/reports")
    assert status == 200
    assert [(one["reportId"], one["reportTime"]) for one in body["data"]] == [("R1", None), ("R2", None)]


@pytest.mark.parametrize(
    "served",
    [{"reports": {"a": 1}}, {"reports": [{"kind": "LAB", "state": "final"}]}, {"reports": [{**REPORT, "kind": "XX"}]}],
)
async def test_a_reply_that_the_contract_cannot_say_is_named_as_such(app_desk, served):
    app_desk.serves = served
    status, body, _ = await app_desk.call("GET", "/api/v1/patients/P1/reports")
    assert (status, body["code"]) == (502, "BACKEND_FORMAT")
    assert body["data"]["fields"][0]["field"].startswith("reports")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-13-01", "from"),
        ("from=20261101", "from"),
        ("to=2026-02-30", "to"),
        ("kind=XRAY", "kind"),
        ("kind=LAB&kind=EXAM", "kind"),
        ("visitNo=a%20b", "visitNo"),
        ("page=1", "query"),
        ("%E5%BC%A0=1", "query"),
    ],
)
async def test_wrong_parameters_are_named_without_their_values(app_desk, query, field):
    status, body, _ = await app_desk.call("GET", f"/api/v1/patients/P1/reports?{query}")
    assert (status, body["code"]) == (400, "VALIDATION_FAILED")
    assert [fault["field"] for fault in body["data"]["fields"]] == [field]
    assert not app_desk.asked


async def test_every_fault_is_said_at_once(app_desk):
    _, body, _ = await app_desk.call("GET", "/api/v1/patients/%E5%BC%A0/reports?from=x&to=y")
    assert [fault["field"] for fault in body["data"]["fields"]] == ["patientId", "from", "to"]


async def test_the_audit_knows_the_patient_even_where_only_the_reply_names_him(app_desk):
    app_desk.serves = {"report": REPORT}
    await app_desk.call("GET", "/api/v1/reports/lab/R1")
    app_desk.serves = {"reports": [REPORT, {**REPORT, "report_id": "R2"}]}
    await app_desk.call("GET", "/api/v1/patients/P7/reports")
    app_desk.serves = BusError(Code.BACKEND_TIMEOUT)
    await app_desk.call("GET", "/api/v1/patients/P8/reports")
    assert [(r.operation, r.subject, r.result, r.count) for r in app_desk.records] == [
        ("report.lab.get", "P1", "OK", 1),
        ("report.list", "P7", "OK", 2),
        ("report.list", "P8", "BACKEND_TIMEOUT", 0),
    ]
    assert "P7" not in repr(app_desk.records)
