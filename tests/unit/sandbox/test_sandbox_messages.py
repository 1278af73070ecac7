"""The messages, read by two parsers that are not ours: hl7apy (which validates) and python-hl7."""

import base64
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import hl7
import pytest
from hl7apy.parser import parse_message

from sandbox import oru, town
from sandbox.imaging import EXAMS
from sandbox.laboratory import PANELS
from sandbox.reports import Mistake, Reports, Wish
from sandbox.store import Store
from sandbox.styles import SENDERS, STYLES, Identity, Style

NOW = 1_795_000_000_000_000
CASES = [(style, "lab", item) for style in STYLES for item in PANELS]
CASES += [(style, "exam", item) for style in STYLES for item in EXAMS]


@pytest.fixture
def reports(tmp_path: Path) -> Iterator[Reports]:
    from datetime import date

    store = Store(tmp_path / "hospital.db")
    town.build(store, 1, date(2026, 11, 20))
    yield Reports(store, 1, "http://127.0.0.1:9000/files")
    store.close()


def made(reports: Reports, name: str, kind: str, item: str, n: int = 1) -> tuple[str, Style, oru.Facts]:
    style = STYLES[name]
    report = reports.publish(Wish(kind=kind, item=item), NOW)
    for _ in range(n - 1):
        reports.change(report, "C")
    facts = reports.facts(report, n)
    sender = Identity("t", "t", "lis", "main", name, "LIS", "MAIN" if style.school == "coded" else "")
    return oru.build(facts, sender, style, "C0001", NOW), style, facts


def python_hl7(text: str, style: Style) -> hl7.Message:
    """As it crosses the wire: bytes, decoded by what MSH-18 declares."""
    codec = {"UNICODE UTF-8": "utf-8", "UNICODE": "utf-8", "GB 18030-2000": "gb18030"}[style.charset]
    return hl7.parse(text.encode(style.codec).decode(codec))


@pytest.mark.parametrize(("name", "kind", "item"), CASES)
def test_two_parsers_agree_on_every_style(reports: Reports, name: str, kind: str, item: str) -> None:
    text, style, facts = made(reports, name, kind, item)
    theirs = python_hl7(text, style)
    msh, obr = theirs.segment("MSH"), theirs.segment("OBR")
    assert (str(msh[10]), str(msh[12]), str(msh[18])) == ("C0001", style.version, style.charset)
    assert (str(msh[15]), str(msh[16])) == (style.accept_ack, style.application_ack)
    assert str(obr[3]) == facts.report["id"]
    assert str(obr[2]) == facts.order["order_no"]
    assert str(obr[22]).startswith("20261118")
    assert str(obr[25]) == "F"
    assert all(str(obx[11]) == "F" for obx in theirs.segments("OBX"))

    message = parse_message(text, find_groups=False)
    assert message.msh.msh_12.value == style.version
    assert len(message.obx) == len(theirs.segments("OBX")) == text.count("\rOBX|")
    assert message.obr[0].obr_3.value == facts.report["id"]


@pytest.mark.parametrize(("name", "kind", "item"), [case for case in CASES if STYLES[case[0]].school == "coded"])
def test_coded_messages_are_valid_for_hl7apy(reports: Reports, name: str, kind: str, item: str) -> None:
    text, _, _ = made(reports, name, kind, item)
    if name != "v28":
        assert parse_message(text).validate()  # raises the first finding
        return
    # hl7apy puts the observations of 2.8 into the new group of related orders: segment by segment there
    for segment in parse_message(text, find_groups=False).children:
        assert segment.validate()


def test_field_practice_is_as_messy_as_seen(reports: Reports) -> None:
    text, style, facts = made(reports, "v24", "lab", "CBC")
    pid, pv1 = (python_hl7(text, style).segment(name) for name in ("PID", "PV1"))
    patient = facts.patient
    assert str(pid[2]) == patient["id"]
    first, second, third = (str(repeat) for repeat in pid[3])
    assert first == f"{patient['id']}^^^H440000001&{facts.campus['name']}"
    assert (second, third) == (patient["id_number"], patient["empi_id"])
    assert str(pid[4]) == "0"
    assert str(pid[5]).split("^")[1] == patient["name"]
    assert str(pid[7]) == f"{patient['birth']}000000"
    assert str(pid[13]) == f"^^^^^^{patient['mobile']}"
    assert str(pid[19]) == patient["id_number"]
    assert str(pv1[3]).endswith(f"{facts.ward['code']}&Z{facts.ward['name']}")
    assert str(pv1[7]) == f"{facts.physician['code']}^^{facts.physician['name']}"
    assert str(pv1[19]) == facts.visit["visit_no"]


def test_coded_identifiers_carry_their_types(reports: Reports) -> None:
    text, style, facts = made(reports, "v251", "lab", "CBC")
    pid = python_hl7(text, style).segment("PID")
    types = {str(repeat).split("^")[4]: str(repeat).split("^")[0] for repeat in pid[3]}
    assert types["PI"] == facts.patient["id"]
    assert types[{"01": "NI", "03": "PPN", "06": "PRC"}[facts.patient["id_type"]]] == facts.patient["id_number"]
    assert str(pid[5][0]).split("^")[0] + str(pid[5][0]).split("^")[1] == facts.patient["name"].replace("·", "")
    assert len(pid) == 19, "PID-19 was withdrawn from the standard: nothing follows PID-18"


