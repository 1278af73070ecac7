"""ORC, OBR, NTE, OBX and SPM of a report, in the sender's style."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from sandbox import imaging, times
from sandbox.er7 import Written, formatted, parts, segment
from sandbox.imaging import EXAMS
from sandbox.laboratory import PANELS, Item
from sandbox.oru_patient import split_name

if TYPE_CHECKING:
    from sandbox.oru import Facts
    from sandbox.styles import Style

_ARROWS = {"H": "↑", "L": "↓", "HH": "↑↑", "LL": "↓↓"}
_COMPARATORS = ("<=", ">=", "<", ">")


def groups(facts: Facts, style: Style) -> list[str]:
    """The order group: ORC, OBR and what was found; susceptibility as a child OBR where the style is `coded`."""
    if facts.report["kind"] == "exam":
        return [*_order(facts, style), *_imaging(facts, style)]
    items: list[Item] = facts.content
    cultures = [item for item in items if item.get("organism")]
    if style.school != "coded" or not cultures:
        return [*_order(facts, style), *_observations(items, facts, style), *_specimen(facts, style)]
    segments = [*_order(facts, style), *_observations(cultures, facts, style), *_specimen(facts, style)]
    for number, culture in enumerate(cultures, 2):
        drugs = [item for item in items if item.get("sub") == culture["sub"] and item is not culture]
        segments += _susceptibility(number, culture, facts, style)
        segments += _observations(drugs, facts, style)
    return segments


def _order(facts: Facts, style: Style) -> list[str]:
    orc: dict[int, object] = {1: "RE", 2: facts.order["order_no"], 3: facts.report["id"], 5: _order_state(facts)}
    if style.school == "coded":
        orc |= {9: _time(facts.version["at"], style), 12: _doctor(facts.physician, style)}
    else:
        ward = facts.ward
        orc |= {
            7: parts("", "", "", "", "", "S" if facts.order["urgent"] else "R"),
            9: _time(facts.order["ordered_at"], style),
            12: _doctor(facts.physician, style),
            13: parts(ward["code"], "", "", "", "", "", "", f"Z{ward['name']}"),
            17: parts(ward["code"], ward["name"], "", facts.campus["organisation"]),
            20: parts("0", "1"),
        }
    return [segment("ORC", orc), segment("OBR", _request(facts, style))]


def _order_state(facts: Facts) -> str:
    return {"X": "CA", "P": "IP"}.get(facts.version["status"], "CM")


def _request(facts: Facts, style: Style) -> dict[int, object]:
    report, order, version = facts.report, facts.order, facts.version
    coded = style.school == "coded"
    obr: dict[int, object] = {
        1: "1",
        2: order["order_no"],
        3: report["id"],
        4: parts(*_item_code(facts, style)),
        7: _time(report["collected_at"], style),
        14: "" if style.at_least("2.5") else _time(report["received_at"], style),
        16: _doctor(facts.physician, style),
        22: _time(version["at"], style),
        24: _section(facts, style),
        25: version["status"],
        32: _interpreter(facts, style),
    }
    if not coded:
        service = facts.service
        obr |= {
            5: "S" if order["urgent"] else "R",
            12: parts(service["code"], f"Z{service['name']}", facts.campus["organisation"]),  # not what OBR-12 means
            15: PANELS[report["item"]].specimen if report["kind"] == "lab" else "",
        }
    return obr


def _item_code(facts: Facts, style: Style) -> tuple[str, ...]:
    item, name = facts.report["item"], facts.report["title"]
    if style.school == "field":
        return item, name
    loinc = PANELS[item].loinc if facts.report["kind"] == "lab" else EXAMS[item].loinc
    return loinc, name, "LN", item, name, "L"


def _section(facts: Facts, style: Style) -> str:
    if facts.report["kind"] == "lab":
        panel = PANELS[facts.report["item"]]
        return panel.section if style.school == "coded" else "检验"
    exam = EXAMS[facts.report["item"]]
    return exam.section if style.school == "coded" else exam.modality


def _doctor(doctor: dict[str, object], style: Style) -> Written:
    name = str(doctor["name"])
    return parts(doctor["code"], *split_name(name)) if style.school == "coded" else parts(doctor["code"], "", name)


def _interpreter(facts: Facts, style: Style) -> Written:
    examiner = facts.examiner
    if style.school == "coded":
        return parts(Written("&".join((examiner["code"], *split_name(examiner["name"])))))
    return parts(examiner["code"], "", examiner["name"])


def _susceptibility(number: int, culture: Item, facts: Facts, style: Style) -> list[str]:
    report, order = facts.report, facts.order
    result = Written(f"630-4&{culture['name']}&LN")
    obr: dict[int, object] = {
        1: str(number),
        2: order["order_no"],
        3: report["id"],
        4: parts("29576-6", "药敏试验", "LN"),
        7: _time(report["collected_at"], style),
        11: "G",
        22: _time(facts.version["at"], style),
        24: "MB",
        25: facts.version["status"],
        26: parts(result, culture["sub"], culture["name"]),
        29: parts(order["order_no"], report["id"]),
    }
    return [segment("OBR", obr)]


def _observations(items: list[Item], facts: Facts, style: Style) -> list[str]:
    segments = []
    for number, item in enumerate(items, 1):
        segments.append(segment("OBX", _measurement(number, item, facts, style)))
        if item.get("note"):
            segments.append(segment("NTE", {1: "1", 2: "L", 3: item["note"]}))
    return segments


def _measurement(number: int, item: Item, facts: Facts, style: Style) -> dict[int, object]:
    kind, value = _value(item, style)
    coded = style.school == "coded"
    return {
        1: str(number),
        2: kind,
        3: parts(item["loinc"], item["name"], "LN", item["code"], item["name"], "L")
        if coded
        else parts(item["code"], item["name"]),
        4: item.get("sub") or _sub_id(style),
        5: value,
        6: parts(item["ucum"], item["unit"], "UCUM") if coded and item["ucum"] else item["unit"],
        7: item["range"],
        8: _flag(item["flag"], style),
        11: facts.version["status"],
        14: _time(facts.report["received_at"], style),
        16: _doctor(facts.examiner, style),
    }


def _sub_id(style: Style) -> str:
    return "1" if style.school == "coded" and style.at_least("2.7") else ""


def _flag(flag: str, style: Style) -> str:
    return _ARROWS.get(flag, flag) if style.arrows else flag


def _value(item: Item, style: Style) -> tuple[str, Written]:
    """OBX-2 and OBX-5."""
    value = str(item["value"])
    if item["type"] == "SN":
        comparator = next((sign for sign in _COMPARATORS if value.startswith(sign)), "")
        if comparator:
            return "SN", parts(comparator, value.removeprefix(comparator))
        low, dash, high = value.partition("-")
        return "SN", parts("", low, dash, high)
    if item["type"] == "CE":
        kind = "CWE" if style.at_least("2.7") else "CE"
        code = (item["snomed"], value, "SCT", item["organism"], value, "L")
        return kind, parts(*code) if style.school == "coded" else parts(item["organism"], value)
    return item["type"], formatted(value)


def _specimen(facts: Facts, style: Style) -> list[str]:
    if style.school != "coded" or not style.at_least("2.5"):
        return []
    panel = PANELS[facts.report["item"]]
    fields: dict[int, object] = {
        1: "1",
        2: parts("", f"S{facts.report['id']}"),
        4: parts(panel.specimen_code, panel.specimen, "HL70487"),
        17: _time(facts.report["collected_at"], style),
        18: _time(facts.report["received_at"], style),
    }
    return [segment("SPM", fields)]


def _imaging(facts: Facts, style: Style) -> list[str]:
    content = facts.content
    coded = style.school == "coded"
    findings = parts("59776-5", "检查所见", "LN", "GDT", "检查所见", "L") if coded else parts("GDT", "检查所见")
    impression = parts("19005-8", "诊断结论", "LN", "IMP", "诊断结论", "L") if coded else parts("IMP", "诊断结论")
    page = imaging.pdf([facts.report["title"], "检查所见:", *content["findings"].split("\n"), "诊断结论:",
                        *content["impression"].split("\n")])  # fmt: skip
    document = parts("", "application", "pdf", "Base64", base64.b64encode(page).decode("ascii"))
    rows = (
        ("FT", findings, formatted(content["findings"])),
        ("FT", impression, formatted(content["impression"])),
        ("ED", parts("18748-4", "影像报告", "LN") if coded else parts("PDF", "报告文件"), document),
        ("RP", parts("URL", "报告链接", "L") if coded else parts("URL", "报告链接"),
         parts(facts.link, "PACS", "application", "pdf")),
    )  # fmt: skip
    return [
        segment(
            "OBX",
            {
                1: str(number),
                2: kind,
                3: code,
                4: _sub_id(style),
                5: value,
                11: facts.version["status"],
                14: _time(facts.version["at"], style),
                16: _doctor(facts.examiner, style),
            },
        )
        for number, (kind, code, value) in enumerate(rows, 1)
    ]


def _time(at: int | None, style: Style) -> str:
    return times.hl7(at, zone=style.zone)
