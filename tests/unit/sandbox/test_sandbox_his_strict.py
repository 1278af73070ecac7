"""The HIS refuses what a real one would stumble over: envelopes, frames, tags, codes, campuses."""

import contextlib
import re

import pytest
from his_caller import CLASS, SPACE, HisCaller, Result, envelope, payload, result_of
from hypothesis import given
from hypothesis import strategies as st

from sandbox.his.frame import No, tags, write

GOOD = payload("QueryDepartmentGroup")


def changed(**tags: str) -> str:
    return payload("QueryDepartmentGroup", **tags)


@pytest.mark.parametrize(
    ("inner", "says"),
    [
        ("", "格式错误"),
        ("<Request>", "格式错误"),
        (GOOD.replace("Request", "Reqest"), "根节点"),
        (changed(Unknown="1"), "未知节点:Unknown"),
        (changed(HospitalID="1"), "未知节点:HospitalID"),
        (GOOD.replace("</Request>", "<ExpStr/><ExpStr/></Request>"), "重复"),
        (changed(ExpStr="").replace("<ExpStr></ExpStr>", "<ExpStr><A/></ExpStr>"), "下级节点"),
        (changed(TradeCode="1012"), "TradeCode应为1014"),
        (changed(TradeCode=""), "TradeCode应为1014"),
        (GOOD.replace("<HospitalId>1</HospitalId>", ""), "HospitalId不能为空"),
        (changed(HospitalId="4"), "院区不存在"),
        (changed(ExtUserID="nobody"), "ExtUserID"),
        (changed(ExtOrgCode="WECHAT"), "ExtUserID"),
        (f"<!DOCTYPE Request>{GOOD}", "DOCTYPE"),
        ('<?xml version="1.0" encoding="utf-8"?>' * 2 + GOOD, "格式错误"),
    ],
)
async def test_a_bad_frame_is_refused_in_words(his: HisCaller, inner: str, says: str) -> None:
    answer = await his.send("QueryDepartmentGroup", inner)
    assert (answer.code, says in answer["ResultContent"]) == ("-1", True), answer.text


@pytest.mark.parametrize(
    ("method", "given", "says"),
    [
        ("QueryAdmSchedule", {"StartDate": "20261121"}, "StartDate格式错误"),
        ("QueryAdmSchedule", {"StartDate": "2026-02-30"}, "StartDate格式错误"),
        ("QueryAdmSchedule", {"StartDate": "2026-11-22", "EndDate": "2026-11-21"}, "EndDate"),
        ("QueryAdmSchedule", {"EndDate": "2027-12-31"}, "31天"),
        ("QueryAdmSchedule", {"RBASSessionCode": "AM"}, "RBASSessionCode"),
        ("QueryAdmSchedule", {"StopScheduleFlag": "Y"}, "StopScheduleFlag"),
        ("QueryScheduleTimeInfo", {}, "ScheduleItemCode不能为空"),
        ("LockOrder", {"ScheduleItemCode": "1003||1"}, "PatientID不能为空"),
        ("LockOrder", {"ScheduleItemCode": "1003||1", "PatientID": "0000000007", "BeginTime": "8:30"}, "BeginTime"),
        ("LockOrder", {"ScheduleItemCode": "1003||1", "PatientID": "0000000007", "LockQueueNo": "a"}, "LockQueueNo"),
        ("UnLockOrder", {}, "TransactionId不能为空"),
        ("CancelOrder", {}, "OrderCode不能为空"),
        ("QueryOrder", {}, "PatientID不能为空"),
        ("QueryAdmOPReg", {}, "PatientID不能为空"),
        ("QueryRegStatus", {}, "TransactionId不能为空"),
        ("GetPatInfo", {}, "不能都为空"),
        ("GetPatInfo", {"PatientCard": "C1", "CardType": "99"}, "CardType"),
        ("QueryDictInfo", {"DictType": "COLOUR"}, "DictType"),
        ("OPAllocAutoReport", {"ID": "0000000007", "IDType": "9"}, "IDType"),
    ],
)
async def test_bad_values_are_refused_in_words(his: HisCaller, method: str, given: dict[str, str], says: str) -> None:
    answer = await his.call(method, **given)
    assert (answer.code, says in answer.text) == ("-1", True), answer.text


async def test_a_cancel_has_the_code_of_the_site(his: HisCaller) -> None:
    await his.admin("/his/site", {"cancel_code": "2006"})
    answer = await his.call("CancelOrder", OrderCode="1||1||1")
    assert "TradeCode应为2006" in answer.text
    assert (await his.call("CancelOrder", OrderCode="1||1||1", TradeCode="2006")).code == "1"


