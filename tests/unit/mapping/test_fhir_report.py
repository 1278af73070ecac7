"""A result as FHIR: each kind of value as its type, nothing twice, and what a later version takes back."""

import json
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir_desk import BusError, bundle, report, resources

from tests import corpora

corpora.need()

HEAD = "MSH|^~\\&|LIS||HIP||20261120093000||ORU^R01|1|P|2.4||||||UNICODE UTF-8\rPID|1||P1||^张三||19000307|M\r"
EARLIER = {"newest": True, "earlier": True, "gone": [{"id": "WBC", "name": "白细胞"}]}


def read(*lines: str, state: str = "F") -> dict[str, Any]:
    order = f"OBR|1|O1|R1|CBC^血常规||||||||||||1001^^李医生||||||20261120092500||检验|{state}|||||||1001^^李医生"
    return report((HEAD + "\r".join((order, *lines))).encode())


def made(*lines: str, state: str = "F", newest: dict[str, Any] | None = None) -> dict[str, Any]:
    found = bundle(read(*lines, state=state), newest)
    Bundle.model_validate_json(json.dumps(found))
    return found


def values(*lines: str) -> list[dict[str, Any]]:
    found = resources(made(*lines), "Observation")
    return [
        {key: value for key, value in one.items() if key.startswith("value") or key == "dataAbsentReason"}
        for one in found
    ]


@pytest.mark.parametrize(
    ("kind", "text", "unit", "value"),
    [
        ("NM", "12.50", "mmol/L", {"valueQuantity": {"value": 12.5, "unit": "mmol/L"}}),
        ("NM", "<5", "", {"valueString": "<5"}),
        ("NM", "1~2", "", {"valueString": "1\n2"}),
        ("SN", "<^5", "mg/L^毫克^UCUM",
         {"valueQuantity": {"value": 5, "comparator": "<", "unit": "毫克", "code": "mg/L", "system": "http://unitsofmeasure.org"}}),
        ("SN", "^5", "", {"valueQuantity": {"value": 5}}),
        ("SN", "^2^-^4", "个", {"valueRange": {"low": {"value": 2, "unit": "个"}, "high": {"value": 4, "unit": "个"}}}),
        ("SN", "^1^:^40", "", {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 40}}}),
        ("SN", "^3^+", "", {"valueString": "3 +"}),
        ("SN", "<>^5", "", {"valueString": "<> 5"}),
        ("CE", "260385009^阴性^SCT^NEG^阴^L", "",
         {"valueCodeableConcept": {"coding": [
             {"code": "260385009", "system": "http://snomed.info/sct", "display": "阴性"}, {"code": "NEG", "display": "阴"},
         ], "text": "阴性"}}),
        ("CWE", "^阳性", "", {"valueCodeableConcept": {"coding": [{"display": "阳性"}], "text": "阳性"}}),
        ("ST", "阴性", "", {"valueString": "阴性"}),
        ("FT", "第一行\\.br\\第二行", "", {"valueString": "第一行\n第二行"}),
        ("DT", "20261119", "", {"valueDateTime": "2026-11-19"}),
        ("TS", "20261119080000", "", {"valueDateTime": "2026-11-19T08:00:00+08:00"}),
        ("TM", "0830", "", {"valueTime": "08:30:00"}),
        ("NR", "2^4", "", {"valueString": "2 4"}),
        ("ST", "", "", {}),
    ],
)  # fmt: skip
def test_each_type_of_value_is_its_own(kind: str, text: str, unit: str, value: dict[str, Any]) -> None:
    assert values(f"OBX|1|{kind}|A^甲||{text}|{unit}|||||F") == [value]


def test_a_number_keeps_its_digits() -> None:
    document = read("OBX|1|NM|WBC^白细胞||12.50|||||F")
    assert document["observations"][0]["number"] == "12.50"


def test_what_was_not_asked_has_no_value_and_says_so() -> None:
    (said,) = values("OBX|1|ST|A^甲||||||||N")
    assert said["dataAbsentReason"]["coding"][0]["code"] == "not-asked"


def test_results_of_one_code_are_told_apart_and_keep_their_names() -> None:
    first = read("OBX|1|NM|A^甲||1", "OBX|2|NM|A^甲||2", "OBX|3|NM|A^甲|1|3", "OBX|4|NM|B^乙||4", "OBX|5|NM|A.2^丙||5")
    assert [one["id"] for one in first["observations"]] == ["A", "A.3", "A.1", "B", "A.2"]
    later = read("OBX|1|NM|B^乙||4", "OBX|2|NM|A^甲||1")
    assert [one["id"] for one in later["observations"]] == ["B", "A"]


