"""The methods, each with the trade that does it and its tags beside that trade's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.his.asmx.words import ASKED
from sandbox.his.frame import CAMPUSES, FORMAT, HOSPITALS, OPERATORS, No, tags, write
from sandbox.his.trade import SITE
from sandbox.his.trades import TRADES

if TYPE_CHECKING:
    from sandbox.his.clinic import Clinic


@dataclass(frozen=True, slots=True)
class Method:
    """One method. `takes`: its tags to the trade's; `fixed`: what the trade is always told beside them."""

    name: str
    trade: str
    takes: Mapping[str, str]
    fixed: Mapping[str, str] = field(default_factory=dict)

    def asked(self, payload: str, clinic: Clinic) -> str:
        """The trade's own `<Request>`; No where this one is not right."""
        root, given = tags(payload)
        if root != "Request":
            raise No(FORMAT, "入参根节点应为Request")
        if unknown := [name for name in given if name not in {"operCode", "branch", *self.takes}]:
            raise No(FORMAT, f"未知节点:{','.join(unknown)}")
        operator, branch = given.pop("operCode", ""), given.pop("branch", "")
        if operator not in OPERATORS:
            raise No(FORMAT, "operCode不存在")
        if branch not in CAMPUSES:
            raise No(FORMAT, "branch不存在" if branch else "branch不能为空")
        trade = TRADES[self.trade]
        for name in (name for name, own in self.takes.items() if own in trade.needs and not given.get(name)):
            raise No(FORMAT, f"{name}不能为空")
        return write(
            {
                "TradeCode": clinic.site.cancel_code if trade.code == SITE else trade.code,
                "ExtOrgCode": OPERATORS[operator],
                "ClientType": "ASMX",
                trade.hospital: HOSPITALS[CAMPUSES[branch]],
                "ExtUserID": operator,
                **self.fixed,
                **{self.takes[name]: _meant(name, self.takes[name], text) for name, text in given.items()},
            },
            "Request",
        )

    def words(self, text: str) -> str:
        """What a trade says, with this method's names of the tags."""
        for name, own in sorted(self.takes.items(), key=lambda one: -len(one[1])):
            text = text.replace(own, name)
        return text


def _meant(name: str, own: str, text: str) -> str:
    codes = ASKED.get(own)
    if codes is None or not text:
        return text
    if text not in codes:
        raise No(FORMAT, f"{name}应为{','.join(codes)}之一")
    return codes[text]


_FILE = {
    "phoneNO": "Mobile", "homeAddress": "Address", "nation": "Nation", "country": "Country",
    "profession": "Occupation", "marry": "Marital", "liveAddress": "LiveAddress", "linkName": "ContactName",
    "linkPhone": "ContactPhone", "linkRelation": "ContactRelation", "guardianName": "GuardianName",
    "guardianICNO": "GuardianIDNo", "guardianPhone": "GuardianPhone",
}  # fmt: skip
_DAYS = {"beginTime": "StartDate", "endTime": "EndDate"}
_BOOKINGS = {"patientNo": "PatientID", "bookingID": "OrderCode", **_DAYS}

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "GetExistProfile",
            "GetPatInfo",
            {
                "patientNo": "PatientID", "markNo": "PatientCard", "markType": "CardType", "IDType": "IDCardType",
                "ICNO": "IDNo", "phoneNO": "Phone", "Name": "PatientName",
            },
        ),
        Method(
            "CreateProfile",
            "SavePatientCard",
            {
                "Name": "PatientName", "Sex": "Sex", "dateBirth": "DOB", "IDType": "IDType", "ICNO": "IDNo",
                "markNo": "PatientCard", **_FILE,
            },
        ),
        Method("UpdateProfile", "UpdatePatInfo", {"patientNo": "PAPMINo", **_FILE}),
        Method("GetDictInfo", "QueryDictInfo", {"dictType": "DictType"}),
        Method("GetSupDeptInfo", "QueryDepartmentGroup", {}),
        Method("GetDeptInfo", "QueryDepartment", {"supDeptCode": "DepartmentCode"}),
        Method(
            "GetDocInfo",
            "QueryDoctor",
            {"deptCode": "DepartmentCode", "docName": "DoctorName", "emplCode": "DoctorCode"},
        ),
        Method(
            "GetShemaInfo",
            "QueryAdmSchedule",
            {
                **_DAYS, "deptCode": "DepartmentCode", "emplCode": "DoctorCode", "noonCode": "RBASSessionCode",
                "patientNo": "PatientID", "regLevelCode": "SessType",
            },
        ),
        Method(
            "GetShemaPointInfo",
            "QueryScheduleTimeInfo",
            {"schemaID": "ScheduleItemCode", "seeDate": "ServiceDate", "patientNo": "PatientID"},
        ),
        Method(
            "LockShema",
            "LockOrder",
            {
                "schemaID": "ScheduleItemCode", "patientNO": "PatientID", "beginTime": "BeginTime",
                "endTime": "EndTime", "seqNO": "LockQueueNo", "bookingNO": "PayOrdId",
            },
        ),
        Method("UnLockShema", "UnLockOrder", {"lockNO": "TransactionId"}),
        Method(
            "InsertBooking",
            "BookService",
            {
                "lockNO": "TransactionId", "schemaID": "ScheduleItemCode", "patientNO": "PatientID",
                "payFlag": "PayFlag", "bookingNO": "PayOrdId",
            },
        ),
        Method("CancelBooking", "CancelOrder", {"bookingID": "OrderCode", "bookingNO": "TransactionId"}),
        Method(
            "GetBookingState",
            "QueryRegStatus",
            {"lockNO": "TransactionId", "bookingNO": "PayOrdId", "bookingID": "OrderCode"},
        ),
        Method("QueryAppAppointRecords", "QueryOrder", _BOOKINGS),
        Method("QueryAppRegistRecords", "QueryAdmOPReg", _BOOKINGS),
        Method(
            "ConfirmArrive",
            "OPAllocAutoReport",
            {"patientNo": "ID", "regNO": "AdmNo", "machineNO": "MachineID"},
            {"IDType": "1"},
        ),
        Method("GetQueue", "WaitingQueue", {"patientNo": "PatientID", "regNO": "AdmNo"}),
        Method("GetShemaInfoNoVaild", "QueryStopDoctorInfo", {**_DAYS, "deptCode": "DepartmentCode"}),
    )
}  # fmt: skip
"""All methods by name; misspelt as real ones are."""
