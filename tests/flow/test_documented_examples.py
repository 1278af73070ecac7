"""What the documentation shows is called on a running bus with the simulated hospital behind: the examples of the
contracts, and the lines that stand at the head of each sample.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from engine.channel.contracts import Contracts, load_contracts
from engine.settings.problems import Problems
from tests.flow.house import House
from tests.flow.site import ROOT, secret

SAMPLES = {"call.sh": "bash", "call.py": sys.executable, "call.mjs": "node", "Call.java": "java"}
LINE = re.compile(r"(GET|POST) '?(/api/v1/[^'\s]+)'?(?: '(\{.*?\})')?")
FOUND = {
    "org.campus.list", "org.department.list", "org.doctor.list", "org.doctor.search", "dict.common.get",
    "patient.get", "patient.completeness", "patient.list", "schedule.list", "appointment.list", "appointment.status.recheck",
    "auth.captcha.policy", "report.list",
}  # fmt: skip
"""Reads whose examples ask for what this hospital has, or for what may be empty."""


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    folder = ROOT / "mappings"
    texts = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*.yaml")}
    made = load_contracts("channel/app", texts, Problems())
    assert made is not None
    return made


@pytest.fixture(scope="module")
def document(open_house: House) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{open_house.bus.http}/api/v1/openapi.json", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def fits(document: dict[str, Any], path: str, method: str, status: int, said: Any) -> None:
    """Raises ValidationError where an answer is not as the document says."""
    response = document["paths"][path][method.lower()]["responses"][str(status)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = json.loads(json.dumps(response["content"]["application/json"]["schema"]).replace('"#/', '"urn:api#/'))
    whole = Registry().with_resource("urn:api", Resource.from_contents(document, default_specification=DRAFT202012))
    jsonschema.Draft202012Validator(schema, registry=whole).validate(said)


def test_every_read_is_answered_as_documented(house: House, contracts: Contracts, document: dict[str, Any]) -> None:
    app, found = house.app(), set()
    for name, contract in contracts.operations.items():
        text = contract.text
        for number, example in enumerate(text.examples):
            refused_at_once = example.asks is None
            if text.effect.value != "none" and not refused_at_once:
                continue
            key = f"example-{name}-{number}" if contract.key else None
            status, said = app.call(text.method, contracts.base + example.path, example.body, key=key)
            fits(document, contracts.base + text.path, text.method, status, said)
            if refused_at_once:
                assert example.error is not None
                assert said["code"] == example.error.name, (name, example.name)
            if status == 200:
                found.add(name)
    assert found >= FOUND, FOUND - found


@pytest.mark.parametrize("name", list(SAMPLES))
def test_the_lines_at_the_head_of_a_sample_work(house: House, name: str) -> None:
    program, file = SAMPLES[name], ROOT / "docs/samples" / name
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} here to run {file.name} with")
    lines = LINE.findall(file.read_text(encoding="utf-8").split("import ")[0])
    assert [method for method, _, _ in lines] == ["GET", "POST"]
    environment = {
        **os.environ,
        "API": f"http://127.0.0.1:{house.bus.http}",
        "APP_ID": "demo-app",
        "APP_SECRET": secret(house.site, "demo_app_secret"),
    }
    answers = [_answer(program, file, [one for one in line if one], environment) for line in lines]
    assert answers[0]["code"] == "OK"
    assert answers[1]["code"] in {"PATIENT_NOT_FOUND", "OK"}, "another test may have made a file for that number"
    assert {campus["campusId"] for campus in answers[0]["data"]} == {"main", "north", "lake"}


def _answer(program: str, file: Path, arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    ended = subprocess.run(
        [program, str(file), *arguments], env=environment, capture_output=True, check=True, timeout=60
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found
