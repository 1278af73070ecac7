"""Trades about the house: departments, doctors, dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.his import words
from sandbox.his.frame import FORMAT, HOSPITALS, No
from sandbox.his.rota import TYPES
from sandbox.his.trade import Content, Trade, listed, takes

if TYPE_CHECKING:
    from sandbox.his.clinic import Clinic
    from sandbox.his.frame import Ask

_GROUPS = {
    "NK": ("内科", "内|心血管|呼吸|神经|肾|血液|感染|肿瘤|老年"),
    "WK": ("外科", "外|骨|泌尿"),
    "ZH": ("综合与专科", ""),
}
"""一级科室: what the hospital's clinics are gathered under; the first whose word stands in the name."""
_DICTIONARIES = {
    "NATION": words.NATIONS,
    "OCCUPATION": words.OCCUPATIONS,
    "MARITAL": words.MARITAL,
    "IDTYPE": words.ID_TYPES,
    "COUNTRY": words.COUNTRIES,
    "RELATION": words.RELATIONS,
    "SESSTYPE": {code: name for code, (name, _, _) in TYPES.items()},
}


def group_of(name: str) -> str:
    """The 一级科室 of a clinic."""
    return next(code for code, (_, parts) in _GROUPS.items() if any(part in name for part in parts.split("|")))


def _groups(clinic: Clinic, ask: Ask) -> Content:
    names = clinic.store.all("select name from departments where campus = ? and kind = 'clinic'", ask.campus)
    used = {group_of(row["name"]) for row in names}
    rows: list[Content] = [
        {"DepartmentCode": code, "DepartmentName": name} for code, (name, _) in _GROUPS.items() if code in used
    ]
    return listed("Departments", "Department", rows)


def _departments(clinic: Clinic, ask: Ask) -> Content:
    found = clinic.store.all(
        "select code, name from departments where campus = ? and kind = 'clinic' order by code", ask.campus
    )
    names = clinic.names()
    rows: list[Content] = [
        {
            "DepartmentCode": row["code"],
            "DepartmentName": names.department(row["code"]),
            "ParentId": group_of(row["name"]),
            "DepartmentAddress": _where(row["code"]),
            "Description": f"{row['name']}门诊",
        }
        for row in found
        if ask["DepartmentCode"] in ("", group_of(row["name"]))
    ]
    return listed("Departments", "Department", rows)


def _where(code: str) -> str:
    return f"门诊楼{int(code[-2:]) % 5 + 1}楼"


def _doctors(clinic: Clinic, ask: Ask) -> Content:
    found = clinic.store.all(
        """select d.*, p.name as place from doctors d join departments p on p.code = d.department
           where p.campus = ? and p.kind = 'clinic' and (? = '' or d.department = ?) and (? = '' or instr(d.name, ?))
           order by d.code""",
        ask.campus,
        ask["DepartmentCode"],
        ask["DepartmentCode"],
        ask["DoctorName"],
        ask["DoctorName"],
    )
    names = clinic.names()
    rows: list[Content] = [
        {
            "DoctorCode": row["code"],
            "DoctorName": row["name"],
            "DoctorTitle": row["title"],
            "DepartmentCode": row["department"],
            "DepartmentName": names.department(row["department"]),
            "DoctorSpec": f"{row['place']}常见病与疑难病",
            "Description": f"{row['title']},从事{row['place']}临床工作多年。",
        }
        for row in found
        if ask["DoctorCode"] in ("", row["code"])
    ]
    return listed("Doctors", "Doctor", rows)


def _dictionary(clinic: Clinic, ask: Ask) -> Content:
    if ask["DictType"] == "HOSPITAL":
        campuses = clinic.store.all("select code, name from campuses order by rowid")
        entries = {HOSPITALS[row["code"]]: row["name"] for row in campuses}
    else:
        entries = _DICTIONARIES.get(ask["DictType"], {})
    if not entries:
        raise No(FORMAT, f"DictType应为{','.join(['HOSPITAL', *_DICTIONARIES])}之一")
    return listed("Dicts", "Dict", [{"Code": code, "Name": name} for code, name in entries.items()])


TRADES = (
    Trade("QueryDepartmentGroup", _groups, takes(""), code="1014"),
    Trade("QueryDepartment", _departments, takes("DepartmentType DepartmentCode"), code="1012"),
    Trade("QueryDoctor", _doctors, takes("DepartmentCode DoctorName DoctorCode"), code="1013"),
    Trade("QueryDictInfo", _dictionary, takes("DictType"), needs=("DictType",)),
)
