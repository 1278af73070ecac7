"""The path grammar, and what belongs to a repeat."""

from typing import Any

import pytest
from hl7_samples import FORMAT, message, parse, read, run

from engine.base.errors import BusError, Code
from engine.formats.format import NULL, PathError
from engine.formats.hl7 import Hl7
from engine.formats.hl7_grammar import Match, Path, parse_path

ORU = message(
    "PID|1|P0|A1^^^H&x&y^MR~B2^^^H^NI~^^^^XX||张^三^^^^^L|||M",
    "PV1|1|O|W1",
    "ORC|RE|O1|F1",
    "OBR|1|O1|F1|CBC^血常规^L",
    "NTE|1||of the order",
    "OBX|1|NM|718-7^血红蛋白^LN||135|g/L|||||F",
    "NTE|1||first",
    "NTE|2||second",
    "OBX|2|TX|TXT^文字||one~two~~four|||||F",
    "SPM|1|S1",
    "OBX|1|ST|SPC^标本||of the specimen",
    "OBR|2|O2|F2|CT^胸部",
    "OBX|1|SN|718-8^Q||^5^-^9~<^3",
    "ORC|RE|O3|F3",
    "OBR|3|O3|F3|US",
    "ZFY|1|12.50",
)


def items(scope: Any, path: str) -> list[Any]:
    return list(run(FORMAT.each(path), scope))


def inside(item: Any, each: str, path: str) -> Any:
    return run(FORMAT.read_in(each, path), item)


@pytest.mark.parametrize(
    ("path", "value"),
    {
        "PID-3": "A1",
        "PID-3.1": "A1",
        "PID-3.4": "H",
        "PID-3.4.2": "x",
        "PID-3.4.3": "y",
        "PID-3.9": None,
        "PID-3(1).5": "MR",
        "PID-3(2)": "B2",
        "PID-3(3)": None,
        "PID-3(4)": None,
        "PID-3(5=NI)": "B2",
        "PID-3(5=NI).4": "H",
        "PID-3(4.2=x).5": "MR",
        "PID-3(5=none)": None,
        "PID-5.2": "三",
        "PID-5.*": "张 三 L",
        "OBX(2)-5": "one",
        "OBX(2)-5(*)": "one\ntwo\n\nfour",
        "OBX(3)-5": "of the specimen",
        "OBX(9)-5": None,
        "OBX(3=718-8)-5.*": "5 - 9",
        "OBX(3=718-8)-5(2).*": "< 3",
        "OBX(3.2=血红蛋白)-5": "135",
        "OBX(3='718-7')-6": "g/L",
        "OBX(3=none)-5": None,
        "NTE(*)-3": "of the order\nfirst\nsecond",
        "DG1(*)-3": None,
        "ZFY-2": "12.50",
    }.items(),
)
def test_reading(path: str, value: str | None) -> None:
    assert read(ORU, path) == value


def test_a_text_sent_in_many_segments_is_read_whole() -> None:
    raw = message(
        "OBX|1|TX|GDT||one~two", "OBX|2|TX|IMP||x", "OBX|3|TX|GDT||three", "OBX|4|TX|GDT", "OBX|5|TX|GDT||five"
    )
    assert read(raw, "OBX(3=GDT)-5(*)") == "one\ntwo\nthree\n\nfive"
    assert read(raw, "OBX(3=GDT)-5") == "one"
    assert read(raw, "OBX(3=none)-5(*)") is None


def test_orders_hold_their_results() -> None:
    document = parse(ORU)
    orders = items(document, "OBR")
    assert [
        [inside(order, "OBR", path) for path in ("OBR-4", "ORC-2", "PID-5.2", "PV1-2", "MSH-10")] for order in orders
    ] == [
        ["CBC", "O1", "三", "O", "M1"],
        ["CT", None, "三", "O", "M1"],  # no ORC of its own: none, not its neighbour's
        ["US", "O3", "三", "O", "M1"],
    ]
    results = [[inside(result, "OBX", "OBX-3") for result in items(order, "OBX")] for order in orders]
    assert results == [["718-7", "TXT"], ["718-8"], []]  # the specimen's observation is no result
    assert [inside(order, "OBR", "NTE(*)-3") for order in orders] == ["of the order", None, None]
    assert [inside(order, "OBR", "SPM-2") for order in orders] == ["S1", None, None]