async def test_another_campus_sees_and_reaches_nothing(his: HisCaller) -> None:
    schedule = await his.schedule()
    booked = await his.book(schedule)
    for method, more in (
        ("QueryScheduleTimeInfo", {"ScheduleItemCode": schedule}),
        ("LockOrder", {"ScheduleItemCode": schedule, "PatientID": "0000000008"}),
        ("CancelOrder", {"OrderCode": booked["OrderCode"]}),
        ("QueryOrder", {"PatientID": "0000000007"}),
        ("QueryRegStatus", {"TransactionId": booked["TransactionId"]}),
        ("UnLockOrder", {"TransactionId": booked["TransactionId"]}),
    ):
        assert (await his.call(method, campus="2", **more)).code in ("1", "-103", "-203"), method
    assert schedule not in (await his.call("QueryAdmSchedule", campus="2")).all("ScheduleItemCode")


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (b"no XML", {}),
        (b"<a/>", {}),
        (envelope("QueryDoctor", GOOD, "http://tempuri.org/"), {}),
        (envelope("QueryDoctors", GOOD), {"SOAPAction": f'"{SPACE}/{CLASS}.QueryDoctors"'}),
        (envelope("QueryDoctor", GOOD), {"SOAPAction": ""}),
        (envelope("QueryDoctor", GOOD), {"SOAPAction": f'"{SPACE}/{CLASS}.LockOrder"'}),
        (envelope("QueryDoctor", GOOD), {"Content-Type": "application/soap+xml; charset=utf-8"}),
        (
            envelope("QueryDoctor", GOOD).replace(
                b"schemas.xmlsoap.org/soap/envelope/", b"www.w3.org/2003/05/soap-envelope"
            ),
            {},
        ),
        (envelope("QueryDoctor", GOOD).replace(b"XMLRequest", b"Input"), {}),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + envelope("QueryDoctor", GOOD), {}),
    ],
)
async def test_a_bad_envelope_is_a_fault(his: HisCaller, body: bytes, head: dict[str, str]) -> None:
    status, answer = await his.post("QueryDoctor", body, **head)
    assert status == 500
    assert b"SOAP-ENV:Fault" in answer


async def test_other_addresses_and_methods_are_not_there(his: HisCaller) -> None:
    async with his.session.get(his.url.replace("SelfReg", "Other")) as answer:
        assert answer.status == 404
    async with his.session.get(his.url) as answer:
        assert answer.status == 405


async def test_real_payload_habits_are_read(his: HisCaller) -> None:
    for inner in (f'<?xml version="1.0" encoding="GB2312"?>{GOOD}', f"\ufeff {GOOD}\r\n "):
        assert (await his.send("QueryDepartmentGroup", inner)).code == "0"
    status, body = await his.post(
        "QueryDepartmentGroup",
        envelope("QueryDepartmentGroup", "+").replace(b"+", f"<![CDATA[{GOOD}]]>".encode()),
    )
    assert (status, Result(result_of(body, "QueryDepartmentGroup")).code) == (200, "0")


async def test_trades_answer_as_cdata_and_escaped_in_turn(his: HisCaller) -> None:
    ways = set()
    for method in ("QueryDepartmentGroup", "QueryDepartment"):
        _, body = await his.post(method, envelope(method, payload(method)))
        ways.add(bool(re.search(rb"<!\[CDATA\[<Response>", body)))
    assert ways == {True, False}


@pytest.mark.parametrize(
    ("quirk", "method", "sign"),
    [
        ("wrong_root", "QueryDepartment", "<Reponse>"),
        ("swapped_session", "QueryScheduleTimeInfo", "<SessionCode>上午</SessionCode>"),
        ("fee_text", "QueryAdmSchedule", "<RegFee>  4.00元</RegFee>"),
        ("trailing", "QueryDepartment", "\ufeff<Response>"),
        ("gb_declaration", "QueryDepartment", '<?xml version="1.0" encoding="GB2312"?>'),
        ("department_prefix", "QueryDepartment", "<DepartmentName>NK01-"),
        ("no_totals", "QueryScheduleTimeInfo", "<AvailableLeftNum></AvailableLeftNum>"),
        ("unclosed", "QueryStopDoctorInfo", "</StopSchedule><Schedules>"),
    ],
)
async def test_the_quirks_of_real_sites(his: HisCaller, quirk: str, method: str, sign: str) -> None:
    schedule = await his.schedule()
    await his.admin("/his/stop", {"schedule": await his.schedule()})
    more = {"ScheduleItemCode": schedule} if method == "QueryScheduleTimeInfo" else {}
    assert sign not in (await his.call(method, **more)).text
    await his.admin("/his/site", {"quirks": quirk})
    assert sign in (await his.call(method, **more)).text


NAMES = st.from_regex(r"[A-Z][A-Za-z]{0,12}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")).map(str.strip)


@given(st.dictionaries(NAMES, TEXTS, max_size=8))
def test_what_is_written_is_read(content: dict[str, str]) -> None:
    assert tags(write(content, "Request")) == ("Request", content)


@given(st.text())
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(No):
        tags(text)
