"""The samples of docs/samples call a real listener, signed by themselves."""

import asyncio
import os
import shutil
import sys

import orjson
import pytest
from channel_desk import ROOT, SECRETS

SAMPLES = ROOT / "docs/samples"
PROGRAMS = {
    "call.sh": ["bash"],
    "call.py": [sys.executable],
    "call.mjs": ["node"],
    "Call.java": ["java"],
}
PATH = "/api/v1/patients/0000000007/reports?from=2026-11-01"
PATIENT = '{"name": "张三", "idType": "ID_CARD", "idNo": "110101190003070010", "sex": "M", "birthDate": "1900-03-07", "mobile": "13800001234"}'


@pytest.fixture(params=list(PROGRAMS))
def sample(request, served):
    """Runs a sample with arguments as the application `app`; gives the answer it prints."""
    program, *options = PROGRAMS[request.param]
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} here to run docs/samples/{request.param} with")

    async def run(*arguments, **environment):
        process = await asyncio.create_subprocess_exec(
            program,
            *options,
            str(SAMPLES / request.param),
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "API": served.address, "APP_ID": "app", "APP_SECRET": SECRETS["app"], **environment},
        )
        said, _ = await process.communicate()
        assert process.returncode == 0
        return orjson.loads(said)

    return run


async def test_it_reads(sample, served):
    answer = await sample("GET", PATH)
    assert (answer["code"], answer["data"][0]["title"]) == ("OK", "血常规")
    assert served.asked[0].document == {"patient_id": "0000000007", "from": "2026-11-01", "campus": "main"}


async def test_it_changes_with_a_key(sample, served):
    served.serves = {"patient_id": "0000000042"}
    answer = await sample("POST", "/api/v1/patients", PATIENT, "key-00000001")
    assert (answer["code"], answer["data"]["patientId"]) == ("OK", "0000000042")
    assert served.asked[0].document["name"] == "张三"
    assert served.asked[0].key == "key-00000001"


async def test_it_gives_errors_as_the_answers_they_are(sample, served):
    assert (await sample("GET", PATH, APP_SECRET="wrong"))["code"] == "SIGN_INVALID"
    assert (await sample("POST", "/api/v1/patients", PATIENT))["code"] == "VALIDATION_FAILED"
    assert served.asked == []


@pytest.mark.parametrize("guide", ["channel-api.md", "channel-api.zh-CN.md"])
def test_the_guides_show_the_samples_as_they_are(guide):
    text = (ROOT / "docs" / guide).read_text("utf-8")
    for name in PROGRAMS:
        assert (SAMPLES / name).read_text("utf-8") in text
