"""`validate` of an operation: what was built is held against the models of its standard before it goes."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from mapping_desk import CONTEXT, library, said

from engine.base.errors import BusError
from engine.mapping.validation import held
from engine.model import Outgoing
from engine.settings.problems import Problems

SHAPE = "shape: person\nfields: {id: {required: true}, sex: text, born: text}\n"
PROFILE = """
profile: fhir/r4
adapter: fhir
format: fhir
outgoing:
  save:
    takes: person
    effect: change
    validate: always
    request:
      Patient.identifier(0).system: =urn:h
      Patient.identifier(0).value: id
      Patient.gender: sex
      Patient.birthDate: born
"""
GOOD = {"id": "P1", "sex": "male", "born": "1900-03-07"}
WRONG = GOOD | {"born": "7.3.1900 张三"}


def operation(validate: str) -> Outgoing:
    texts = {"shapes/person.yaml": SHAPE, "fhir/r4.yaml": PROFILE.replace("always", validate)}
    return library(texts).profiles["fhir/r4"].outgoing["save"]


def build(validate: str, document: Mapping[str, str], token: str = "t1") -> bytes:
    found, context = operation(validate), replace(CONTEXT, values={"token": token})
    body = held(found.check, found.build(document, context), context).body
    assert isinstance(body, bytes)
    return body


@pytest.mark.parametrize("word", ["always", "sample", "never"])
def test_what_fits_goes(word: str) -> None:
    assert b"1900-03-07" in build(word, GOOD)


def test_what_does_not_fit_is_refused_with_its_place_and_no_value() -> None:
    with pytest.raises(BusError, match="not valid FHIR R4") as refusal:
        build("always", WRONG)
    assert refusal.value.spot == "birthDate"
    assert "张三" not in f"{refusal.value!r}{refusal.value.__context__!r}"


def test_never_means_never() -> None:
    assert b"7.3.1900" in build("never", WRONG)


def build_by(found: Outgoing, token: str) -> None:
    context = replace(CONTEXT, values={"token": token})
    held(found.check, found.build(WRONG, context), context)


def test_a_sample_is_some_of_the_deliveries_and_the_same_ones_again() -> None:
    def refused() -> set[str]:
        found = set()
        for token in tokens:
            try:
                build_by(sample, token)
            except BusError:
                found.add(token)
        return found

    sample = operation("sample")
    tokens = [f"m{number}-1" for number in range(500)]
    first = refused()
    assert 0 < len(first) < len(tokens) / 10
    assert refused() == first


def test_a_format_without_models_is_a_finding() -> None:
    problems = Problems()
    text = PROFILE.replace("fhir/r4", "x/y").replace("adapter: fhir\nformat: fhir", "adapter: http\nformat: json")
    library({"shapes/person.yaml": SHAPE, "x/y.yaml": text}, problems)
    assert [line for line in said(problems) if "has no models to validate by" in line], said(problems)
