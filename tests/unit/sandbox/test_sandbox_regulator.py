"""The regulator's platform: what it takes, what it refuses and how, what it never does, and its faults."""

import json
from datetime import date
from typing import Any

import aiohttp
import pytest
from regulator_caller import CONSULTATION, DRUG, EVALUATION, PRESCRIPTION, REVISIT, Regulated

from sandbox import times
from sandbox.hospital import Hospital
from sandbox.regulator import days

TAKEN = (200, "请求成功")
DRUGS, CONSULTATIONS, REVISITS = "uploadDrugCatalogue", "uploadConsultIndicators", "uploadReferralIndicators"
PRESCRIPTIONS, EVALUATIONS, DISPUTES = "uploadRecipeIndicators", "uploadBusinessInfoAfter", "pushMedicalDispute"


async def look(hospital: Hospital, path: str, **query: str) -> Any:
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{hospital.port}") as session,
        session.get(f"/{path}", params=query) as answer,
    ):
        return await answer.json()


async def test_records_in_their_order_are_taken_and_can_be_looked_up(hospital: Hospital, platform: Regulated) -> None:
    for method, record in (
        (DRUGS, DRUG),
        (CONSULTATIONS, CONSULTATION),
        (REVISITS, REVISIT),
        (PRESCRIPTIONS, PRESCRIPTION),
        (EVALUATIONS, EVALUATION),
    ):
        assert await platform.send(method, record) == TAKEN, method
    found = await look(hospital, "regulator/records", name="FC202611190001")
    assert [row["title"] for row in found["rows"]] == ["评价", "在线处方", "在线复诊"]
    assert found["rows"][2]["record"] == REVISIT
    assert (await look(hospital, "compare"))["regulator"] == {"ok": 5}
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{hospital.port}") as session,
        session.get("/page/regulator?name=FC202611190001") as page,
    ):
        text = await page.text()
    assert "已接收" in text
    assert "高血压3年,规律服药" in text


CHILD = REVISIT | {"age": 4}
ORDER = PRESCRIPTION["orderList"][0]  # type: ignore[index]
REFUSED = [
    (REVISITS, REVISIT | {"mobile": "", "thisDiagnosis": " "}, (-99, "mobile|thisDiagnosis")),
    (REVISITS, {name: REVISIT[name] for name in REVISIT if name != "bussID"}, (-99, "bussID")),
    (REVISITS, CHILD, (-99, "guardianCertID|guardianName|guardianMobile")),
    (CONSULTATIONS, CONSULTATION | {"onsultationAttribute": "4"}, (-99, "consultationClassify")),
    (PRESCRIPTIONS, PRESCRIPTION | {"orderList": []}, (-99, "orderList")),
    (PRESCRIPTIONS, PRESCRIPTION | {"orderList": [ORDER | {"dosage": ""}]}, (-99, "dosage")),
    (PRESCRIPTIONS, PRESCRIPTION | {"recipeType": "3"}, (-99, "packetsNum")),
    (PRESCRIPTIONS, PRESCRIPTION | {"patientCertID": ""}, (-99, "patientCertID")),
    (CONSULTATIONS, CONSULTATION | {"content": "长" * 501}, (-1, "content 长度超过500")),
    (CONSULTATIONS, CONSULTATION | {"sex": "3"}, (-1, "sex 取值不在字典内")),
    (CONSULTATIONS, CONSULTATION | {"age": "35"}, (-1, "age 应为整数")),
    (
        CONSULTATIONS,
        CONSULTATION | {"consultationPrice": 1.005},
        (-1, "consultationPrice 应为不超过8位、2位小数的数字"),
    ),
    (CONSULTATIONS, CONSULTATION | {"applyDate": "2026-11-19T09:00:00"}, (-1, "applyDate 日期时间格式错误")),
    (CONSULTATIONS, CONSULTATION | {"consultationAttribute": "1"}, (-1, "字段不存在:consultationAttribute")),
    (CONSULTATIONS, CONSULTATION | {"unitID": "U-2"}, (-1, "unitID 未备案")),
    (CONSULTATIONS, CONSULTATION | {"deptID": "04"}, (-1, "subjectCode 与 deptID 不一致")),
    (REVISITS, REVISIT | {"mainDiagnoseCode": "I10.x09"}, (-1, "mainDiagnoseCode 不是国家临床版2.0编码:I10.x09")),
    (PRESCRIPTIONS, PRESCRIPTION, (-1, "drcode 不在药品目录中:YP0001")),
    (EVALUATIONS, EVALUATION, (-1, "bussID 对应的被评价的业务未上报")),
    (EVALUATIONS, "no object", (-1, "数组元素不是对象")),
]


@pytest.mark.parametrize(("method", "record", "answer"), REFUSED, ids=[answer[1][:24] for *_, answer in REFUSED])
async def test_what_it_does_not_take_it_says(
    platform: Regulated, method: str, record: Any, answer: tuple[int, str]
) -> None:
    assert await platform.send(method, record) == answer


async def test_a_drug_that_is_withdrawn_may_not_be_prescribed(platform: Regulated) -> None:
    await platform.send(DRUGS, DRUG)
    await platform.send(DRUGS, DRUG | {"useFlag": "2"})
    assert await platform.send(PRESCRIPTIONS, PRESCRIPTION) == (-1, "drcode 不在药品目录中:YP0001")


