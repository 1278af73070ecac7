"""Acknowledgements: both modes, every version, any delimiters and character set, and unreadable input."""

import datetime as dt
from typing import Any

import hl7
import pytest
from hl7_samples import FORMAT, message, parse, read
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import BusError, Code
from engine.formats.hl7_ack import acknowledge
from engine.formats.hl7_reader import Reading

NOW = "20261120090000+0800"
WRONG = BusError(Code.VALIDATION_FAILED, "PID-3 is empty", spot="PID^1^3", condition=101)


def request(version: str = "2.5.1", kind: str = "ORU^R01^ORU_R01", **fields: str) -> bytes:
    modes = f"|||{fields.get('accept', '')}|{fields.get('application', '')}||{fields.get('charset', '')}"
    return f"MSH|^~\\&|LIS|H&1|BUS|M|20261120||{kind}|M^1|T|{version}{modes}\rPID|1||A\r".encode()


def told(raw: bytes, error: BusError | None = None) -> list[str]:
    """MSA-1 of every frame."""
    return [read(frame, "MSA-1") for frame in acknowledge(raw, error, NOW, "id1")]


def one(raw: bytes, error: BusError | None = None, **options: Any) -> bytes:
    (frame,) = acknowledge(raw, error, NOW, "01hxyzabcdefghjkmnpqrstvwx", **options)
    return frame


def test_the_header_is_the_requests_turned_round() -> None:
    frame = one(request(charset="UNICODE UTF-8"))
    assert frame == (
        b"MSH|^~\\&|BUS|M|LIS|H&1|20261120090000+0800||ACK^R01^ACK|abcdefghjkmnpqrstvwx|T|2.5.1||||||UNICODE UTF-8\r"
        b"MSA|AA|M^1\r"
    )


@pytest.mark.parametrize(
    ("version", "kind", "said"),
    [("2.3", "ORU^R01", "ACK"), ("2.3.1", "ORU^R01", "ACK"), ("2.4", "ORU^R01", "ACK^R01^ACK"), ("2.8", "ORU^R01^ORU_R01", "ACK^R01^ACK"),
     ("2.5", "ACK", "ACK"), ("2.5", "", "ACK"), ("2.5^FRA^2.10", "ADT^A08", "ACK^A08^ACK"), ("", "ADT^A08", "ACK")],
)  # fmt: skip
def test_message_type(version: str, kind: str, said: str) -> None:
    fields = one(request(version, kind)).decode().split("\r")[0].split("|")
    assert fields[8] == said
    assert fields[11] == (version or "2.5.1")


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(Code.VALIDATION_FAILED, "AE"), (Code.NOT_READABLE, "AR"), (Code.UNSUPPORTED_MESSAGE, "AR"), (Code.UNSUPPORTED_VERSION, "AR"),
     (Code.PROCESSING_ID, "AR"), (Code.BUSY, "AE"), (Code.INTERNAL, "AE")],
)  # fmt: skip
def test_original_mode(code: Code, verdict: str) -> None:
    assert told(request(), BusError(code)) == [verdict]


ENHANCED = {
    # MSH-15, MSH-16: kept and done, refused before it was kept, kept but refused behind
    ("AL", "AL"): (["CA", "AA"], ["CE"], ["CA", "AE"]),
    ("AL", "NE"): (["CA"], ["CE"], ["CA"]),
    ("AL", "ER"): (["CA"], ["CE"], ["CA", "AE"]),
    ("AL", "SU"): (["CA", "AA"], ["CE"], ["CA"]),
    ("AL", ""): (["CA"], ["CE"], ["CA"]),
    ("NE", "AL"): (["AA"], ["AE"], ["AE"]),
    ("NE", "NE"): ([], [], []),
    ("NE", "ER"): ([], ["AE"], ["AE"]),
    ("ER", "AL"): (["AA"], ["CE"], ["AE"]),
    ("ER", "ER"): ([], ["CE"], ["AE"]),
    ("SU", "SU"): (["CA", "AA"], [], ["CA"]),
    ("", "AL"): (["AA"], ["AE"], ["AE"]),
}


@pytest.mark.parametrize(("wanted", "frames"), ENHANCED.items())
def test_enhanced_mode(wanted: tuple[str, str], frames: tuple[list[str], ...]) -> None:
    raw = request(accept=wanted[0], application=wanted[1])
    assert (told(raw), told(raw, WRONG), told(raw, BusError(Code.BACKEND_REJECTED))) == frames


def test_a_rejected_commit() -> None:
    assert told(request(accept="AL"), BusError(Code.UNSUPPORTED_MESSAGE)) == ["CR"]


def test_two_frames_are_two_messages() -> None:
    first, second = acknowledge(request(accept="AL", application="AL"), None, NOW, "01hxyzabcdefghjkmnpqrstvwx")
    assert read(first, "MSH-10") != read(second, "MSH-10")
    assert [read(first, "MSH-16"), read(second, "MSH-15"), read(second, "MSH-16")] == [None, "NE", "NE"]


def test_the_error_segment() -> None:
    frame = one(request(charset="UNICODE UTF-8"), WRONG).decode()
    assert frame.split("\r")[2] == (
        "ERR||PID^1^3|101^Required field missing^HL70357|E|||PID-3 is empty|提交的内容有误，请检查后重试"
    )


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4"])
def test_the_error_segment_before_v2_5(version: str) -> None:
    frame = one(request(version), WRONG).decode()
    assert frame.split("\r")[2] == "ERR|PID^1^3^101&Required field missing&HL70357"


