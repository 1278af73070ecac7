"""The clinical data repository: strict, all or nothing, nothing twice."""

import copy
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from sandbox.hospital import Hospital

Call = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]
PATIENT = {
    "fullUrl": "urn:uuid:1",
    "resource": {"resourceType": "Patient", "identifier": [{"system": "urn:h", "value": "P|1"}], "gender": "male"},
    "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=urn:h%7CP%5C%7C1"},
}
RESULT = {
    "fullUrl": "urn:uuid:2",
    "resource": {
        "resourceType": "Observation",
        "identifier": [{"system": "urn:o", "value": "R1.WBC"}],
        "status": "final",
        "code": {"text": "白细胞"},
        "subject": {"reference": "urn:uuid:1"},
        "valueQuantity": {"value": 12.5, "unit": "10^9/L"},
    },
    "request": {"method": "PUT", "url": "Observation?identifier=urn:o%7CR1.WBC"},
}


def bundle(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def changed(entry: dict[str, Any], part: str, **values: Any) -> dict[str, Any]:
    made = copy.deepcopy(entry)
    made[part] |= values
    return made


@pytest.fixture
async def call(hospital: Hospital) -> AsyncIterator[Call]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{hospital.fhir_port.port}") as session:

        async def call(
            body: Any = None, path: str = "", kind: str = "application/fhir+json", **headers: str
        ) -> tuple[int, dict[str, Any]]:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            method, data = ("GET", None) if body is None else ("POST", raw)
            sent = {"Content-Type": kind, **headers}
            async with session.request(method, f"/fhir{path}", data=data, headers=sent) as answer:
                assert answer.content_type == "application/fhir+json"
                return answer.status, await answer.json(content_type=None)

        yield call


async def observations(call: Call) -> dict[str, Any]:
    return (await call(path="/Observation?identifier=urn:o%7CR1.WBC"))[1]


async def test_a_transaction_is_kept_with_its_references(call: Call) -> None:
    status, said = await call(bundle(PATIENT, RESULT))
    assert status == 200
    assert [one["response"]["status"] for one in said["entry"]] == ["201 Created", "201 Created"]
    patient = said["entry"][0]["response"]["location"].partition("/_history")[0]
    found = await observations(call)
    assert found["total"] == 1
    assert found["entry"][0]["resource"]["subject"] == {"reference": patient}
    assert (await call(path=f"/{patient}"))[1]["gender"] == "male"


async def test_the_same_again_makes_nothing_twice_and_no_version(call: Call) -> None:
    await call(bundle(PATIENT, RESULT))
    _, said = await call(bundle(changed(PATIENT, "resource", gender="female"), RESULT))
    assert [one["response"]["status"] for one in said["entry"]] == ["200 OK", "200 OK"]
    assert [one["response"]["etag"] for one in said["entry"]] == ['W/"1"', 'W/"1"']
    patient = said["entry"][0]["response"]["location"].partition("/_history")[0]
    assert (await call(path=f"/{patient}"))[1]["gender"] == "male", "a conditional create leaves what is there"


async def test_a_correction_is_a_new_version_of_the_same(call: Call) -> None:
    await call(bundle(PATIENT, RESULT))
    _, said = await call(
        bundle(PATIENT, changed(RESULT, "resource", status="corrected")), Prefer="return=representation"
    )
    assert said["entry"][1]["response"]["etag"] == 'W/"2"'
    assert said["entry"][1]["resource"]["status"] == "corrected"
    assert (await observations(call))["total"] == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "structure"),
        (b'{"type": 1, "type": 1}', 400, "structure"),
        (b"[]", 400, "structure"),
        ({"resourceType": "Bundle", "type": "batch", "entry": [PATIENT]}, 400, "invalid"),
        (bundle(), 400, "required"),
        (bundle(PATIENT, RESULT, RESULT), 400, "invalid"),
        (bundle(PATIENT, RESULT, RESULT | {"fullUrl": "urn:uuid:3"}), 400, "duplicate"),
        (bundle(RESULT), 400, "not-found"),
        (bundle(PATIENT, changed(RESULT, "resource", subject={"reference": "Patient/99"})), 400, "not-found"),
        (bundle(PATIENT, changed(RESULT, "resource", encounter={"reference": "Encounter?identifier=a%7Cb"})), 404, "not-found"),
        (bundle(PATIENT, changed(RESULT, "resource", subjekt={})), 422, "invariant"),
        (bundle(PATIENT, changed(RESULT, "resource", valueString="two")), 422, "invariant"),
        (bundle(PATIENT, changed(RESULT, "resource", status=None)), 422, "invariant"),
        (bundle(PATIENT, changed(RESULT, "request", url="Observation")), 400, "not-supported"),
        (bundle(PATIENT, changed(RESULT, "request", url="Observation/7")), 405, "not-supported"),
        (bundle(PATIENT, changed(RESULT, "request", method="DELETE")), 400, "not-supported"),
        (bundle(PATIENT, changed(RESULT, "request", url="Observation?code=1")), 400, "not-supported"),
        (bundle(PATIENT, changed(RESULT, "request", url="Patient?identifier=a%7Cb")), 400, "invalid"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_refused_whole(
    hospital: Hospital, call: Call, body: Any, status: int, code: str
) -> None:
    said = await call(body)
    assert (said[0], said[1]["issue"][0]["code"]) == (status, code)
    assert hospital.store.value("select count(*) from fhir_versions") == 0, "all or nothing"


async def test_a_condition_that_several_meet_is_refused(call: Call) -> None:
    plain = {**PATIENT, "request": {"method": "POST", "url": "Patient"}}
    await call(bundle(plain, changed(plain, "resource", gender="female") | {"fullUrl": "urn:uuid:9"}))
    status, said = await call(bundle(PATIENT))
    assert (status, said["issue"][0]["code"]) == (412, "multiple-matches")


@pytest.mark.parametrize("path", ["/Patient/1", "/Medication", "/Patient/1/_history/1", "/Patient?name=x"])
async def test_what_is_not_there_or_not_supported(call: Call, path: str) -> None:
    status, said = await call(path=path)
    assert status in (400, 404)
    assert said["resourceType"] == "OperationOutcome"


async def test_json_of_another_kind_is_refused(call: Call) -> None:
    assert (await call(bundle(PATIENT), kind="application/json"))[0] == 415


async def test_it_can_be_busy_and_its_calls_are_in_the_ledger(hospital: Hospital, call: Call) -> None:
    hospital.faults.add({"system": "fhir", "kind": "refusal", "times": 1})
    status, said = await call(bundle(PATIENT))
    assert (status, said["issue"][0]["code"]) == (503, "throttled")
    assert hospital.store.value("select count(*) from fhir_versions") == 0
    assert hospital.store.value("select count(*) from calls where system = 'fhir'") == 1
