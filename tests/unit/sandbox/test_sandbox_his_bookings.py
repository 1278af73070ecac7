"""Numbers are locked, expire, are booked and given back by the HIS's own clock, and nobody has two of one schedule."""

import pytest
from his_caller import HisCaller

from sandbox.hospital import Hospital, Settings


async def left(his: HisCaller, schedule: str) -> int:
    found = await his.call("QueryScheduleTimeInfo", ScheduleItemCode=schedule)
    return found.all("AvailableFlag").count("Y")


async def test_a_lock_expires_with_the_clock(his: HisCaller) -> None:
    schedule = await his.schedule()
    lock = await his.lock(schedule, PayOrdId="P1")
    assert (lock["LockExpireTime"], await left(his, schedule)) == ("2026-11-20 10:15:00", 23)
    await his.admin("/his/clock", {"advance": 899})
    assert await his.state(TransactionId="P1") == "L"
    await his.admin("/his/clock", {"advance": 1})
    assert await his.state(TransactionId="P1") == "E"
    assert await left(his, schedule) == 24
    late = await his.call("BookService", ScheduleItemCode=schedule, TransactionId=lock["TransactionId"])
    assert (late.code, late["ResultContent"]) == ("-203", "锁号已失效,请重新锁号")
    assert (await his.book(schedule)).code == "0", "the number is free again"


async def test_a_lock_is_given_back_once(his: HisCaller) -> None:
    schedule = await his.schedule()
    serial = (await his.lock(schedule))["TransactionId"]
    assert (await his.call("UnLockOrder", TransactionId=serial)).code == "0"
    assert (await his.call("UnLockOrder", TransactionId=serial)).code == "-203"
    assert (await his.call("UnLockOrder", TransactionId="LK0")).code == "-203"
    assert (await left(his, schedule), await his.state(TransactionId=serial)) == (24, "U")


async def test_a_lock_may_replace_another(his: HisCaller) -> None:
    schedule = await his.schedule()
    first = (await his.lock(schedule, LockQueueNo="3"))["TransactionId"]
    second = await his.lock(schedule, LockQueueNo="9", OldTransactionId=first)
    assert (second["LockQueueNo"], await left(his, schedule)) == ("9", 23)


async def test_numbers_and_half_hours_are_what_was_asked_for(his: HisCaller) -> None:
    schedule = await his.schedule(total=16)
    assert (await his.lock(schedule, "0000000007", BeginTime="09:00", EndTime="09:30"))["LockQueueNo"] == "5"
    assert (await his.lock(schedule, "0000000008", BeginTime="09:00:00", EndTime="09:30:00"))["AdmTime"] == "09:15:00"
    full = await his.lock(schedule, "0000000009", BeginTime="09:00", EndTime="09:30")
    assert (full.code, full["ResultContent"]) == ("-201", "号源已约满")
    taken = await his.lock(schedule, "0000000009", LockQueueNo="5")
    assert (taken.code, taken["ResultContent"]) == ("-202", "该号已被他人锁定")
    assert (await his.lock(schedule, "0000000009", LockQueueNo="17")).code == "-215"
    assert (await his.lock("9999||1", "0000000009")).code == "1"


async def test_one_patient_one_number_of_a_schedule_and_some_a_day(his: HisCaller) -> None:
    schedules = [await his.schedule() for _ in range(5)]
    assert [(await his.book(one)).code for one in schedules[:4]] == ["0"] * 4
    assert (await his.lock(schedules[4])).code == "-207"
    assert (await his.lock(schedules[0])).code == "-204"
    await his.admin("/his/blacklist", {"patient": "0000000008"})
    assert (await his.lock(schedules[0], "0000000008")).code == "-206"
    await his.admin("/his/blacklist", {"patient": "0000000008", "off": True})
    assert (await his.lock(schedules[0], "0000000008")).code == "0"