def test_results_hold_their_notes_and_know_their_order() -> None:
    first, second = items(items(parse(ORU), "OBR")[0], "OBX")
    assert inside(first, "OBX", "NTE(*)-3") == "first\nsecond"
    assert [inside(note, "NTE", "NTE-3") for note in items(first, "NTE")] == ["first", "second"]
    assert inside(second, "OBX", "NTE-3") is None
    assert [inside(second, "OBX", path) for path in ("OBR-4", "ORC-3", "PID-3", "OBX-5(*)")] == [
        "CBC",
        "F1",
        "A1",
        "one\ntwo\n\nfour",
    ]
    specimen = items(items(parse(ORU), "OBR")[0], "SPM")[0]
    assert [inside(found, "OBX", "OBX-3") for found in items(specimen, "OBX")] == ["SPC"]


def test_a_test_sees_values_as_they_are_read() -> None:
    oru = message("OBR|1", r"OBX|1|CE|A\T\B^x||one", "OBX|2|CE|A^B||two", "OBX|3|CE||three", "OBX|4")
    assert read(oru, "OBX(3='A&B')-5") == "one"
    assert read(oru, "OBX(3=A)-5") == "two"
    results = items(parse(oru), "OBX")
    assert [inside(each, "OBX", "OBX(3='A&B')-5") for each in results] == ["one", None, None, None]
    assert [inside(each, "OBX", "OBX(3.2=B)-5(*)") for each in results] == [None, "two", None, None]


def test_an_order_control_holds_the_order() -> None:
    controls = items(parse(ORU), "ORC")
    assert [inside(control, "ORC", "OBR(*)-3") for control in controls] == ["F1\nF2", "F3"]
    assert len(items(controls[0], "OBX")) == 3


def test_two_patients_are_not_mixed() -> None:
    raw = message("PID|1||A", "PV1|1|I", "OBR|1|O1", "OBX|1|NM|x||1", "PID|2||B", "OBR|1|O2", "OBX|1|NM|y||2")
    results = items(parse(raw), "OBX")
    assert [[inside(r, "OBX", p) for p in ("PID-3", "PV1-2", "OBR-2")] for r in results] == [
        ["A", "I", "O1"],
        ["B", None, "O2"],
    ]
    patients = items(parse(raw), "PID")
    assert [[inside(p, "PID", path) for path in ("PID-3", "PV1-2", "OBX-5")] for p in patients] == [
        ["A", "I", "1"],
        ["B", None, "2"],
    ]


def test_other_repeats() -> None:
    raw = message(
        "SCH|S1", "PID|1||A", "RGS|1", "AIS|1||C1", "NTE|1||n", "AIP|1||D1", "RGS|2", "AIS|1||C2", "DG1|1||I10", "DG1|2||I11",
        "IN1|1|X", "IN2|1|Y", "IN1|2|Z", "ZA1|1", "FT1|1|T1", "PR1|1||P1", "FT1|2|T2",
    )  # fmt: skip
    document = parse(raw)
    assert [inside(g, "RGS", "AIS-3") for g in items(document, "RGS")] == ["C1", "C2"]
    assert [inside(g, "AIS", "NTE-3") for g in items(document, "AIS")] == ["n", None]
    assert [inside(g, "DG1", "DG1-3") for g in items(document, "DG1")] == ["I10", "I11"]
    assert [inside(g, "IN1", "IN2-1") for g in items(document, "IN1")] == ["1", None]
    assert [inside(g, "FT1", "PR1-3") for g in items(document, "FT1")] == ["P1", None]
    assert inside(items(document, "AIP")[0], "AIP", "SCH-1") == "S1"


