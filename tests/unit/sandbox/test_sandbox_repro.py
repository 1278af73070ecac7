"""The reproductive centre: its own reports, for those who sign and ask rightly."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from test_sandbox_gateway import Caller

from sandbox.hospital import Hospital

PATH = "/repro/api/v1/reports"


@pytest.fixture
async def caller(hospital: Hospital) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{hospital.repro_port.port}"
        yield Caller(session, base, hospital.secret_file.read_text().strip().encode())


async def ask(caller: Caller, query: str, method: str = "GET") -> tuple[int, dict]:
    path = f"{PATH}?{query}"
    return await caller.call(method, path, b"", caller.headers(method, path, b""))


async def test_a_patients_reports_are_listed_newest_first_and_by_day(hospital: Hospital, caller: Caller) -> None:
    patient = max(hospital.repro.patients, key=lambda one: len(hospital.repro.of(one)))
    status, said = await ask(caller, f"patientId={patient}")
    assert (status, said["code"], said["success"]) == (200, "SUCCESS", True)
    listed = said["result"]["list"]
    assert listed == [report.shown() for report in hospital.repro.of(patient)]
    assert [one["auditTime"] for one in listed] == sorted((one["auditTime"] for one in listed), reverse=True)
    day = listed[0]["auditTime"][:10].replace("-", "")
    only = (await ask(caller, f"patientId={patient}&beginDate={day}&endDate={day}"))[1]["result"]["list"]
    assert listed[0] in only
    assert {one["auditTime"][:10].replace("-", "") for one in only} == {day}


async def test_who_has_none_and_who_is_nobody(hospital: Hospital, caller: Caller) -> None:
    known = {row["id"] for row in hospital.store.all("select id from patients")}
    without = min(known - set(hospital.repro.patients))
    assert (await ask(caller, f"patientId={without}"))[1]["result"] == {"total": 0, "list": []}
    assert (await ask(caller, "patientId=NOBODY"))[1]["code"] == "E1001"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("patientId=", "E400"),
        ("patientId=1&x=2", "E400"),
        ("patientId=1&beginDate=2026-11-01", "E400"),
        ("patientId=a.b", "E400"),
    ],
)
async def test_what_is_wrong_is_refused(caller: Caller, query: str, code: str) -> None:
    assert (await ask(caller, query))[1]["code"] == code


async def test_only_signed_calls_of_the_right_kind(caller: Caller) -> None:
    status, said = await caller.call("GET", f"{PATH}?patientId=1", b"", {})
    assert (status, said["code"]) == (401, "E401")
    assert (await ask(caller, "patientId=1", method="DELETE"))[0] == 405


async def test_it_misbehaves_like_the_others(hospital: Hospital, caller: Caller) -> None:
    hospital.faults.add({"system": "repro", "kind": "refusal", "times": 1})
    assert (await ask(caller, "patientId=1"))[0] == 503
    assert hospital.store.value("select count(*) from calls where system = 'repro'") == 1
