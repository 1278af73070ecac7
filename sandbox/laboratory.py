"""What the laboratory measures, and believable values for it.

A result item is a plain dict, kept as JSON: `code, name, loinc, type (NM|SN|ST|CE|TX), value, unit, ucum, range, flag`
and, in microbiology, `sub` (the organism it belongs to). Flags are the normalised `N H L HH LL` and `S I R`;
each sender writes them in its own way.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Analyte:
    """A measured quantity: its range of reference and where it becomes critical (危急值)."""

    code: str
    name: str
    loinc: str
    unit: str
    ucum: str
    low: float
    high: float
    digits: int
    alarm_low: float | None = None
    alarm_high: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One orderable item: `section` is HL7 table 0074, `group` the Chinese word some senders put in its place."""

    code: str
    name: str
    loinc: str
    section: str
    group: str
    specimen: str
    specimen_code: str
    analytes: tuple[Analyte, ...] = ()


_A = Analyte
_CBC = (
    _A("WBC", "白细胞计数", "6690-2", "10^9/L", "10*9/L", 3.5, 9.5, 2, 1.0, 30.0),
    _A("NEUT%", "中性粒细胞百分比", "770-8", "%", "%", 40.0, 75.0, 1),
    _A("LYMPH%", "淋巴细胞百分比", "736-9", "%", "%", 20.0, 50.0, 1),
    _A("MONO%", "单核细胞百分比", "5905-5", "%", "%", 3.0, 10.0, 1),
    _A("RBC", "红细胞计数", "789-8", "10^12/L", "10*12/L", 4.3, 5.8, 2),
    _A("HGB", "血红蛋白", "718-7", "g/L", "g/L", 130, 175, 0, 50, 200),
    _A("HCT", "红细胞压积", "4544-3", "%", "%", 40.0, 50.0, 1),
    _A("MCV", "平均红细胞体积", "787-2", "fL", "fL", 82.0, 100.0, 1),
    _A("PLT", "血小板计数", "777-3", "10^9/L", "10*9/L", 125, 350, 0, 30, 1000),
)
_BIO = (
    _A("ALT", "丙氨酸氨基转移酶", "1742-6", "U/L", "U/L", 9, 50, 0),
    _A("AST", "天门冬氨酸氨基转移酶", "1920-8", "U/L", "U/L", 15, 40, 0),
    _A("TBIL", "总胆红素", "14631-6", "μmol/L", "umol/L", 3.4, 20.5, 1),
    _A("ALB", "白蛋白", "1751-7", "g/L", "g/L", 40.0, 55.0, 1),
    _A("UREA", "尿素", "22664-7", "mmol/L", "mmol/L", 3.1, 8.0, 2),
    _A("CREA", "肌酐", "14682-9", "μmol/L", "umol/L", 57, 97, 0, None, 650),
    _A("GLU", "葡萄糖", "14749-6", "mmol/L", "mmol/L", 3.9, 6.1, 2, 2.5, 22.2),
    _A("K", "钾", "2823-3", "mmol/L", "mmol/L", 3.5, 5.3, 2, 2.8, 6.2),
    _A("NA", "钠", "2951-2", "mmol/L", "mmol/L", 137, 147, 0, 120, 160),
    _A("TNI", "肌钙蛋白I", "10839-9", "ng/mL", "ng/mL", 0.0, 0.04, 3, None, 0.5),
)
_COAG = (
    _A("PT", "凝血酶原时间", "5902-2", "s", "s", 9.4, 12.5, 1, None, 30.0),
    _A("INR", "国际标准化比值", "6301-6", "", "1", 0.8, 1.2, 2, None, 5.0),
    _A("APTT", "活化部分凝血活酶时间", "3173-2", "s", "s", 25.1, 36.5, 1, None, 70.0),
    _A("FIB", "纤维蛋白原", "3255-7", "g/L", "g/L", 2.38, 4.98, 2, 1.0, None),
    _A("TT", "凝血酶时间", "3243-3", "s", "s", 10.3, 16.6, 1),
)
PANELS = {
    panel.code: panel
    for panel in (
        Panel("CBC", "血常规五分类", "58410-2", "HM", "血液", "全血", "BLD", _CBC),
        Panel("BIO", "生化全套", "24323-8", "CH", "生化", "血清", "SER", _BIO),
        Panel("COAG", "凝血四项", "34528-0", "HM", "凝血", "血浆", "PLAS", _COAG),
        Panel("URINE", "尿常规", "24356-8", "LAB", "体液", "尿液", "UR"),
        Panel("MICRO", "细菌培养及药敏", "630-4", "MB", "微生物", "中段尿", "URM"),
    )
}
_DIPSTICK = (
    ("U-PRO", "尿蛋白", "20454-5", ("阴性", "阴性", "阴性", "1+", "2+")),
    ("U-GLU", "尿糖", "25428-4", ("阴性", "阴性", "阴性", "1+", "3+")),
    ("U-KET", "尿酮体", "2514-8", ("阴性", "阴性", "阴性", "1+")),
    ("U-BLD", "尿潜血", "5794-3", ("阴性", "阴性", "±", "2+")),
    ("U-NIT", "亚硝酸盐", "5802-4", ("阴性", "阴性", "阳性")),
)
_ORGANISMS = (
    ("ECO", "大肠埃希菌", "112283007"),
    ("KPN", "肺炎克雷伯菌", "56415008"),
    ("PAE", "铜绿假单胞菌", "52499004"),
    ("EFA", "粪肠球菌", "78065002"),
)
_DRUGS = (
    ("AMK", "阿米卡星", "18860-7", "<=2", "16", ">=64"),
    ("AMP", "氨苄西林", "18864-9", "<=2", "16", ">=32"),
    ("CRO", "头孢曲松", "18895-3", "<=0.25", "2", ">=64"),
    ("CIP", "环丙沙星", "18906-8", "<=0.06", "0.5", ">=4"),
    ("IPM", "亚胺培南", "18932-4", "<=0.25", "2", ">=16"),
    ("SXT", "复方新诺明", "18998-5", "<=20", "40", ">=320"),
)