async def test_a_child_of_five_has_a_guardian_and_of_ten_needs_no_card(platform: Regulated) -> None:
    guardian = {"guardianCertID": "110101190003070037", "guardianName": "李四", "guardianMobile": "13800001234"}
    assert await platform.send(REVISITS, CHILD | guardian) == TAKEN
    await platform.send(DRUGS, DRUG)
    assert await platform.send(PRESCRIPTIONS, PRESCRIPTION | {"age": 10, "patientCertID": ""}) == TAKEN


async def test_it_stops_at_the_first_bad_record_and_keeps_those_before(hospital: Hospital, platform: Regulated) -> None:
    batch = [DRUG, DRUG | {"hospDrcode": "YP0002", "useFlag": ""}, DRUG | {"hospDrcode": "YP0003"}]
    assert await platform.send(DRUGS, *batch) == (-99, "useFlag")
    rows = (await look(hospital, "regulator/records"))["rows"]
    assert [(row["name"], row["code"]) for row in rows] == [("YP0002", -99), ("YP0001", 200)]


async def test_it_does_not_de_duplicate_and_its_ledger_says_so(hospital: Hospital, platform: Regulated) -> None:
    for record in (REVISIT | {"mobile": ""}, REVISIT, REVISIT):
        await platform.send(REVISITS, record)
    for record in (CONSULTATION | {"sex": "9"}, CONSULTATION):
        await platform.send(CONSULTATIONS, record)
    for record in (DRUG, DRUG | {"drugPrice": 13.5, "updateTime": "2026-11-21 01:30:00"}):
        await platform.send(DRUGS, record)
    found = await look(hospital, "regulator/compare")
    assert found["summary"] == {"duplicate": 1, "corrected": 1, "ok": 1}
    assert found["rows"][0] == {
        "method": REVISITS,
        "name": "FC202611190001",
        "taken": 2,
        "refused": 1,
        "verdict": "duplicate",
        "last_refusal": "-99 mobile",
    }
    await platform.send(DRUGS, DRUG | {"drugPrice": 13.5, "updateTime": "2026-11-22 01:30:00"})
    assert (await look(hospital, "regulator/compare", verdict="duplicate"))["summary"]["duplicate"] == 2


async def test_what_nobody_outside_may_see_is_named_when_it_was_reported(
    hospital: Hospital, platform: Regulated
) -> None:
    private = hospital.warehouse.private()
    assert {number[:2] for number in private} == {"ZX", "FC"}
    for number in (next(number for number in private if number.startswith("FC")), "FC202611190001"):
        await platform.send(REVISITS, REVISIT | {"bussID": number})
    assert (await look(hospital, "regulator/compare"))["summary"] == {"unexpected": 1, "ok": 1}


async def test_an_empty_array_signs_a_day_in_and_is_wrong_elsewhere(hospital: Hospital, platform: Regulated) -> None:
    assert await platform.send(CONSULTATIONS) == (-98, "数据为空")
    assert await platform.send(DISPUTES) == TAKEN
    (today,) = (await look(hospital, "regulator/days"))["rows"]
    assert today["colour"] == "green"
    assert today["signed_at"]


def test_a_day_without_the_sign_in_turns_red_at_three(hospital: Hospital) -> None:
    def at(day: int, hour: int) -> int:
        return times.instant(times.local(0).replace(year=2026, month=11, day=day, hour=hour))

    days.sign_in(hospital.store, at(18, 2))
    days.paint(hospital.store, date(2026, 11, 17), "red")
    for hour, colour in ((2, "open"), (3, "red")):
        shown = days.shown(hospital.store, at(20, hour))
        assert [row["colour"] for row in shown] == [colour, "red", "green", "red"]


FAULTS = [
    ("unknown_key", 40002),
    ("frozen_key", 40003),
    ("wrong_secret", 40004),
    ("no_permission", 40006),
    ("foreign_address", 40007),
    ("trouble", 40012),
    ("refusal", -1),
    ("clock_skew", 40011),
]


@pytest.mark.parametrize(("kind", "code"), FAULTS)
async def test_each_fault_of_the_gateway_meets_its_calls_and_nothing_is_taken(
    hospital: Hospital, platform: Regulated, kind: str, code: int
) -> None:
    hospital.faults.add({"system": f"regulator.{CONSULTATIONS}", "kind": kind, "times": 1})
    assert await platform.send(REVISITS, REVISIT) == TAKEN, "another dataset goes on"
    assert await platform.gateway(CONSULTATIONS, [CONSULTATION]) == code
    assert await platform.send(CONSULTATIONS, CONSULTATION) == TAKEN
    assert (await look(hospital, "compare"))["regulator"] == {"ok": 2}


async def test_answers_come_in_other_forms_where_told(hospital: Hospital, platform: Regulated) -> None:
    hospital.faults.add({"system": "regulator", "kind": "bad_gateway", "times": 1})
    status, page = await platform.raw(CONSULTATIONS, [CONSULTATION])
    assert (status, page[:6]) == (502, "<html>")
    hospital.faults.add({"system": "regulator", "kind": "body_array", "times": 1})
    answer = json.loads((await platform.raw(CONSULTATIONS, [CONSULTATION]))[1])
    assert answer == {"code": 200, "body": [{"msgCode": 200, "msg": "请求成功"}]}


async def test_a_lost_answer_leaves_the_record_taken(hospital: Hospital, platform: Regulated) -> None:
    hospital.faults.add({"system": "regulator", "kind": "done_but_no_answer", "times": 1})
    with pytest.raises(aiohttp.ClientError):
        await platform.raw(CONSULTATIONS, [CONSULTATION])
    (row,) = (await look(hospital, "regulator/calls"))["rows"]
    assert json.loads(row["plain"]) == [CONSULTATION]
    assert (await look(hospital, "compare"))["regulator"] == {"ok": 1}
