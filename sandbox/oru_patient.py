"""PID and PV1 in two schools: as the field does it, and as the standard says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sandbox import times
from sandbox.er7 import Written, inner, parts, repeats

if TYPE_CHECKING:
    from sandbox.oru import Facts
    from sandbox.styles import Style

Fields = dict[int, object]
_DOCUMENTS = {"01": "NI", "03": "PPN", "06": "PRC"}  # identity card, passport, residence permit (table 0203)
_COMPOUND = ("欧阳", "司徒", "上官", "诸葛")


class Writer(Protocol):
    """One school's way of saying who the patient is and where they are."""

    def pid(self, facts: Facts, style: Style) -> Fields: ...

    def pv1(self, facts: Facts, style: Style) -> Fields: ...


class _Field:
    """Chinese field practice: position decides, type codes are missing (clinical-messaging.md section 3)."""

    def pid(self, facts: Facts, style: Style) -> Fields:
        patient, campus = facts.patient, facts.campus
        authority = inner(campus["organisation"], campus["name"])
        name = parts(patient["pinyin"].replace(" ", "").upper() if style.version != "2.3" else "", patient["name"])
        address = ("", "", patient["address"]) if style.version == "2.3.1" else (patient["address"],)
        return {
            1: "1",
            2: patient["id"],
            3: repeats(parts(patient["id"], "", "", authority), patient["id_number"], patient["empi_id"]),
            4: "0",
            5: name,
            7: f"{patient['birth']}000000",
            8: patient["sex"],
            11: parts(*address),
            13: parts("", "", "", "", "", "", patient["mobile"]),
            16: "O",
            18: facts.visit["visit_no"],
            19: patient["id_number"],
            22: parts("", "", patient["ethnicity"]),
            28: parts("1010", "中国"),
        }

    def pv1(self, facts: Facts, style: Style) -> Fields:
        visit, ward, doctor = facts.visit, facts.ward, facts.physician
        physician = parts(doctor["code"], "", doctor["name"])
        return {
            1: "1",
            2: visit["kind"],
            3: parts("", "", visit["bed"], inner(ward["code"], f"Z{ward['name']}")),
            7: physician,
            17: physician if visit["kind"] == "I" else "",
            18: facts.patient["fee_type"],
            19: visit["visit_no"],
            42: parts(ward["code"], "", "", facts.campus["organisation"]),
            44: times.hl7(visit["started"], zone=style.zone),
            51: "V",
        }


class _Coded:
    """By the standard: every identifier has its authority and type, names and phones their use."""

    def pid(self, facts: Facts, style: Style) -> Fields:
        patient, campus = facts.patient, facts.campus
        family, given = split_name(patient["name"])
        sounds = patient["pinyin"].split(" ")
        hospital = inner(campus["code"].upper(), f"2.16.156.99999.{campus['organisation'][1:]}", "ISO")
        fields: Fields = {
            1: "1",
            3: repeats(
                parts(patient["id"], "", "", hospital, "PI", campus["code"].upper()),
                parts(patient["id_number"], "", "", "MPS", _DOCUMENTS[patient["id_type"]]),
                parts(patient["card_no"], "", "", campus["code"].upper(), "HC"),
                parts(patient["empi_id"], "", "", "EMPI", "PT"),
            ),
            5: repeats(
                parts(family, given, "", "", "", "", "L", "I"),
                parts(sounds[0], sounds[-1], "", "", "", "", "L", "A"),
            ),
            7: patient["birth"],
            8: patient["sex"],
            11: parts(patient["address"], "", "", "", "", "CHN", "H"),
            13: _phone(patient["mobile"]),
            18: parts(facts.visit["visit_no"], "", "", campus["code"].upper(), "VN"),
        }
        if style.at_least("2.7"):
            fields[40] = _phone(patient["mobile"])  # PID-13 gives way to PID-40 from 2.7 on
        return fields

    def pv1(self, facts: Facts, style: Style) -> Fields:
        visit, ward, doctor = facts.visit, facts.ward, facts.physician
        family, given = split_name(doctor["name"])
        campus = facts.campus["code"].upper()
        return {
            1: "1",
            2: visit["kind"],
            3: parts(ward["code"], "", visit["bed"], campus, "", "", "", "", ward["name"]),
            7: parts(doctor["code"], family, given, "", "", "", "", "", campus),
            10: "MED",
            19: parts(visit["visit_no"], "", "", campus, "VN"),
            44: times.hl7(visit["started"], zone=style.zone),
        }


FIELD: Writer = _Field()
CODED: Writer = _Coded()


def split_name(name: str) -> tuple[str, str]:
    """Surname and given name; a name with `·` has its first part as given name, by custom of its people."""
    if "·" in name:
        given, _, family = name.partition("·")
        return family, given
    at = 2 if name.startswith(_COMPOUND) else 1
    return name[:at], name[at:]


def _phone(mobile: str) -> Written:
    return parts("", "PRN", "CP", "", "86", "", mobile)