def results(panel: Panel, rng: Random) -> list[Item]:
    """A full set of items for the panel, mostly normal, some high or low, a few critical."""
    if panel.code == "URINE":
        return _urine(rng)
    if panel.code == "MICRO":
        return _culture(rng)
    return [_measured(analyte, rng) for analyte in panel.analytes]


def corrected(items: list[Item], rng: Random) -> list[Item]:
    """The same report after review: one value measured again, the rest as it was."""
    changed = [dict(item) for item in items]
    numeric = [item for item in changed if item["type"] == "NM"] or changed
    item = rng.choice(numeric)
    analyte = next((a for panel in PANELS.values() for a in panel.analytes if a.code == item["code"]), None)
    if analyte is None:
        item["note"] = "经复核,结果不变"
        return changed
    before = item["value"]
    while item["value"] == before:
        item.update(_measured(analyte, rng))
    item["note"] = f"更正:原结果为{before}"
    return changed


def _measured(analyte: Analyte, rng: Random) -> Item:
    value = round(_draw(analyte, rng), analyte.digits)
    text = f"{value:.{analyte.digits}f}"
    # Below what the instrument can tell, it says so: a structured number, not a number.
    below = analyte.low == 0 and value <= analyte.high / 4
    return {
        "code": analyte.code,
        "name": analyte.name,
        "loinc": analyte.loinc,
        "type": "SN" if below else "NM",
        "value": f"<{analyte.high / 4:.{analyte.digits}f}" if below else text,
        "unit": analyte.unit,
        "ucum": analyte.ucum,
        "range": f"{analyte.low:.{analyte.digits}f}-{analyte.high:.{analyte.digits}f}",
        "flag": _flag(analyte, value),
    }


def _draw(analyte: Analyte, rng: Random) -> float:
    span = analyte.high - analyte.low
    luck = rng.random()
    if luck < 0.03 and analyte.alarm_high is not None:
        return analyte.alarm_high * rng.uniform(1.02, 1.4)
    if luck < 0.05 and analyte.alarm_low is not None:
        return analyte.alarm_low * rng.uniform(0.5, 0.95)
    if luck < 0.17:
        return analyte.high + span * rng.uniform(0.05, 0.4)
    if luck < 0.27:
        return max(analyte.low - span * rng.uniform(0.05, 0.3), analyte.low / 2)
    return rng.uniform(analyte.low, analyte.high)


def _flag(analyte: Analyte, value: float) -> str:
    if analyte.alarm_high is not None and value >= analyte.alarm_high:
        return "HH"
    if analyte.alarm_low is not None and value <= analyte.alarm_low:
        return "LL"
    if value > analyte.high:
        return "H"
    return "L" if value < analyte.low else "N"


def _urine(rng: Random) -> list[Item]:
    items = [_measured(_A("U-SG", "尿比重", "5811-5", "", "1", 1.003, 1.03, 3), rng)]
    items.append(_measured(_A("U-PH", "尿酸碱度", "5803-2", "", "[pH]", 5.0, 8.0, 1), rng))
    for code, name, loinc, choices in _DIPSTICK:
        value = rng.choice(choices)
        items.append(_item(code, name, loinc, "ST", value, range="阴性", flag="N" if value == "阴性" else "H"))
    cells = rng.choice(("0-3", "0-3", "5-10", "20-30"))
    flag = "N" if cells == "0-3" else "H"
    items.append(
        _item("U-WBC", "白细胞(镜检)", "5821-4", "SN", cells, unit="/HP", ucum="/[HPF]", range="0-5", flag=flag)
    )
    return items


def _culture(rng: Random) -> list[Item]:
    if rng.random() < 0.3:
        return [_item("CULT", "细菌培养", "630-4", "TX", "培养48小时无细菌生长", flag="N")]
    items: list[Item] = []
    for number, (code, name, snomed) in enumerate(rng.sample(_ORGANISMS, rng.choice((1, 1, 2))), 1):
        sub = str(number)
        items.append(_item("CULT", "细菌培养", "630-4", "CE", name, organism=code, snomed=snomed, sub=sub, flag="A"))
        for drug, title, loinc, *levels in rng.sample(_DRUGS, 5):
            grade = rng.choices((0, 1, 2), weights=(6, 1, 3))[0]
            items.append(
                _item(drug, title, loinc, "SN", levels[grade], unit="μg/mL", ucum="ug/mL", sub=sub, flag="SIR"[grade])
            )
    return items


def _item(code: str, name: str, loinc: str, kind: str, value: str, **more: str) -> Item:
    plain = {"unit": "", "ucum": "", "range": "", "flag": "N"}
    return {"code": code, "name": name, "loinc": loinc, "type": kind, "value": value, **plain, **more}
