"""FHIR: places are those of R4's resources, a Bundle is one that a server can take twice."""

import json
from urllib.parse import unquote

import pytest
from fhir.resources.R4B import get_fhir_model_class

from engine.base.errors import BusError
from engine.formats import fhir_paths
from engine.formats.fhir import Fhir
from engine.formats.format import Hints, PathError
from engine.formats.json import dump
from engine.formats.registry import make
from tests import corpora

FHIR = Fhir()
PATIENT = {"identifier": [{"system": "urn:h", "value": "P1"}], "gender": "male"}


def observation(number: str) -> dict:
    return {
        "identifier": [{"system": "urn:o", "value": number}],
        "status": "final",
        "code": {"text": "白细胞"},
        "subject": {"reference": "Patient"},
        "encounter": {"reference": "Encounter"},
    }


def report(*observations: dict) -> dict:
    return {
        "Bundle": {"type": "transaction"},
        "Patient": {"@write": "create", **PATIENT},
        "Observation": list(observations),
        "DiagnosticReport": {
            "identifier": [{"system": "urn:r", "value": "R1"}],
            "status": "final",
            "code": {"text": "血常规"},
            "subject": {"reference": "Patient"},
            "result": [{"reference": "Observation"}],
        },
    }


def rendered(tree: dict) -> dict:
    made = json.loads(FHIR.render(tree))
    get_fhir_model_class(made["resourceType"]).model_validate(made)
    return made


def test_it_is_found_by_its_name() -> None:
    assert isinstance(make("fhir", {"bearer": True}), Fhir)


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("Patient.name(0).given(1)", ("Patient", "name", 0, "given", 1)),
        ("Patient.birthDate", ("Patient", "birthDate")),
        ("Patient._birthDate.extension(0).valueDateTime", ("Patient", "_birthDate", "extension", 0, "valueDateTime")),
        ("Observation.valueQuantity.value", ("Observation", "valueQuantity", "value")),
        ("Observation.component(0).code.text", ("Observation", "component", 0, "code", "text")),
        ("Observation.referenceRange(0).low.value", ("Observation", "referenceRange", 0, "low", "value")),
        ("DiagnosticReport.result", ("DiagnosticReport", "result")),
        ("Observation", ("Observation",)),
        ("Organization(1).name", ("Organization", 1, "name")),
        ("Patient.@write", ("Patient", "@write")),
        ("Practitioner@reader.name(0).text", ("Practitioner@reader", "name", 0, "text")),
        ("Bundle.type", ("Bundle", "type")),
    ],
)
def test_a_place_of_a_resource(path: str, keys: tuple) -> None:
    target = FHIR.target(path)
    assert target.keys == keys
    assert target.lists


def test_inside_a_list_a_place_begins_at_the_entry() -> None:
    assert FHIR.target("code.text", "Observation").keys == ("code", "text")
    assert FHIR.target("valueString", "Observation.component").keys == ("valueString",)
    assert FHIR.target("valueString", "Observation.component.extension").keys == ("valueString",)
    assert FHIR.target("@write", "Observation").keys == ("@write",)
    with pytest.raises(PathError, match="has no 'gender'"):
        FHIR.target("gender", "Observation")


@pytest.mark.parametrize(
    ("path", "says", "hint"),
    [
        ("Pateint.gender", "no resource of FHIR R4", "Patient.gender"),
        ("HumanName.text", "no resource of FHIR R4", ""),
        ("Patient.gendre", "Patient has no 'gendre'", "'gender'"),
        ("Patient.name.text", "Patient.name is a list", "name(0)"),
        ("Patient.gender(0)", "is one, not a list", "position"),
        ("Patient.gender.text", "is a plain value", ""),
        ("Observation.value", "has no 'value'", "valueQuantity"),
        ("Patient.contained(0).id", "would hold a resource", "of its own"),
        ("Patient.@wriet", "says nothing", "@write"),
        ("Bundle.entry(0).fullUrl", "made by itself", "type"),
        ("Patient.fhir_comments", "has no", ""),
    ],
)
def test_a_place_that_no_resource_has_is_refused_with_a_hint(path: str, says: str, hint: str) -> None:
    with pytest.raises(PathError, match=says) as refusal:
        FHIR.target(path)
    assert hint in refusal.value.hint


def test_one_resource_goes_as_it_is() -> None:
    assert rendered({"Patient": PATIENT}) == {"resourceType": "Patient", **PATIENT}
    with pytest.raises(BusError, match="go in a Bundle"):
        FHIR.render({"Patient": PATIENT, "Encounter": {"status": "finished"}})


