"""The register of patients: found by number, card, document or phone; entered; brought up to date.

The people are those of the whole hospital; what only the HIS keeps stands beside them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.his.frame import FORMAT, NO_DATA, No
from sandbox.his.words import COUNTRIES, ID_TYPES, MARITAL, NATIONS, OCCUPATIONS, RELATIONS
from sandbox.people import check_digit

if TYPE_CHECKING:
    from sandbox.his.frame import Ask
    from sandbox.store import Row, Store

KNOWN = "-102"
CARD = "02"  # 就诊卡
SEXES = {"1": "M", "2": "F"}
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_MORE = {
    "Country": "country",
    "Occupation": "occupation",
    "Marital": "marital",
    "LiveAddress": "live_address",
    "RegisterAddress": "register_address",
    "BirthAddress": "birth_address",
    "ContactName": "contact_name",
    "ContactPhone": "contact_phone",
    "ContactRelation": "contact_relation",
    "GuardianName": "guardian_name",
    "GuardianIDNo": "guardian_id_no",
    "GuardianPhone": "guardian_phone",
}
"""Tags of what only the HIS keeps, and their columns."""
_CODED = {"Country": COUNTRIES, "Occupation": OCCUPATIONS, "Marital": MARITAL, "ContactRelation": RELATIONS}
MORE_TAGS = frozenset(_MORE)


class Register:
    """Reads and writes patients."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def patient(self, number: str) -> Row:
        row = self._store.one("select * from patients where id = ?", number)
        if row is None:
            raise No(NO_DATA, "患者登记号不存在")
        return row

    def more(self, number: str) -> Row:
        """What only the HIS keeps of a patient, by tag; empty where nothing was ever entered."""
        row = self._store.one("select * from his_patients where patient = ?", number) or {}
        return {tag: row.get(column, "") for tag, column in _MORE.items()}

    def find(self, ask: Ask) -> list[Row]:
        """By the strongest thing given: number, card, document, then phone with name."""
        if ask["PatientID"]:
            rows = self._store.all("select * from patients where id = ?", ask["PatientID"])
        elif ask["PatientCard"]:
            if ask["CardType"] not in ("", CARD):
                raise No(FORMAT, "CardType不存在")
            rows = self._store.all("select * from patients where card_no = ?", ask["PatientCard"])
        elif ask["IDNo"]:
            type_ = ask["IDCardType"] or "01"
            rows = self._store.all(
                "select * from patients where id_number = ? and id_type = ?", ask["IDNo"].upper(), type_
            )
        elif ask["Phone"] and ask["PatientName"]:
            rows = self._store.all("select * from patients where mobile = ?", ask["Phone"])
        else:
            raise No(FORMAT, "登记号、卡号、证件号、手机号加姓名不能都为空")
        return [row for row in rows if ask["PatientName"] in ("", row["name"])]

    def one(self, ask: Ask, card: str = "PatientCard", document: str = "IDNo") -> Row | None:
        """The patient a booking names, if it names one; No when it names nobody we know, or two."""
        tags = {
            "PatientID": ask["PatientID"],
            "PatientCard": ask[card],
            "CardType": ask["CardType"],
            "IDNo": ask[document],
            "IDCardType": ask["CredTypeCode"] or ask["IDCardType"],
            "PatientName": ask["PatientName"],
        }
        if not (tags["PatientID"] or tags["PatientCard"] or tags["IDNo"]):
            return None
        found = self.find(replace(ask, tags=tags))
        if len(found) != 1:
            raise No(NO_DATA, "患者信息不存在或姓名不符")
        return found[0]

    def enter(self, ask: Ask) -> Row:
        """A new patient; No where somebody with this document is known."""
        name, id_type, id_no = ask.need("PatientName"), ask["IDType"] or "01", ask["IDNo"].upper()
        sex, birth = SEXES.get(ask.need("Sex")), ask.day("DOB", date(1800, 1, 1))
        if sex is None:
            raise No(FORMAT, "Sex应为1或2")
        if birth > ask.today or not ask["DOB"]:
            raise No(FORMAT, "DOB不能为空或晚于今天")
        mobile = _phone(ask.need("Mobile"), "Mobile")
        self._document(id_type, id_no, birth, sex, ask)
        if id_no and (known := self._store.value("select id from patients where id_number = ?", id_no)):
            raise No(KNOWN, f"该证件号已建档,登记号{known}")
        number = f"{int(self._store.value('select max(id) from patients')) + 1:010d}"
        nation = _coded("Nation", ask["Nation"] or "01", NATIONS)
        self._store.insert(
            "patients",
            id=number,
            name=name,
            pinyin="",
            sex=sex,
            birth=birth.strftime("%Y%m%d"),
            id_type=id_type,
            id_number=id_no,
            mobile=mobile,
            card_no=ask["PatientCard"] or f"C{Random(number).randrange(10**9, 10**10)}",
            empi_id=f"EMPI{int(number):08d}",
            address=ask["Address"],
            ethnicity=nation,
            fee_type="自费",
            campus=ask.campus,
        )
        self._keep(number, ask)
        return self.patient(number)

    def update(self, ask: Ask) -> Row:
        """Changes what is given and leaves the rest."""
        number = self.patient(ask.need("PAPMINo"))["id"]
        changed: dict[str, Any] = {}
        if ask["Mobile"]:
            changed["mobile"] = _phone(ask["Mobile"], "Mobile")
        if ask["Address"]:
            changed["address"] = ask["Address"]
        if ask["Nation"]:
            changed["ethnicity"] = _coded("Nation", ask["Nation"], NATIONS)
        if not changed and not MORE_TAGS & {name for name, text in ask.tags.items() if text}:
            raise No(FORMAT, "没有要修改的内容")
        for column, value in changed.items():
            self._store.run(f"update patients set {column} = ? where id = ?", value, number)
        self._keep(number, ask)
        return self.patient(number)

    def _keep(self, number: str, ask: Ask) -> None:
        known = self.more(number)
        for tag, words in _CODED.items():
            if ask[tag]:
                _coded(tag, ask[tag], words)
        for tag in ("ContactPhone", "GuardianPhone"):
            if ask[tag]:
                _phone(ask[tag], tag)
        values = {column: ask[tag] or known[tag] for tag, column in _MORE.items()}
        created = self._store.value("select created_at from his_patients where patient = ?", number) or ask.now
        self._store.run("delete from his_patients where patient = ?", number)
        self._store.insert(
            "his_patients", patient=number, **values, created_at=created, updated_at=ask.now, channel=ask.channel
        )

    def _document(self, id_type: str, id_no: str, birth: date, sex: str, ask: Ask) -> None:
        """A child may come without a document, with a guardian who has one."""
        if id_type not in ID_TYPES:
            raise No(FORMAT, "IDType不存在")
        if not id_no:
            if (ask.today - birth).days > 14 * 366:
                raise No(FORMAT, "IDNo不能为空")
            for tag in ("GuardianName", "GuardianIDNo", "GuardianPhone"):
                ask.need(tag)
        elif id_type == "01":
            if not re.fullmatch(r"\d{17}[\dX]", id_no, re.ASCII) or check_digit(id_no[:17]) != id_no[17]:
                raise No(FORMAT, "身份证号校验错误")
            if id_no[6:14] != birth.strftime("%Y%m%d") or (int(id_no[16]) % 2 == 1) != (sex == "M"):
                raise No(FORMAT, "身份证号与出生日期或性别不符")
        elif not re.fullmatch(r"[A-Z0-9]{5,20}", id_no, re.ASCII):
            raise No(FORMAT, "证件号格式错误")


def _phone(text: str, tag: str) -> str:
    if not _MOBILE.fullmatch(text):
        raise No(FORMAT, f"{tag}不是有效的手机号")
    return text


def _coded(tag: str, code: str, words: dict[str, str]) -> str:
    if code not in words:
        raise No(FORMAT, f"{tag}不在字典中")
    return words[code]


def shown_birth(row: Row) -> str:
    return f"{row['birth'][:4]}-{row['birth'][4:6]}-{row['birth'][6:]}"
