"""Trades that take a number or give it back: lock, unlock, book, cancel."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from sandbox import times
from sandbox.his.frame import FORMAT, No, yuan
from sandbox.his.orders import Payment, Wanted
from sandbox.his.rota import SESSIONS, numbers
from sandbox.his.trade import SITE, Content, Trade, caller, takes
from sandbox.his.trades.records import admit_range
from sandbox.his.trades.schedules import address

if TYPE_CHECKING:
    from sandbox.his.clinic import Clinic
    from sandbox.his.frame import Ask
    from sandbox.store import Row


def _lock(clinic: Clinic, ask: Ask) -> Content:
    patient = clinic.register.one(ask, card="CardNo")
    if patient is None:
        raise No(FORMAT, "PatientID不能为空")
    ask.day("TradeDate", ask.today)
    ask.clock("TradeTime")
    order = clinic.orders.lock(
        caller(ask), patient, wanted(ask, "BeginTime"), clinic.site, old=ask["OldTransactionId"], more=ask.surcharge
    )
    schedule = _schedule(clinic, order)
    doctor, _ = clinic.names().doctor(schedule["doctor"])
    return {
        "TransactionId": order["lock_serial"],
        "LockQueueNo": order["queue_no"],
        "ScheduleItemCode": order["schedule"],
        "AdmDoc": doctor,
        "AdmDate": schedule["day"],
        "AdmTime": numbers(schedule)[order["queue_no"] - 1].at,
        "RegFee": yuan(order["fee"]),
        "LockExpireTime": times.shown(order["locked_until"]),
    }


def _unlock(clinic: Clinic, ask: Ask) -> Content:
    clinic.orders.unlock(caller(ask), ask["TransactionId"])
    return {}


def _book(clinic: Clinic, ask: Ask) -> Content:
    patient = clinic.register.one(ask, card="CardNo", document="IDCardNo")
    if ask["PayFlag"] not in ("", "Y", "N"):
        raise No(FORMAT, "PayFlag应为Y或N")
    paid = Payment(_fen(ask.need("PayFee"))) if ask["PayFlag"] == "Y" else Payment()
    order = clinic.orders.book(caller(ask), patient, wanted(ask, "StartTime"), ask["TransactionId"], paid, clinic.site)
    schedule = _schedule(clinic, order)
    someone = clinic.register.patient(order["patient"])
    names = clinic.names()
    session = SESSIONS[schedule["session"]][0]
    doctor, _ = names.doctor(schedule["doctor"])
    days = (times.local(order["booked_at"]).date() - _HOROLOG).days
    return {
        "OrderCode": order["code"],
        "SeqCode": order["queue_no"],
        "RegFee": yuan(order["fee"]),
        "AdmitRange": admit_range(schedule, order),
        "AdmitAddress": address(schedule),
        "OrderContent": "^".join(
            (
                "",
                someone["id"],
                someone["name"],
                {"M": "男", "F": "女"}[someone["sex"]],
                f"{order['queue_no']} 号({session})",
                str(order["queue_no"]),
                names.department(schedule["department"]),
                doctor,
                schedule["day"],
                str(days),
                "",
            )
        ),
        "AdmNo": order["adm_no"],
        "TransactionId": order["lock_serial"],
    }


def _cancel(clinic: Clinic, ask: Ask) -> Content:
    clinic.orders.cancel(caller(ask), ask["OrderCode"], clinic.site)
    return {}


def wanted(ask: Ask, begins: str) -> Wanted:
    """Which number a call means; `begins` is the tag of the half hour's begin."""
    number = ask["LockQueueNo"]
    if number and not (number.isascii() and number.isdigit()):
        raise No(FORMAT, "LockQueueNo格式错误")
    return Wanted(ask["ScheduleItemCode"], int(number or 0), ask.clock(begins), ask.clock("EndTime"))


def _fen(text: str) -> int:
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise No(FORMAT, "PayFee格式错误") from error
    if amount != amount.quantize(Decimal("0.01")) or amount < 0:
        raise No(FORMAT, "PayFee格式错误")
    return int(amount * 100)


def _schedule(clinic: Clinic, order: Row) -> Row:
    row = clinic.rota.schedule(order["schedule"])
    assert row is not None
    return row


_HOROLOG = times.local(0).date().replace(year=1840, month=12, day=31)
"""The day from which Caché counts."""

TRADES = (
    Trade(
        "LockOrder",
        _lock,
        takes(
            "ScheduleItemCode PatientID CardNo CardType BeginTime EndTime TradeDate TradeTime OldTransactionId "
            "LockQueueNo PayOrdId"
        ),
        needs=("ScheduleItemCode",),
        code="10015",
        done="加号成功",
    ),
    Trade("UnLockOrder", _unlock, takes(""), needs=("TransactionId",), code="10016", done="取消锁号成功"),
    Trade(
        "BookService",
        _book,
        takes(
            "ScheduleItemCode PatientID CardNo CardType CredTypeCode IDCardNo PatientName MobileNo TelePhoneNo Gender "
            "Address LockQueueNo AdmitRange StartTime EndTime PayFlag PayModeCode PayFee PayInsuFee PayInsuFeeStr "
            "PayTradeNo PayTradeStr HISApptID SeqCode PayOrdId"
        ),
        needs=("ScheduleItemCode",),
        code="1000",
        done="预约成功",
    ),
    Trade("CancelOrder", _cancel, takes("OrderCode"), needs=("OrderCode",), code=SITE, done="取消成功"),
)
