"""Trades about patients: found, entered, brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.his.register import CARD, MORE_TAGS, shown_birth
from sandbox.his.trade import Content, Trade, listed, takes
from sandbox.his.words import NATIONS

if TYPE_CHECKING:
    from sandbox.his.clinic import Clinic
    from sandbox.his.frame import Ask
    from sandbox.store import Row

_SEX = {"M": ("1", "男"), "F": ("2", "女")}
_NATION_CODES = {name: code for code, name in NATIONS.items()}


def _get(clinic: Clinic, ask: Ask) -> Content:
    return listed("PatInfos", "PatInfo", [_shown(clinic, row) for row in clinic.register.find(ask)])


def _shown(clinic: Clinic, row: Row) -> Content:
    code, sex = _SEX[row["sex"]]
    return {
        "PatientID": row["id"],
        "PatientName": row["name"],
        "Sex": sex,
        "SexCode": code,
        "DOB": shown_birth(row),
        "TelephoneNo": row["mobile"],
        "Mobile": row["mobile"],
        "Address": row["address"],
        "IDTypeCode": row["id_type"],
        "IDNo": row["id_number"],
        "InsureCardNo": "",
        "CardNo": row["card_no"],
        "CardType": CARD,
        "AccInfo": f"{row['card_no']}^{CARD}^0.00^N",
        "Nation": _NATION_CODES.get(row["ethnicity"], ""),
        "BillType": row["fee_type"],
        **clinic.register.more(row["id"]),
    }


def _save(clinic: Clinic, ask: Ask) -> Content:
    row = clinic.register.enter(ask)
    return {"PatientID": row["id"], "CardNo": row["card_no"], "CardType": CARD, "ActiveFlag": "Y"}


def _update(clinic: Clinic, ask: Ask) -> Content:
    return {"PatientID": clinic.register.update(ask)["id"]}


TRADES = (
    Trade(
        "GetPatInfo",
        _get,
        takes("PatientCard CardType PatientID Phone IDCardType IDNo PatientName SecrityNo"),
        code="3300",
    ),
    Trade(
        "SavePatientCard",
        _save,
        takes("PatientName Sex DOB IDType IDNo Mobile Address Nation PatientCard CardType") | MORE_TAGS,
        code="3014",
        done="建档成功",
    ),
    Trade(
        "UpdatePatInfo",
        _update,
        takes("PAPMINo Mobile Address Nation") | MORE_TAGS,
        hospital="HospitalID",
        done="修改成功",
    ),
)
