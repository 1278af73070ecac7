"""The tags and codes of this style beside those of the trades that do the work."""

ROWS = {
    **dict.fromkeys(
        ("PatInfos", "Dicts", "Departments", "Doctors", "Schedules", "TimeRanges", "Orders", "StopDoctorInfos"), "Items"
    ),
    **dict.fromkeys(
        ("PatInfo", "Dict", "Department", "Doctor", "Schedule", "TimeRange", "Order", "StopSchedule", "StopDoctorInfo"),
        "Item",
    ),
    "TimeInfos": "Points",
    "TimeInfo": "Point",
}
"""Containers of rows. `Department` and `Doctor` are also plain tags of a booking: those have no tags inside."""

GIVES = {
    # patients
    "PatientID": "patientNo", "PatientName": "Name", "PatName": "Name", "SexCode": "Sex", "DOB": "dateBirth",
    "Mobile": "phoneNO", "Address": "homeAddress", "IDTypeCode": "IDType", "IDNo": "ICNO", "CardNo": "markNo",
    "CardType": "markType", "InsureCardNo": "insureNO", "Nation": "nation", "Country": "country",
    "Occupation": "profession", "Marital": "marry", "LiveAddress": "liveAddress", "GuardianName": "guardianName",
    "GuardianIDNo": "guardianICNO", "GuardianPhone": "guardianPhone",
    # the house
    "Code": "code", "Name": "name", "DepartmentCode": "deptCode", "DepartmentName": "deptName",
    "Department": "deptName", "AdmLoc": "deptName", "ParentId": "supDeptCode",
    "DepartmentAddress": "deptAddress", "Description": "des",
    "DoctorCode": "emplCode", "DoctorName": "docName", "Doctor": "docName", "AdmDoc": "docName",
    "DoctorTitle": "docTitle", "DoctorSpec": "docSpec", "ImageUrl": "docImage",
    # 号源
    "ScheduleItemCode": "schemaID", "ScheduleCode": "schemaID", "ServiceDate": "seeDate", "AdmitDate": "seeDate",
    "AdmDate": "seeDate", "WeekDay": "week", "SessionCode": "noonCode", "TimeRangeCode": "noonCode",
    "SessionName": "noonName", "TimeRangeName": "noonName", "StartTime": "beginTime", "EndTime": "endTime",
    "DoctorSessTypeCode": "regLevelCode", "DoctorSessType": "regLevelName", "Fee": "regCost", "RegFee": "regFee",
    "CheckupFee": "diagFee", "AvailableTotalNum": "telLimit", "AvailableLeftNum": "telLeft",
    "TimeRangeFlag": "pointFlag",
    "ScheduleStatus": "validFlag", "ClinicRoomName": "roomName", "AdmitAddress": "seeAddress", "Note": "memo",
    "AvailableNo": "seqNO", "AvailableNoTime": "seeTime", "AvailableFlag": "freeFlag",
    # bookings
    "TransactionId": "lockNO", "LockQueueNo": "seqNO", "AdmTime": "seeTime", "LockExpireTime": "validTime",
    "OrderCode": "bookingID", "OrderId": "bookingID", "SeqCode": "seqNO", "AdmitRange": "bookingTime", "AdmNo": "regNO",
    "RegID": "regNO", "OrderApptDate": "operTime", "OrderStatus": "stateName", "Status": "stateName",
    "RegStatus": "state", "AdmStatus": "state", "RegStatusDesc": "stateName", "AllowRefundFlag": "returnFlag",
    "PayFlag": "payFlag",
    # the day of the visit, 停诊
    "Tip": "tip", "WaitingNumber": "waitNum", "CurrentNo": "currentNO", "WaitingMinutes": "waitMinutes",
    "Reason": "reason", "ReplaceDoctorId": "replaceEmplCode", "ReplaceDoctorName": "replaceDocName",
}  # fmt: skip
"""A trade's tag to the one that stands here in its place; others are left out."""

_NOON = {"S": "1", "X": "2", "Y": "3"}
_STATES = {"L": "10", "U": "19", "E": "18", "B": "20", "C": "29", "A": "30", "D": "31", "V": "40", "M": "41", "T": "50"}
_YES = {"Y": "1", "N": "0"}
CODES = {
    "SexCode": {"1": "M", "2": "F"},
    "SessionCode": _NOON,
    "TimeRangeCode": _NOON,
    "RegStatus": _STATES,
    "AdmStatus": _STATES,
    "ScheduleStatus": {"N": "1", "S": "0"},
    "PayFlag": {"P": "1", "TB": "0"},
    **dict.fromkeys(("TimeRangeFlag", "AvailableFlag", "AllowRefundFlag"), _YES),
}
"""What a trade answers in a tag, and what is said here."""
ASKED = {
    "Sex": {"M": "1", "F": "2"},
    "RBASSessionCode": {ours: theirs for theirs, ours in _NOON.items()},
    "PayFlag": {"1": "Y", "0": "N"},
}
"""What is asked here in a trade's tag, and what the trade wants."""