def test_repetitions_of_a_field() -> None:
    found = items(parse(ORU), "PID-3")
    assert [
        [inside(f, "PID-3", p) for p in ("PID-3.1", "PID-3.5", "PID-3.4.2", "PID-5.1", "MSH-10")] for f in found
    ] == [
        ["A1", "MR", "x", "张", "M1"],
        ["B2", "NI", None, "张", "M1"],
        [None, "XX", None, "张", "M1"],
    ]
    assert items(parse(ORU), "PID-11") == []
    results = items(parse(ORU), "OBX")
    assert [inside(part, "OBX-5", "OBX-5") for part in items(results[1], "OBX-5")] == ["one", "two", "four"]


def test_null_inside_repeats() -> None:
    found = items(parse(message('PID|1||""~A')), "PID-3")
    assert [inside(f, "PID-3", "PID-3") for f in found] == [NULL, "A"]


def test_grammar() -> None:
    assert parse_path("OBX(3.2='a)b')-5(2).1.2") == Path("OBX", Match(3, 2, "a)b"), 5, 2, 1, 2, plain=False)


@pytest.mark.parametrize(
    "path",
    ["", "PID-", "pid-3", "PIDX-3", "PID-0", "PID-3.0", "PID-3.1.0", "PID-3()", "PID-3(x)", "PID-3(0)", "OBX(0=1)-5",
     "PID.3", "PID-3-1", "1ID-3", "PID-3(5=MR", "OBX-5.*.1"],
)  # fmt: skip
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(PathError) as caught:
        FORMAT.read(path)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("version", "path", "hint"),
    [
        ("2.5.1", "PID-40", "PID has 39 fields in 2.5.1"),
        ("2.3", "MSH-21", "MSH has 19 fields in 2.3"),
        ("2.4", "PIE-3", "did you mean 'PID'?"),
        ("2.5.1", "PID-3.11", "CX has 10 components in 2.5.1"),
        ("2.5.1", "PID-3.4.4", "HD has 3 subcomponents in 2.5.1"),
        ("2.5.1", "PID-3(11=x).1", "CX has 10 components in 2.5.1"),
        ("2.5.1", "OBX(99=x)-5", "OBX has 25 fields in 2.5.1"),
        ("2.4", "SPM-4", "did you mean"),
        (None, "PID-99", "fields in 2.8"),
    ],
)
def test_paths_are_checked_against_the_version(version: str | None, path: str, hint: str) -> None:
    with pytest.raises(PathError) as caught:
        Hl7({"version": version}).read(path)
    assert hint in caught.value.hint


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8"])
def test_what_every_version_has(version: str) -> None:
    made = Hl7({"version": version})
    for path in ("MSH-10", "PID-3.4.1", "PID-5.1", "OBR-4.2", "OBX-5.9", "OBX-11", "NTE-3", "ZFY-77.8"):
        made.read(path)


def test_fields_beyond_the_standard_are_named() -> None:
    Hl7({"version": "2.4", "beyond": ["OBR-60"]}).read("OBR-60.3")
    with pytest.raises(PathError):
        Hl7({"version": "2.4"}).read("OBR-60.3")


def test_what_is_no_value_or_no_repeat() -> None:
    for path in ("PID", "OBX(2)"):
        with pytest.raises(PathError, match="names a segment"):
            FORMAT.read(path)
    for path in ("OBX(2)", "PID-3(2)", "PID-3.1", "OBX(3=x)"):
        with pytest.raises(PathError, match="is no repeat"):
            FORMAT.each(path)


def test_more_repetitions_than_any_field_has() -> None:
    raw = message("PID|1||" + "~" * 200_000)
    for path in ("PID-3(5=MR)", "PID-3(*)"):
        with pytest.raises(BusError) as caught:
            read(raw, path)
        assert caught.value.code is Code.TOO_LARGE
    assert read(raw, "PID-3(7)") is None