@pytest.mark.parametrize(
    ("spot", "place"),
    [("PID-5.1", "PID^1^5^1^1"), ("PID-5", "PID^1^5"), ("OBX(3)-5(2).1", "OBX^3^5^2^1"), ("PID", "PID^1"), ("", ""),
     ("MSH^1^2", "MSH^1^2"), ("patient.id", "")],
)  # fmt: skip
def test_places(spot: str, place: str) -> None:
    frame = one(request(), BusError(Code.VALIDATION_FAILED, "wrong", spot=spot)).decode()
    fields = frame.split("\r")[2].split("|")
    assert fields[2] == place
    assert ("patient.id" in fields[7]) == (spot == "patient.id")


def test_conditions_are_of_the_table() -> None:
    for code in Code:
        frame = one(request(), BusError(code)).decode()
        number, text, table = frame.split("\r")[2].split("|")[3].split("^")
        assert number.isdecimal()
        assert text
        assert table == "HL70357"


@pytest.mark.parametrize("raw", [b"", b"MSH", b"MSH|", b"MSH|^~", b"PID|1", b"\x00\xff\xfe", b"MSHAAAA", b"MSH^~\\&|"])
def test_what_is_no_message_is_answered_all_the_same(raw: bytes) -> None:
    (frame,) = acknowledge(raw, BusError(Code.NOT_READABLE, "no", spot="MSH^1", condition=100), NOW, "id1")
    document = parse(frame)
    separator = document.marks.field
    assert frame.decode().split("\r")[1].split(separator)[:2] == ["MSA", "AR"]
    assert read(document, "ERR-3") == "100"


def test_delimiters_and_charset_are_the_requests() -> None:
    raw = "MSH!%?#*!检验!H!BUS!M!20261120!!ORU%R01!M|1!P!2.5.1!!!!!!GB 18030-2000\r".encode("gb18030")
    frame = one(raw, BusError(Code.VALIDATION_FAILED, "a|b!c", spot="PID-3"))
    fields = [segment.split("!") for segment in frame.decode("gb18030").split("\r")]
    assert fields[0][1:6] == ["%?#*", "BUS", "M", "检验", "H"]
    assert fields[1][2] == "M|1"
    assert fields[2][2] == "PID%1%3"
    assert fields[2][7] == "a|b#F#c"
    assert fields[2][8] == "提交的内容有误，请检查后重试"


def test_hanzi_whose_bytes_look_like_delimiters_do_not_shift_fields() -> None:
    trap = b"\x81\x7c\x81\x5c\x81\x5e"
    raw = b"MSH|^~\\&|LIS|" + trap + b"|BUS|M|20261120||ORU^R01|M1|P|2.5.1||||||GBK\r"
    frame = one(raw)
    assert b"|BUS|M|LIS|" + trap + b"|" in frame
    assert frame.endswith(b"MSA|AA|M1\r")


@pytest.mark.parametrize("charset", ["ASCII", "8859/1"])
def test_senders_without_hanzi_are_told_in_english(charset: str) -> None:
    assert one(request(charset=charset), WRONG).isascii()


def test_an_undeclared_gbk_sender_is_answered_in_gb_18030() -> None:
    raw = request().replace(b"PID|1||A", "PID|1||A||张三".encode("gb18030"))
    assert "提交的内容有误".encode("gb18030") in one(raw, WRONG)
    assert "提交的内容有误".encode("gb18030") in one(request(), WRONG, reading=Reading(codec="gb18030"))


def test_detail_is_short_and_one_line() -> None:
    frame = one(request(), BusError(Code.INTERNAL, "x\r\x1c\x0b" + "y" * 1000))
    assert len(frame) < 700
    assert frame.count(b"\r") == 3
    assert b"\x1c" not in frame


def test_an_independent_reader_reads_it() -> None:
    found = hl7.parse(one(request(charset="UNICODE UTF-8"), WRONG).decode())
    assert str(found["MSA"][0][1]) == "AE"
    assert found.extract_field("MSA", 1, 2, 1, 1) == "M"
    assert found.extract_field("ERR", 1, 3, 1, 1) == "101"


MADE = {"time": dt.datetime(2026, 11, 20, 9, tzinfo=dt.timezone(dt.timedelta(hours=8))), "id": "01hxyz"}


def test_through_the_format() -> None:
    raw = message("PID|1||A")
    (frame,) = FORMAT.acknowledge(raw, [(raw, None)], MADE, batch=False)
    assert [read(frame, path) for path in ("MSH-7", "MSH-10", "MSA-1", "MSA-2")] == [
        "20261120090000+0800",
        "01hxyz",
        "AA",
        "M1",
    ]
    (refusal,) = FORMAT.acknowledge(raw, [(raw, WRONG)], MADE, batch=False)
    assert [read(refusal, path) for path in ("MSH-7", "MSA-1", "ERR-3")] == ["20261120090000+0800", "AE", "101"]


@settings(max_examples=300, deadline=None)
@given(
    raw=st.one_of(
        st.binary(max_size=60),
        st.binary(max_size=60).map(lambda tail: b"MSH|^~\\&|" + tail),
        st.lists(st.binary(max_size=6), max_size=20).map(lambda fields: b"MSH|^~\\&|" + b"|".join(fields)),
    )
)
def test_anything_at_all_is_answered(raw: bytes) -> None:
    for frame in acknowledge(raw, WRONG, NOW, "id1"):
        assert frame.startswith(b"MSH")
        assert b"MSA" in frame
        assert b"ERR" in frame