async def test_a_booking_must_be_the_locks(his: HisCaller) -> None:
    schedule, other = await his.schedule(), await his.schedule()
    serial = (await his.lock(schedule))["TransactionId"]
    for wrong in (
        {"ScheduleItemCode": other, "TransactionId": serial},
        {"ScheduleItemCode": schedule, "TransactionId": serial, "LockQueueNo": "2"},
        {"ScheduleItemCode": schedule, "TransactionId": serial, "PatientID": "0000000008"},
        {"ScheduleItemCode": schedule, "TransactionId": serial, "PayFlag": "Y", "PayFee": "1.001"},
        {"ScheduleItemCode": schedule, "TransactionId": serial, "PayFlag": "Y", "PayFee": "1.00"},
        {"ScheduleItemCode": schedule, "TransactionId": "LK0"},
        {"ScheduleItemCode": schedule},
    ):
        assert (await his.call("BookService", **wrong)).code in ("-1", "-203", "-216"), wrong
    assert await his.state(TransactionId=serial) == "L"
    assert (await his.call("BookService", ScheduleItemCode=schedule, TransactionId=serial)).code == "0"
    assert (await his.call("BookService", ScheduleItemCode=schedule, TransactionId=serial)).code == "-204"


async def test_the_fee_is_the_patients(his: HisCaller) -> None:
    schedule = await his.schedule(type="4")
    fees = {}
    for kind in ("公费医疗", "自费"):
        patient = his.hospital.store.value("select min(id) from patients where fee_type = ?", kind)
        fees[kind] = (await his.lock(schedule, patient))["RegFee"]
    assert fees == {"公费医疗": "36.00", "自费": "40.00"}


async def test_a_paid_booking_says_so(his: HisCaller) -> None:
    schedule = await his.schedule()
    lock = await his.lock(schedule)
    paid = {"TransactionId": lock["TransactionId"], "PayFlag": "Y", "PayFee": lock["RegFee"]}
    assert (await his.call("BookService", ScheduleItemCode=schedule, **paid)).code == "0"
    assert (await his.call("QueryOrder", PatientID="0000000007"))["PayFlag"] == "P"


async def test_serials_of_the_platform_find_the_order(his: HisCaller) -> None:
    schedule = await his.schedule()
    assert await his.state(TransactionId="L7") == "none"
    booked = await his.book(schedule, serial="7")
    for serial in ("L7", "B7", booked["TransactionId"]):
        assert await his.state(TransactionId=serial) == "B"
    assert await his.state(PayOrdId="B7") == await his.state(OrderCode=booked["OrderCode"]) == "B"


async def test_a_site_may_hide_what_is_not_paid(his: HisCaller) -> None:
    await his.book(await his.schedule(), serial="7")
    await his.admin("/his/site", {"hides_unpaid": True})
    assert await his.state(TransactionId="B7") == "none"
    assert (await his.call("QueryOrder", PatientID="0000000007")).code == "1"


async def test_a_site_may_book_without_a_lock(his: HisCaller) -> None:
    schedule = await his.schedule()
    await his.admin("/his/site", {"lock_first": False})
    booked = await his.call("BookService", ScheduleItemCode=schedule, PatientID="0000000007", TransactionId="P1")
    assert (booked.code, await his.state(TransactionId="P1")) == ("0", "B")


@pytest.mark.parametrize(
    ("repeated", "codes", "orders"), [("refuse", "-204", 1), ("answer", "0", 1), ("again", "0", 2)]
)
async def test_what_a_repeated_call_does(his: HisCaller, repeated: str, codes: str, orders: int) -> None:
    schedule = await his.schedule()
    await his.admin("/his/site", {"repeated": repeated})
    first = await his.book(schedule, serial="7")
    again = await his.call(
        "BookService", ScheduleItemCode=schedule, TransactionId=first["TransactionId"], PayOrdId="B7"
    )
    assert again.code == codes
    if repeated == "answer":
        assert again["OrderCode"] == first["OrderCode"]
        assert (await his.lock(schedule, PayOrdId="L7"))["TransactionId"] == first["TransactionId"]
    assert (await his.admin("/his/orders?state=booked"))["totals"] == {"booked": orders}
    assert (await his.call("QueryRegStatus", TransactionId="B7"))["RecordCount"] == str(orders), (
        "whoever asks sees both"
    )
    verdicts = (await his.admin("/his/compare"))["summary"]
    assert verdicts == ({"ok": 1, "double": 1} if orders == 2 else {"ok": 1})


async def test_a_repeated_booking_is_answered_alike_after_the_patient_came(his: HisCaller) -> None:
    await his.admin("/his/site", {"repeated": "answer"})
    schedule = await his.schedule()
    first = await his.book(schedule)
    await his.admin("/his/clock", {"set": "2026-11-21 08:00:00"})
    await his.call("OPAllocAutoReport", ID="0000000007", IDType="1")
    again = await his.call("BookService", ScheduleItemCode=schedule, TransactionId=first["TransactionId"])
    assert (again["OrderCode"], await his.state(OrderCode=first["OrderCode"])) == (first["OrderCode"], "A")