def test_one_doctor_who_orders_and_reads_is_one_practitioner() -> None:
    found = made("OBX|1|NM|A^甲||1|||||F")
    (doctor,) = resources(found, "Practitioner")
    assert doctor["name"] == [{"text": "李医生"}]
    url = next(entry["fullUrl"] for entry in found["entry"] if entry["resource"] is doctor)
    assert resources(found, "ServiceRequest")[0]["requester"]["reference"] == url
    assert resources(found, "DiagnosticReport")[0]["resultsInterpreter"][0]["reference"] == url


def test_notes_stand_where_they_were_written() -> None:
    found = made("NTE|1|L|急", "OBX|1|NM|A^甲||1|||||F", "NTE|1|L|已复查", "OBX|2|NM|B^乙||2|||||F")
    assert resources(found, "ServiceRequest")[0]["note"] == [{"text": "急"}]
    assert [one.get("note") for one in resources(found, "Observation")] == [[{"text": "已复查"}], None]


def test_texts_of_imaging_are_results_and_the_conclusion_stands_in_the_report() -> None:
    found = made(
        "OBX|1|FT|GDT^检查所见||清晰||||||F",
        "OBX|2|FT|IMP^诊断结论||未见异常||||||F",
        "OBX|3|RP|URL||http://pacs/1^PACS^application^pdf||||||F",
    )
    (one,) = resources(found, "DiagnosticReport")
    assert (one["conclusion"], one["presentedForm"][0]["url"]) == ("未见异常", "http://pacs/1")
    assert len(one["result"]) == len(resources(found, "Observation")) == 2


def test_a_result_that_a_correction_leaves_out_is_marked_and_not_in_the_report() -> None:
    found = made("OBX|1|NM|CRP^C反应蛋白||1|||||C", state="C", newest=EARLIER)
    stands, gone = resources(found, "Observation")
    assert (stands["status"], gone["status"]) == ("corrected", "entered-in-error")
    assert gone["identifier"][0]["value"] == "R1.WBC"
    urls = [entry["fullUrl"] for entry in found["entry"] if entry["resource"] is stands]
    assert [one["reference"] for one in resources(found, "DiagnosticReport")[0]["result"]] == urls


@pytest.mark.parametrize(
    ("state", "newest", "status"),
    [
        ("X", EARLIER, "entered-in-error"),
        ("X", {"newest": True, "earlier": False, "gone": []}, "cancelled"),
        ("D", EARLIER, "entered-in-error"),
        ("W", None, "entered-in-error"),
        ("P", None, "preliminary"),
        ("A", None, "partial"),
        ("I", None, "registered"),
        ("U", None, "final"),
        ("?", None, "unknown"),
    ],
)
def test_the_state_of_a_report(state: str, newest: dict[str, Any] | None, status: str) -> None:
    (found,) = resources(made(state=state, newest=newest), "DiagnosticReport")
    assert found["status"] == status
    assert "result" not in found


def test_of_what_is_withdrawn_no_result_stands() -> None:
    found = made("OBX|1|NM|WBC^白细胞||1|||||X", state="X", newest=EARLIER)
    assert {one["status"] for one in resources(found, "Observation")} == {"entered-in-error"}


def test_the_same_report_is_the_same_bundle() -> None:
    assert made("OBX|1|NM|A^甲||1|||||F") == made("OBX|1|NM|A^甲||1|||||F")


def messages() -> list[bytes]:
    """Every ORU^R01 of the corpora."""
    files = sorted(path for folder in corpora.CORPORA.glob("hl7v2-*") for path in folder.rglob("*.hl7"))
    raws = (path.read_bytes() for path in files)
    return [raw for raw in raws if raw.startswith(b"MSH") and b"ORU^R01" in raw[:200]]


def outcome(raw: bytes) -> str | None:
    """The place for which a message is refused; None: its Bundle is valid."""
    try:
        Bundle.model_validate_json(json.dumps(bundle(report(raw))))
    except BusError as error:
        return error.spot or ""
    return None


def test_every_result_that_others_wrote_is_valid_or_refused_with_a_field() -> None:
    spots = [outcome(raw) for raw in messages()]
    assert all(spot is None or "-" in spot for spot in spots), "a refusal names a field"
    assert spots.count(None) >= 17