def test_a_bundle_writes_each_resource_where_its_identifier_finds_it() -> None:
    made = rendered(report(observation("1"), observation("2")))
    assert [entry["resource"]["resourceType"] for entry in made["entry"]] == [
        "Patient", "Observation", "Observation", "DiagnosticReport",
    ]  # fmt: skip
    assert made["entry"][0]["request"] == {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=urn:h%7CP1"}
    assert made["entry"][2]["request"] == {"method": "PUT", "url": "Observation?identifier=urn:o%7C2"}
    assert "@write" not in made["entry"][0]["resource"]


def test_references_by_type_lead_to_the_resources_of_the_bundle() -> None:
    patient, first, second, made = rendered(report(observation("1"), observation("2")))["entry"]
    assert first["resource"]["subject"] == {"reference": patient["fullUrl"]}
    assert made["resource"]["result"] == [{"reference": first["fullUrl"]}, {"reference": second["fullUrl"]}]
    assert "encounter" not in first["resource"], "there is none in the Bundle"
    assert len({entry["fullUrl"] for entry in (patient, first, second, made)}) == 4


def test_groups_of_one_type_are_referred_to_by_their_names() -> None:
    tree = report(observation("R1.1"))
    tree["Observation@gone"] = [observation("R1.2") | {"status": "entered-in-error"}]
    tree["DiagnosticReport"]["resultsInterpreter"] = [{"reference": "Practitioner@reader", "display": "李医生"}]
    made = rendered(tree)
    urls = {entry["request"]["url"]: entry["fullUrl"] for entry in made["entry"]}
    shown = made["entry"][2]["resource"]
    assert [one["reference"] for one in shown["result"]] == [urls["Observation?identifier=urn:o%7CR1.1"]]
    assert urls["Observation?identifier=urn:o%7CR1.2"]
    assert shown["resultsInterpreter"] == [
        {"display": "李医生"}
    ]  # there is no such group: what is said beside it stays


def test_what_is_only_made_where_it_is_not_there_may_be_named_twice() -> None:
    tree = report()
    tree["Patient@again"] = {"@write": "create", **PATIENT, "gender": "female"}
    tree["DiagnosticReport"]["subject"] = {"reference": "Patient@again"}
    made = rendered(tree)
    (patient,) = [entry for entry in made["entry"] if entry["resource"]["resourceType"] == "Patient"]
    assert patient["resource"]["gender"] == "male"  # the first stands
    assert made["entry"][1]["resource"]["subject"]["reference"] == patient["fullUrl"]


def test_references_to_elsewhere_stay() -> None:
    tree = report(observation("1") | {"subject": {"reference": "Patient?identifier=a"}})
    assert rendered(tree)["entry"][1]["resource"]["subject"] == {"reference": "Patient?identifier=a"}


def test_what_a_map_took_over_whole_is_not_changed() -> None:
    tree = report(observation("1"))
    before = json.dumps(tree)
    assert json.loads(FHIR.render(tree))["entry"][1]["resource"]["subject"]["reference"].startswith("urn:uuid:")
    assert json.dumps(tree) == before


def test_no_results_leave_no_empty_list() -> None:
    assert "result" not in rendered(report())["entry"][1]["resource"]


def test_the_same_report_makes_the_same_bytes() -> None:
    assert FHIR.render(report(observation("1"))) == FHIR.render(report(observation("1")))


@pytest.mark.parametrize("value", ["a|b", "a,b$c", "a\\b", "a&identifier=x", "a b#?%", "张三"])
def test_an_identifier_cannot_leave_its_place_in_the_search(value: str) -> None:
    made = rendered({"Bundle": {"type": "transaction"}, "Observation": observation(value)})
    query = made["entry"][0]["request"]["url"].removeprefix("Observation?identifier=")
    assert not set(query) & set("&#?|, $")
    escaped = value.replace("\\", "\\\\").replace("|", "\\|").replace(",", "\\,").replace("$", "\\$")
    assert unquote(query) == f"urn:o|{escaped}"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Patient": {"gender": "male"}}, "Patient has no identifier"),
        ({"Patient": {"identifier": [{"value": "P1"}]}}, "Patient has no identifier"),
        ({"Observation": [observation("1"), observation("1")]}, "two resources Observation"),
        ({"Observation": [observation("1") | {"subject": {"reference": "Pateint"}}]}, "no resource of FHIR"),
        ({"Patient": {**PATIENT, "@write": "delete"}}, "update or create"),
        ({"DiagnosticReport": {**PATIENT, "subject": {"reference": "Observation"}}}, "several resources"),
    ],
)
def test_what_could_not_be_found_again_is_refused_without_its_values(change: dict, says: str) -> None:
    with pytest.raises(BusError, match=says) as refusal:
        FHIR.render(report(observation("1"), observation("2")) | change)
    assert "P1" not in str(refusal.value)


class TestCorpus:
    """Examples of the standard: every one is read and written without loss, every place in them is known."""

    def test_every_place_of_the_examples_is_a_place(self) -> None:
        corpora.need()
        unknown = set()
        for path in sorted((corpora.CORPORA / "fhir-r4-examples").glob("*.json")):
            document = FHIR.parse(path.read_bytes(), Hints())
            assert FHIR.parse(dump(document), Hints()) == document
            kind = document["resourceType"]
            if not fhir_paths.is_resource(kind):
                unknown.add(kind)
                continue
            for keys in places({key: value for key, value in document.items() if key != "resourceType"}):
                try:
                    fhir_paths.check(kind, keys)
                except PathError as error:
                    if "would hold a resource" not in error.what:
                        unknown.add(error.what)
        assert unknown == set()


def places(value: object, above: tuple = ()) -> list[tuple]:
    """The keys of every plain value, without what resources of their own hold."""
    if isinstance(value, dict):
        return [place for key, inner in value.items() for place in places(inner, (*above, key))]
    if isinstance(value, list):
        return [place for at, inner in enumerate(value) for place in places(inner, (*above, at))]
    return [above]
