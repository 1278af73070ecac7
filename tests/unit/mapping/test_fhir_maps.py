"""Maps to FHIR: lists become resources, places inside them are checked by what they stand in."""

import json

import pytest
from fhir.resources.R4B.bundle import Bundle
from mapping_desk import CONTEXT, DOCUMENT, out, said

from engine.formats.fhir import Fhir
from engine.settings.problems import Problems

MAP = """
Bundle.type: =transaction
Patient:
  fields:
    "@write": =create
    identifier(0).system: =urn:h:patient
    identifier(0).value: patient.id
    gender: patient.sex
Encounter:
  when: guardian.id exists
  fields:
    identifier(0).system: =urn:h:visit
    identifier(0).value: guardian.id
    status: =finished
    class.code: =AMB
Observation:
  each: items
  fields:
    identifier(0).system: =urn:h:result
    identifier(0).value: "/patient.id & '.' & code"
    status: =final
    code.coding(0).code: code
    subject.reference: =Patient
    encounter.reference: =Encounter
    valueInteger: quantity
    component: {each: parts, fields: {code.text: no, valueString: no}}
DiagnosticReport.identifier(0).system: =urn:h:report
DiagnosticReport.identifier(0).value: patient.id
DiagnosticReport.status: =final
DiagnosticReport.code.text: =血常规
DiagnosticReport.result(0).reference: =Observation
"""


def bundle(document=DOCUMENT):
    made = json.loads(Fhir().render(out(MAP, wire=Fhir()).run(document, CONTEXT)))
    Bundle.model_validate(made)
    return [entry["resource"] for entry in made["entry"]], made


def test_a_report_becomes_a_transaction_that_the_models_accept():
    resources, made = bundle()
    assert [each["resourceType"] for each in resources] == ["Patient", "Observation", "Observation", "DiagnosticReport"]
    assert made["type"] == "transaction"
    assert resources[2]["valueInteger"] == 2
    assert len(resources[3]["result"]) == 2
    assert "encounter" not in resources[1]


def test_what_stands_under_a_condition_is_referred_to_when_it_stands():
    resources, made = bundle(DOCUMENT | {"guardian": {"id": "V1"}})
    assert resources[1]["resourceType"] == "Encounter"
    assert resources[2]["encounter"]["reference"] == made["entry"][1]["fullUrl"]


def test_lists_in_lists_are_checked_and_built():
    resources, _ = bundle(DOCUMENT | {"items": [{"code": "A", "parts": [{"no": "1"}, {"no": "2"}]}]})
    assert resources[1]["component"][1] == {"code": {"text": "2"}, "valueString": "2"}


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("gender:", "sex:", "8:5: Patient has no 'sex' in FHIR R4"),
        ("valueInteger:", "value:", "Observation has no 'value' in FHIR R4 (write which: value"),
        (
            "{code.text: no,",
            "{codes.text: no,",
            "Observation.component has no 'codes' in FHIR R4 (did you mean 'code'?)",
        ),
        ("class.code", "class(0).code", "Encounter.class is one, not a list (leave the position out)"),
        (
            "identifier(0).value: patient.id\n    g",
            "identifier.value: patient.id\n    g",
            "Patient.identifier is a list",
        ),
    ],
)
def test_a_wrong_place_is_a_finding_on_its_line(old, new, finding):
    problems = Problems()
    assert MAP.replace(old, new) != MAP
    out(MAP.replace(old, new), wire=Fhir(), problems=problems)
    assert any(finding in line for line in said(problems)), said(problems)
