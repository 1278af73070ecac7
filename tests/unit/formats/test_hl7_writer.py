"""The writer: trees to messages, and that what is written is read back."""

from decimal import Decimal
from typing import Any

import pytest
from hl7_samples import FORMAT, parse, read
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import BusError, Code
from engine.formats.format import NULL, PathError
from engine.formats.hl7 import Hl7

HEADER: dict[int, Any] = {3: "BUS", 7: "20261120090000+0800", 9: {1: "ORU", 2: "R01", 3: "ORU_R01"}, 10: "C1", 11: "P"}


def render(tree: dict[str, Any], **options: Any) -> bytes:
    made: bytes = Hl7({"version": "2.5.1", **options}).render({"MSH": HEADER, **tree})
    return made


def body(tree: dict[str, Any], **options: Any) -> str:
    return render(tree, **options).decode().split("\r", 1)[1]


def test_a_whole_message() -> None:
    tree = {
        "PID": {3: [{1: "P1", 5: "MR"}, {1: "X2", 4: {1: "H", 2: "1.2"}}], 5: {1: "张", 2: "三"}, 8: NULL, 30: ""},
        "OBR": [
            {4: {1: "CBC"}, "OBX": [{1: 1, 5: Decimal("5.20"), "NTE": [{3: "a|b"}]}, {1: 2, 5: ["l1", "l2"]}]},
            {4: "CT"},
        ],
        "ZFY": {1: True},
    }
    assert render(tree).decode() == (
        "MSH|^~\\&|BUS||||20261120090000+0800||ORU^R01^ORU_R01|C1|P|2.5.1||||||UNICODE UTF-8\r"
        'PID|||P1^^^^MR~X2^^^H&1.2||张^三|||""\r'
        "OBR||||CBC\rOBX|1||||5.20\rNTE|||a\\F\\b\rOBX|2||||l1~l2\rOBR||||CT\rZFY|Y\r"
    )


def test_targets() -> None:
    keys = {
        path: FORMAT.target(path).keys for path in ("OBX", "PID-5", "PID-5.1", "PID-3(2).4.2", "PID-3.4.1", "OBX(2)-5")
    }
    assert keys == {
        "OBX": ("OBX",),
        "PID-5": ("PID", 5),
        "PID-5.1": ("PID", 5, 1),
        "PID-3(2).4.2": ("PID", 3, "(2)", 4, 2),
        "PID-3.4.1": ("PID", 3, 4, 1),
        "OBX(2)-5": ("OBX(2)", 5),
    }


def test_further_repetitions_beside_components() -> None:
    assert body({"PID": {3: {1: "A", 5: "MR", "(3)": {1: "C"}}}}) == "PID|||A^^^^MR~~C\r"


@pytest.mark.parametrize("path", ["PID-3(5=MR).1", "OBX(3=x)-5", "OBX-5(*)", "OBX-5.*", "MSH-1", "MSH-2", "PID-99"])
def test_what_cannot_be_built(path: str) -> None:
    with pytest.raises(PathError):
        FORMAT.target(path)


def test_nothing_is_written_for_nothing() -> None:
    assert body({"PID": {3: None, 5: {1: None, 2: ""}}, "OBX": [], "PV1": {2: {1: {1: ""}}}}) == ""


def test_the_header_comes_first() -> None:
    raw = Hl7({"version": "2.4"}).render({"PID": {3: "A"}, "MSH": HEADER})
    assert raw.startswith(b"MSH|")


@pytest.mark.parametrize("missing", [9, 10, 11])
def test_a_header_without_what_routes_it_is_refused(missing: int) -> None:
    with pytest.raises(BusError) as caught:
        FORMAT.render({"MSH": {**HEADER, 12: "2.4", missing: None}})
    assert (caught.value.code, caught.value.spot) == (Code.VALIDATION_FAILED, f"MSH-{missing}")


def test_version_comes_from_the_map_where_the_profile_names_none() -> None:
    with pytest.raises(BusError):
        FORMAT.render({"MSH": HEADER})
    assert read(FORMAT.render({"MSH": {**HEADER, 12: "2.6"}}), "MSH-12") == "2.6"


def test_character_set_and_terminator() -> None:
    raw = render({"PID": {5: "张三"}}, charset="gb18030", terminator="crlf")
    assert raw.endswith(b"\r\nPID|||||" + "张三".encode("gb18030") + b"\r\n")
    assert read(raw, "MSH-18") == "GB 18030-2000"
    assert read(raw, "PID-5") == "张三"


def test_a_character_that_the_set_has_not() -> None:
    with pytest.raises(BusError) as caught:
        render({"PID": {5: "张三"}}, charset="latin-1")
    assert caught.value.spot == "PID^1"
    assert "张" not in str(caught.value)


@pytest.mark.parametrize("value", [1.5, b"x", Decimal("NaN"), object(), {1: {1: {1: "too deep"}}}])
def test_values_that_hl7_has_no_way_to_write(value: Any) -> None:
    with pytest.raises(BusError) as caught:
        render({"PID": {5: value}})
    assert caught.value.code is Code.VALIDATION_FAILED


def test_a_segment_must_have_fields() -> None:
    with pytest.raises(BusError):
        render({"PID": "text"})


ANY_TEXT = st.text(st.characters(codec="gb18030", exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    parts=st.lists(st.lists(ANY_TEXT, min_size=1, max_size=3), min_size=1, max_size=3),
    charset=st.sampled_from(["utf-8", "gb18030"]),
    terminator=st.sampled_from(["cr", "lf", "crlf"]),
)
def test_what_is_written_is_read_back(parts: list[list[str]], charset: str, terminator: str) -> None:
    repetitions = [{number: {1: text, 2: text} for number, text in enumerate(part, 1)} for part in parts]
    raw = render({"ZFY": {1: repetitions}, "PV1": {2: "O"}}, charset=charset, terminator=terminator)
    document = parse(raw)
    assert (document.warnings, document.raw, read(document, "PV1-2")) == ([], raw, "O")
    for place, part in enumerate(parts, 1):
        for number, text in enumerate(part, 1):
            both = [read(document, f"ZFY-1({place}).{number}.{subcomponent}") for subcomponent in (1, 2)]
            assert both == [text or None] * 2