def test_units_with_a_caret_are_escaped(reports: Reports) -> None:
    text, style, _ = made(reports, "v24", "lab", "CBC")
    assert "|10\\S\\9/L|" in text
    units = {str(obx[3]).split("^")[0]: obx[6] for obx in python_hl7(text, style).segments("OBX")}
    assert hl7.parse(text).unescape(str(units["WBC"])) == "10^9/L"


@pytest.mark.parametrize(("name", "marks"), [("v23", {"↑", "↓"}), ("v24", {"H", "L"})])
def test_flags_are_written_each_senders_way(reports: Reports, name: str, marks: set[str]) -> None:
    seen = set()
    for _ in range(12):
        text, style, _ = made(reports, name, "lab", "BIO")
        seen |= {str(obx[8]) for obx in python_hl7(text, style).segments("OBX")}
    assert marks <= seen
    assert not seen & ({"H", "L"} if name == "v23" else {"↑", "↓"})
    critical = {"↑↑", "↓↓"} if name == "v23" else {"HH", "LL"}
    assert seen & critical, "critical values (危急值) occur"


def test_an_antibiogram_is_grouped_in_both_ways(reports: Reports) -> None:
    for name in ("v24", "v28"):
        grown = ""
        while "^IPM" not in grown and "|IPM^" not in grown:
            grown, style, facts = made(reports, name, "lab", "MICRO")
        message = python_hl7(grown, style)
        organisms = [item for item in facts.content if item.get("organism")]
        drugs = [obx for obx in message.segments("OBX") if str(obx[8]) in ("S", "I", "R")]
        assert len(drugs) == 5 * len(organisms)
        assert {str(obx[4]) for obx in drugs} == {item["sub"] for item in organisms}
        requests = message.segments("OBR")
        assert len(requests) == (1 + len(organisms) if name == "v28" else 1)
        for child in requests[1:]:
            assert str(child[29]) == f"{facts.order['order_no']}^{facts.report['id']}"
            assert str(child[26]).split("^")[1] in {item["sub"] for item in organisms}


def test_an_imaging_report_has_findings_conclusion_document_and_link(reports: Reports) -> None:
    text, style, facts = made(reports, "v24-gb", "exam", "CT01")
    found = {str(obx[3]).split("^")[0]: (str(obx[2]), str(obx[5])) for obx in python_hl7(text, style).segments("OBX")}
    assert found["GDT"] == ("FT", facts.content["findings"].replace("\n", "\\.br\\"))
    assert found["IMP"][1].replace("\\.br\\", "\n") == facts.content["impression"]
    kind, document = found["PDF"]
    source, media, subtype, encoding, data = document.split("^")
    assert (kind, source, media, subtype, encoding) == ("ED", "", "application", "pdf", "Base64")
    page = base64.b64decode(data, validate=True)
    assert page.startswith(b"%PDF-1.4")
    assert int(re.search(rb"startxref\n(\d+)", page)[1]) == page.index(b"xref\n0 ")
    assert found["URL"] == ("RP", f"http://127.0.0.1:9000/files/{facts.report['id']}.pdf^PACS^application^pdf")


def test_a_number_stays_and_a_result_time_tells_versions_apart(reports: Reports) -> None:
    text, style, facts = made(reports, "v24", "lab", "CBC", n=2)
    first = oru.build(reports.facts(facts.report["id"], 1), SENDERS["lis-main"], style, "C0000", NOW)
    old, new = python_hl7(first, style).segment("OBR"), python_hl7(text, style).segment("OBR")
    assert str(old[3]) == str(new[3])
    assert str(old[22]) < str(new[22])
    assert (str(old[25]), str(new[25])) == ("F", "C")
    values = [[str(obx[5]) for obx in python_hl7(one, style).segments("OBX")] for one in (first, text)]
    assert sum(a != b for a, b in zip(*values, strict=True)) == 1, "one value was measured again"
    assert "更正" in text


def test_reports_are_the_same_for_the_same_seed(reports: Reports, tmp_path: Path) -> None:
    from datetime import date

    other = Store(tmp_path / "other.db")
    town.build(other, 1, date(2026, 11, 20))
    again = Reports(other, 1, "http://127.0.0.1:9000/files")
    for kind in ("lab", "exam", "lab"):
        one, two = reports.publish(Wish(kind=kind), NOW), again.publish(Wish(kind=kind), NOW)
        assert dataclasses.asdict(reports.facts(one, 1)) == dataclasses.asdict(again.facts(two, 1))
    other.close()


def test_what_cannot_be_is_said(reports: Reports) -> None:
    report = reports.publish(Wish(status="P"), NOW)
    with pytest.raises(Mistake, match="make it final"):
        reports.change(report, "C")
    reports.change(report, "X")
    with pytest.raises(Mistake, match="withdrawn"):
        reports.change(report, "F")
    for wish in (Wish(patient="nobody"), Wish(item="CT01"), Wish(kind="exam", sender="lis-main"), Wish(status="C")):
        with pytest.raises(Mistake):
            reports.publish(wish)
