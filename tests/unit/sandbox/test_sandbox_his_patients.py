"""The register of patients: found in four ways, entered once, brought up to date."""

from typing import Any

import pytest
from his_caller import HisCaller

ADULT = {"PatientName": "张三", "Sex": "1", "DOB": "1900-03-07", "IDNo": "110101190003070010", "Mobile": "13800001234"}


async def someone(his: HisCaller) -> dict[str, Any]:
    return (await his.admin("/patients?id=0000000009"))["rows"][0]


async def test_a_patient_is_found_by_each_identifier(his: HisCaller) -> None:
    known = await someone(his)
    for given in (
        {"PatientID": known["id"]},
        {"PatientCard": known["card_no"], "CardType": "02"},
        {"IDNo": known["id_number"], "IDCardType": known["id_type"]},
        {"Phone": known["mobile"], "PatientName": known["name"]},
    ):
        found = await his.call("GetPatInfo", **given)
        assert [found[tag] for tag in ("PatientID", "PatientName", "IDNo")] == [
            known["id"], known["name"], known["id_number"],
        ]  # fmt: skip
    assert found["SexCode"] == {"M": "1", "F": "2"}[known["sex"]]
    assert found["DOB"].replace("-", "") == known["birth"]


async def test_a_wrong_name_or_number_finds_nobody(his: HisCaller) -> None:
    known = await someone(his)
    for given in ({"PatientID": known["id"], "PatientName": "某人"}, {"PatientID": "9999999999"}, {"IDNo": "x"}):
        answer = await his.call("GetPatInfo", **given)
        assert (answer.code, answer["ResultContent"]) == ("1", "查询不到相关数据")


async def test_a_patient_is_entered_once(his: HisCaller) -> None:
    made = await his.call("SavePatientCard", **ADULT, Address="建设二路1号", Nation="01", Occupation="24")
    assert made["ActiveFlag"] == "Y"
    again = await his.call("SavePatientCard", **ADULT)
    assert (again.code, made["PatientID"] in again["ResultContent"]) == ("-102", True)
    found = await his.call("GetPatInfo", PatientCard=made["CardNo"])
    assert [found[tag] for tag in ("PatientID", "Address", "Nation", "Occupation")] == [
        made["PatientID"], "建设二路1号", "01", "24",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"IDNo": "110101190003070011"},
        {"Sex": "2"},
        {"DOB": "1900-03-08"},
        {"DOB": ""},
        {"DOB": "2027-01-01", "IDNo": ""},
        {"IDNo": ""},
        {"IDType": "99"},
        {"IDType": "03", "IDNo": "!"},
        {"Mobile": "12345"},
        {"Nation": "99"},
        {"Country": "000"},
        {"Sex": "M"},
        {"PatientName": ""},
    ],
)
async def test_what_cannot_be_is_not_entered(his: HisCaller, wrong: dict[str, str]) -> None:
    before = his.hospital.store.value("select count(*) from patients")
    assert (await his.call("SavePatientCard", **{**ADULT, **wrong})).code == "-1"
    assert his.hospital.store.value("select count(*) from patients") == before


async def test_a_child_comes_with_a_guardian(his: HisCaller) -> None:
    child = {"PatientName": "张小三", "Sex": "2", "DOB": "2020-05-01", "Mobile": "13800001234"}
    assert (await his.call("SavePatientCard", **child)).code == "-1"
    guardian = {"GuardianName": "张三", "GuardianIDNo": "110101190003070010", "GuardianPhone": "13800001234"}
    made = await his.call("SavePatientCard", **child, **guardian)
    found = await his.call("GetPatInfo", PatientID=made["PatientID"])
    assert (found["IDNo"], found["GuardianName"]) == ("", "张三")


async def test_an_update_changes_what_is_given(his: HisCaller) -> None:
    before = await someone(his)
    update = {"PAPMINo": before["id"], "Mobile": "13800001234", "LiveAddress": "学府街2号", "Marital": "20"}
    assert (await his.call("UpdatePatInfo", **update)).code == "0"
    assert (await his.call("UpdatePatInfo", PAPMINo=before["id"], ContactName="李四", ContactRelation="1")).code == "0"
    found = await his.call("GetPatInfo", PatientID=before["id"])
    assert [found[tag] for tag in ("Mobile", "LiveAddress", "Marital", "ContactName", "Address")] == [
        "13800001234", "学府街2号", "20", "李四", before["address"],
    ]  # fmt: skip
    assert (await his.call("UpdatePatInfo", PAPMINo=before["id"])).code == "-1"
    assert (await his.call("UpdatePatInfo", PAPMINo="9999999999", Mobile="13800001234")).code == "1"


async def test_names_outside_gbk_come_through(his: HisCaller) -> None:
    made = await his.call("SavePatientCard", **{**ADULT, "PatientName": "㛃𠮷"})
    assert (await his.call("GetPatInfo", PatientID=made["PatientID"]))["PatientName"] == "㛃𠮷"


@pytest.mark.parametrize(
    "name", ["HOSPITAL", "NATION", "OCCUPATION", "MARITAL", "IDTYPE", "COUNTRY", "RELATION", "SESSTYPE"]
)
async def test_dictionaries(his: HisCaller, name: str) -> None:
    found = await his.call("QueryDictInfo", DictType=name)
    assert int(found["RecordCount"]) == len(set(found.all("Code"))) == len(found.all("Name")) > 2
