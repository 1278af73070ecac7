"""The OpenAPI document: valid, complete, and true to what the entrance does."""

import jsonschema
import orjson
import pytest
from channel_desk import app_contracts
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from engine.base.errors import Code, Then
from engine.channel.errors import COMMON, all_errors_of
from engine.channel.openapi import document

CONTRACTS = app_contracts()
DOCUMENT = orjson.loads(orjson.dumps(document(CONTRACTS)))
_REGISTRY = Registry().with_resource("urn:api", Resource.from_contents(DOCUMENT, default_specification=DRAFT202012))


def operations():
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolved(response):
    name = response.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["responses"][name] if name else response


def faults(schema, value):
    text = orjson.dumps(schema).replace(b'"#/', b'"urn:api#/')
    return [
        one.message
        for one in jsonschema.Draft202012Validator(orjson.loads(text), registry=_REGISTRY).iter_errors(value)
    ]


def test_it_is_openapi_3_1():
    assert DOCUMENT["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_it_has_every_operation_and_no_other():
    found = {operation["operationId"]: (method.upper(), path) for path, method, operation in operations()}
    wanted = {name: (one.text.method, f"/api/v1{one.text.path}") for name, one in CONTRACTS.operations.items()}
    assert found == wanted


def test_operations_that_no_route_serves_are_left_out():
    shown = document(CONTRACTS, {"org.campus.list"}.__contains__)
    assert list(shown["paths"]) == ["/api/v1/campuses"]
    assert shown["tags"] == [{"name": "org"}]


@pytest.mark.parametrize("name", list(CONTRACTS.operations))
def test_every_error_stands_under_its_status(name):
    contract = CONTRACTS.operations[name]
    operation = DOCUMENT["paths"][f"/api/v1{contract.text.path}"][contract.text.method.lower()]
    said = {}
    for status, response in operation["responses"].items():
        schema = resolved(response)["content"]["application/json"]["schema"]
        said |= dict.fromkeys(schema["properties"]["code"]["enum"], int(status))
    assert said == {"OK": 200} | {code.name: code.kind.http for code in all_errors_of(contract.text)}
    assert ("202" in operation["responses"]) == (contract.effect.value != "none")
    keyed = {"$ref": "#/components/parameters/Idempotency-Key"} in operation["parameters"]
    assert keyed == contract.key == ("IN_PROGRESS" in said)


def test_every_example_fits_its_schema():
    checked = 0
    for path, method, operation in operations():
        contents = [resolved(response)["content"] for response in operation["responses"].values()]
        contents += [operation["requestBody"]["content"]] if "requestBody" in operation else []
        for content in contents:
            for example in content["application/json"].get("examples", {}).values():
                assert faults(content["application/json"]["schema"], example["value"]) == [], (path, method)
                checked += 1
        for parameter in operation["parameters"]:
            if "example" in parameter:
                assert faults(parameter["schema"], parameter["example"]) == [], (path, parameter["name"])
    assert checked > 10 * len(CONTRACTS.operations)


def test_what_says_wait_says_how_long():
    for code in COMMON:
        headers = DOCUMENT["components"]["responses"][f"Status{code.kind.http}"]["headers"]
        if code.kind.then in {Then.LATER, Then.SAME_KEY}:
            assert "Retry-After" in headers, code


def test_personal_data_is_marked_with_its_mask():
    good = DOCUMENT["paths"]["/api/v1/patients/{patientId}"]["get"]["responses"]["200"]
    data = good["content"]["application/json"]["schema"]["properties"]["data"]["properties"]
    assert {name: data[name]["x-mask"] for name in ("name", "idNo", "mobile", "birthDate", "cardNo")} == {
        "name": "name", "idNo": "id_no", "mobile": "phone", "birthDate": "birth_date", "cardNo": "card",
    }  # fmt: skip
    assert "format" not in data["birthDate"], "a mask is no date"
    assert "脱敏" in data["idNo"]["description"]


def test_which_of_several_must_be_given_is_said():
    body = DOCUMENT["paths"]["/api/v1/patients/search"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert body["required"]
    for given in ({"cardNo": "1"}, {"name": "张三", "mobile": "13800001234"}, {"idType": "OTHER", "idNo": "1"}):
        assert faults(schema, given) == []
    for given in ({}, {"name": "张三"}, {"cardNo": None}, {"name": "", "mobile": "13800001234"}):
        assert faults(schema, given) != []
    assert "deptId，doctorId" in DOCUMENT["paths"]["/api/v1/schedules"]["get"]["description"]


def test_every_call_is_signed():
    assert DOCUMENT["security"] == [{"X-App-Id": [], "X-Timestamp": [], "X-Nonce": [], "X-Signature": []}]
    assert not any("security" in operation for _, _, operation in operations())


def test_codes_that_only_other_protocols_know_are_not_in_it():
    text = orjson.dumps(DOCUMENT).decode()
    assert Code.PROCESSING_ID.name not in text
    assert Code.UNSUPPORTED_VERSION.name not in text
