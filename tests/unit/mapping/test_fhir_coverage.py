"""What of HL7's v2-to-FHIR tables is carried, and that it really is."""

import csv
import json
from functools import cache
from pathlib import Path

import fhir_desk
import fhir_page
import pytest
import yaml

from tests import corpora

corpora.need()

FOLDER = corpora.CORPORA / "v2-to-fhir-maps/segments"
SEGMENTS = ("MSH", "PID", "PV1", "ORC", "OBR", "OBX", "NTE", "SPM")
_IDENTIFIER, _ATTRIBUTE = 1, 9
SAID = yaml.safe_load(Path(__file__).with_name("fhir_coverage.yaml").read_text(encoding="utf-8"))

FULL = (
    ("MSH", {1: "^~\\&", 2: "LIS", 6: "20261120093000", 8: "ORU^R01", 9: "LIS0001", 10: "P", 11: "2.5.1", 17: "UNICODE UTF-8"}),
    ("PID", {
        2: "P0", 3: "P1^^^LAKE&2.16.156.99999.1&ISO^PI", 5: "李^四^小^^^^L", 6: "王", 7: "19010203", 8: "F",
        11: "路1号^2单元^深圳^广东^518000^CHN^H", 12: "福田", 13: "^PRN^CP^^^^13800001234", 14: "^WPN^PH^^^0755^12345678",
        15: "zho^中文", 16: "M^已婚", 19: "110101190003070010", 24: "Y", 25: "2", 29: "20261119080000", 30: "Y",
        40: "^PRN^CP^^^^13800005678",
    }),
    ("PV1", {
        2: "I", 3: "W1^1^5^LAKE^^^^^内科", 4: "R^常规", 7: "D1^李^医生", 10: "MED", 19: "V1", 44: "20261101080000",
        45: "20261119090000",
    }),
    ("ORC", {1: "NW", 2: "O1", 3: "R1", 4: "G1", 5: "CM", 7: "^^^^^S", 9: "20261120080000", 12: "D1^李^医生"}),
    ("OBR", {
        1: "1", 2: "O1", 3: "R1", 4: "57021-8^血常规^LN^CBC^血常规^L", 5: "S", 6: "20261120080000", 7: "20261120083000",
        8: "20261120084000", 9: "4^ml", 10: "N1^张^护士", 14: "20261120085500", 15: "BLD^静脉血", 16: "D1^李^医生",
        22: "20261120092500", 24: "LAB", 25: "C", 31: "R50^发热^I10", 32: "D2&王&技师", 39: "采血顺利",
    }),
    ("NTE", {1: "1", 3: "加急"}),
    ("OBX", {
        1: "1", 2: "NM", 3: "6690-2^白细胞^LN^WBC^白细胞^L", 4: "1", 5: "12.50", 6: "10*9/L^10^9/L^UCUM", 7: "3.5-9.5", 8: "H",
        11: "F", 14: "20261120090000", 16: "D2^王^技师", 17: "M1^流式", 18: "E1", 19: "20261120091000", 20: "S1^静脉",
    }),
    ("NTE", {1: "1", 3: "已复查"}),
    ("SPM", {
        2: "SP1", 4: "BLD^静脉血^HL70487", 6: "EDTA^抗凝", 7: "VEN^静脉穿刺", 8: "ARM^臂", 12: "5^ml", 14: "两管",
        17: "20261120083100^20261120084100", 18: "20261120085000", 20: "Y", 24: "HEM^溶血", 27: "T1^采血管", 30: "AC1",
    }),
)  # fmt: skip
"""A result in which every field speaks that is carried; MSH counts from the field behind its separator."""
WITHOUT = ((), ("PID-3",), ("PID-29", "PID-25"), ("OBR-2", "OBR-3", "OBR-5", "OBR-16"), ("ORC-5",), ("ORC",), ("SPM",))
"""What else is missing while a field is tried: some speak only where another does not."""


def message(*missing: str) -> bytes:
    lines = []
    for name, fields in FULL:
        shown = {place: text for place, text in fields.items() if f"{name}-{place + (name == 'MSH')}" not in missing}
        if name not in missing:
            lines.append("|".join([name, *(shown.get(place, "") for place in range(1, max(fields) + 1))]))
    return "\r".join(lines).encode()


@cache
def made(*missing: str) -> str:
    """The Bundle, or why there is none."""
    try:
        return json.dumps(fhir_desk.bundle(fhir_desk.report(message(*missing))))
    except fhir_desk.BusError as error:
        return error.detail


def rows(table: str) -> set[str]:
    """The fields of a table that become something in FHIR."""
    (file,) = FOLDER.glob(f"HL7_Segment_-_FHIR_R4__{table}_-_*.csv")
    with file.open(encoding="utf-8", newline="") as lines:
        found = list(csv.reader(lines))[2:]
    return {row[_IDENTIFIER].strip() or "segment" for row in found if len(row) > _ATTRIBUTE and row[_ATTRIBUTE].strip()}


def tables() -> list[str]:
    names = (file.name.removeprefix("HL7_Segment_-_FHIR_R4__").split("_-_")[0] for file in FOLDER.glob("*.csv"))
    return sorted(name for name in names if name[:3] in SEGMENTS)


@pytest.mark.parametrize("table", tables())
def test_every_row_is_carried_or_left_out_for_a_reason(table: str) -> None:
    said = SAID["tables"][table]
    carried = list(said.get("carried", []))
    left_out = [field for fields, why in said.get("left_out", {}).items() if why for field in fields.split(", ")]
    assert len({*carried, *left_out}) == len(carried) + len(left_out), "a row stands here twice"
    assert {*carried, *left_out} == rows(table)


def test_the_page_says_the_same() -> None:
    assert fhir_page.PAGE.read_text(encoding="utf-8") == fhir_page.page(), "run tests/unit/mapping/fhir_page.py"


def test_no_other_table_is_spoken_of() -> None:
    assert sorted(SAID["tables"]) == tables()


def carried() -> list[str]:
    return sorted({field for said in SAID["tables"].values() for field in said.get("carried", [])})


def test_what_is_carried_in_part_is_carried() -> None:
    assert {*SAID["partly"]} <= {*carried()}


@pytest.mark.parametrize("field", carried())
def test_without_a_field_that_is_carried_the_bundle_is_another_one(field: str) -> None:
    assert any(made(*without) != made(*without, field) for without in WITHOUT), "it makes no difference"