async def test_a_cancel_gives_the_number_back_until_the_patient_is_seen(his: HisCaller) -> None:
    schedule = await his.schedule()
    booked = await his.book(schedule)
    assert (await his.call("CancelOrder", OrderCode=booked["OrderCode"], TransactionId="C1")).code == "0"
    assert (await his.call("CancelOrder", OrderCode=booked["OrderCode"], TransactionId="C1")).code == "-209"
    assert await left(his, schedule) == 24
    booked = await his.book(schedule)
    await his.admin("/his/clock", {"set": "2026-11-21 08:00:00"})
    await his.call("OPAllocAutoReport", ID="0000000007", IDType="1")
    assert (await his.call("CancelOrder", OrderCode=booked["OrderCode"])).code == "-208"
    await his.admin("/his/queue/next", {"schedule": schedule})
    await his.admin("/his/queue/next", {"schedule": schedule})
    assert (await his.call("CancelOrder", OrderCode=booked["OrderCode"])).code == "-208"


async def test_a_repeated_cancel_may_be_answered_like_the_first(his: HisCaller) -> None:
    await his.admin("/his/site", {"repeated": "answer"})
    code = (await his.book(await his.schedule()))["OrderCode"]
    answers = [(await his.call("CancelOrder", OrderCode=code, TransactionId=one)).code for one in ("C1", "C1", "C2")]
    assert answers == ["0", "0", "-209"]


async def test_who_missed_the_visit_may_cancel_for_seven_days(his: HisCaller) -> None:
    code = (await his.book(await his.schedule()))["OrderCode"]
    await his.admin("/his/clock", {"set": "2026-11-28 23:59:00"})
    order = await his.call("QueryOrder", PatientID="0000000007")
    assert (order["AllowRefundFlag"], await his.state(OrderCode=code)) == ("Y", "M")
    await his.admin("/his/clock", {"advance": 60})
    assert (await his.call("QueryOrder", PatientID="0000000007"))["AllowRefundFlag"] == "N"
    assert (await his.call("CancelOrder", OrderCode=code)).code == "-210"


async def test_yesterdays_schedules_are_over(his: HisCaller) -> None:
    schedule = await his.schedule("2026-11-20")
    assert (await his.lock(schedule))["LockQueueNo"] == "13", "what lies before ten is over"
    await his.admin("/his/clock", {"set": "2026-11-20 12:00:00"})
    assert (await his.lock(schedule, "0000000008")).code == "-215"
    assert schedule not in (await his.call("QueryAdmSchedule")).all("ScheduleItemCode")


async def test_the_statistics_operator_sees_every_channel(his: HisCaller) -> None:
    schedule = await his.schedule()
    await his.book(schedule)
    wechat = {"ExtUserID": "WX001", "ExtOrgCode": "WECHAT"}
    assert (await his.call("QueryAdmOPReg", PatientID="0000000007", **wechat)).code == "1"
    assert (await his.call("QueryOrder", PatientID="0000000007", **wechat)).code == "0"
    everything = await his.call("QueryAdmOPReg", ExtUserID="TJ001", ExtOrgCode="STATISTICS")
    assert everything.all("PatientID") == ["0000000007"]


async def test_a_killed_his_forgets_nothing(his: HisCaller, chosen: Settings) -> None:
    schedule = await his.schedule()
    await his.lock(schedule, PayOrdId="P1")
    await his.book(schedule, "0000000008", serial="2")
    again = Hospital(chosen)
    await again.start()
    try:
        other = HisCaller(his.session, again)
        assert (await other.admin("/his/clock"))["now"] == "2026-11-20 10:00:00"
        assert [await other.state(TransactionId=one) for one in ("P1", "B2")] == ["L", "B"]
        assert [row["code"] for row in (await other.admin("/his/schedules?day=2026-11-21&limit=5000"))["rows"]] == [
            row["code"] for row in (await his.admin("/his/schedules?day=2026-11-21&limit=5000"))["rows"]
        ]
    finally:
        await again.stop()


async def test_schedules_are_there_for_two_weeks_wherever_the_clock_is_put(his: HisCaller) -> None:
    for today in ("2026-11-20", "2031-01-05", "2026-11-22"):
        await his.admin("/his/clock", {"set": f"{today} 07:00:00"})
        days = set((await his.call("QueryAdmSchedule")).all("ServiceDate"))
        assert (len(days), min(days)) == (15, today)
