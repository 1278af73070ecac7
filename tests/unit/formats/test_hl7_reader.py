"""The reader: delimiters, terminators, character sets, what is put up with and what is refused."""

import pytest
from hl7_samples import message, parse, read

from engine.base.errors import BusError, Code
from engine.formats.format import NULL, Hints
from engine.formats.hl7 import Hl7

HEADER = "MSH|^~\\&|LIS|H|BUS|H|20261120090000||ORU^R01^ORU_R01|M1|P|2.5.1"


def test_header_fields_count_the_separator_as_the_first() -> None:
    raw = message()
    found = [read(raw, f"MSH-{number}") for number in (1, 2, 3, 9, 10, 11, 12)]
    assert found == ["|", "^~\\&", "LIS", "ORU", "M1", "P", "2.5.1"]


def test_any_delimiters() -> None:
    raw = b"MSH@~&#\\@LIS@H@BUS@H@20261120@@ORU~R01@M1@P@2.5.1\rPID@1@@A1~~~H\\x&B2@@Doe~J#F##S##T#\r"
    assert read(raw, "MSH-2") == "~&#\\"
    assert read(raw, "PID-3(2).1") == "B2"
    assert read(raw, "PID-3.4.2") == "x"
    assert read(raw, "PID-5.2") == "J@~\\"


def test_letters_as_delimiters() -> None:
    raw = b"MSH!$r?@!LIP!LIP!LB!LB!20111207121030!!RSP$SLI$RSP_K11!43!D!2.5\rPID!1!!abrcd$e\r"
    assert read(raw, "MSH-9.3") == "RSP_K11"
    assert [read(raw, f"PID-3({n})") for n in (1, 2, 3)] == ["ab", "cd", None]


def test_no_subcomponent_delimiter() -> None:
    assert read(b"MSH|^~\\|A|||||||ADT^A01|1|P|2.3\rPID|||a&b\r".replace(b"|||||||", b"||||||"), "PID-3") == "a&b"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_terminators(end: str, last: bool) -> None:
    raw = (HEADER + end + "PID|1||A1" + end + "PV1|1|O" + (end if last else "")).encode()
    document = parse(raw)
    assert (read(document, "PID-3"), read(document, "PV1-2"), document.warnings) == ("A1", "O", [])
    assert document.raw == raw


def test_a_torn_value_is_joined_again_and_said() -> None:
    document = parse((HEADER + "\rOBX|1|TX|A||line one\nline two||||||F\rNTE|1\r").encode())
    assert read(document, "OBX-5") == "line one\nline two"
    assert read(document, "OBX-11") == "F"
    assert document.warnings == ["a line that is no segment was joined to the one before it"]


def test_lower_case_names_and_bare_names() -> None:
    document = parse((HEADER + "\rpid|1||A1\rEVN\rPV1|1|O\r").encode())
    assert (read(document, "PID-3"), read(document, "EVN-1"), read(document, "PV1-2")) == ("A1", None, "O")
    assert document.warnings == ["a segment's name is not in capitals"]


def test_framing_left_around_a_message() -> None:
    document = parse(b"\x0b" + message("PV1|1|I|W1") + b"\x1c\r")
    assert read(document, "PV1-3") == "W1"
    assert document.warnings == ["bytes around the message were passed over"]


def test_empty_null_and_missing() -> None:
    raw = message('PID|1||A1|""||^^""|')
    assert read(raw, "PID-4") is NULL
    assert read(raw, "PID-5") is None
    assert [read(raw, f"PID-6.{n}") for n in (1, 2, 3, 4)] == [None, None, NULL, None]
    assert [read(raw, path) for path in ("PID-7", "PID-30", "PV1-2", "PV1(2)-2")] == [None] * 4


NAME = "张三"
TRAPS = "".join(bytes([lead, ord(mark)]).decode("gb18030") for lead in (0x81, 0xB0, 0xD0) for mark in "\\|^~")
"""Hanzi whose second byte in GB 18030 is a delimiter."""


@pytest.mark.parametrize("declared", ["GB 18030-2000", "GB2312", "GBK", "CHINESE", "gb18030"])
def test_gb_18030_is_split_after_decoding(declared: str) -> None:
    text = HEADER.replace("|H|BUS", f"|{TRAPS}|BUS") + f"||||||{declared}\rPID|1||A1||{TRAPS}^{NAME}\rPV1|1|O\r"
    document = parse(text.encode("gb18030"))
    assert (document.charset, document.warnings) == ("gb18030", [])
    assert [read(document, path) for path in ("MSH-4", "MSH-10", "PID-5.1", "PID-5.2", "PV1-2")] == [
        TRAPS,
        "M1",
        TRAPS,
        NAME,
        "O",
    ]


@pytest.mark.parametrize(
    ("declared", "codec"),
    [("UNICODE UTF-8", "utf-8"), ("UNICODE", "utf-8"), ("UNICODE UTF-16", "utf-8"), ("", "utf-8"), ("BIG-5", "big5"),
     ("UNICODE UTF-8~GB 18030-2000", "utf-8")],
)  # fmt: skip
def test_declared_character_sets(declared: str, codec: str) -> None:
    raw = f"{HEADER}||||||{declared}\rPID|1||A1||中文\r".encode(codec)
    document = parse(raw)
    assert (read(document, "PID-5"), document.charset, document.warnings) == ("中文", codec, [])


def test_latin_1() -> None:
    document = parse(f"{HEADER}||||||8859/1\rPID|1||A1||Müller\r".encode("latin-1"))
    assert (read(document, "PID-5"), document.charset) == ("Müller", "latin-1")


def test_undeclared_bytes_are_guessed_and_said() -> None:
    document = parse(f"{HEADER}\rPID|1||A1||{NAME}\r".encode("gb18030"))
    assert (read(document, "PID-5"), document.charset) == (NAME, "gb18030")
    assert document.warnings == ["the bytes are not utf-8; they were read as gb18030"]


def test_a_false_declaration_is_read_and_said() -> None:
    document = parse(f"{HEADER}||||||UNICODE UTF-8\rPID|1||A1||{NAME}\r".encode("gb18030"))
    assert read(document, "PID-5") == NAME
    assert len(document.warnings) == 1


def test_bytes_of_no_character_set_are_read_as_latin_1() -> None:
    document = parse(f"{HEADER}\rPID|1||A1||".encode() + b"\xff\xff\r")
    assert (read(document, "PID-5"), document.charset) == ("ÿÿ", "latin-1")


def test_a_profile_knows_better_than_msh_18() -> None:
    raw = f"{HEADER}||||||8859/1\rPID|1||A1||{NAME}\r".encode("gb18030")
    assert read(parse(raw, charset="gb18030"), "PID-5") == NAME
    assert read(parse(raw, declared={"8859/1": "gb18030"}), "PID-5") == NAME
    assert read(Hl7().parse(raw, Hints(charset="GBK")), "PID-5") == NAME
    bare = f"{HEADER}\rPID|1||A1||{NAME}\r".encode("gb18030")
    assert parse(bare, declared={"": "gb18030"}).warnings == []


def test_strict_systems_refuse_bytes_that_do_not_fit() -> None:
    raw = f"{HEADER}||||||UNICODE UTF-8\rPID|1||A1||{NAME}\r".encode("gb18030")
    with pytest.raises(BusError, match="not utf-8"):
        parse(raw, strict=True)


def test_an_ascii_body_keeps_its_declared_charset_for_escapes() -> None:
    raw = f"{HEADER}||||||GB 18030-2000\rPID|1||A1||\\XD5C5\\\\XC8FD\\\r".encode()
    assert read(raw, "PID-5") == NAME


@pytest.mark.parametrize(
    ("raw", "spot", "condition"),
    [
        (b"", "MSH^1", 100),
        (b"PID|1", "MSH^1", 100),
        (b"MSH", "MSH^1^1", 101),
        (b"MSH|", "MSH^1^2", 101),
        (b"MSH|^~", "MSH^1^2", 101),
        (b"MSHA^~\\&A", "MSH^1^1", 102),
        (b"MSH|^^\\&|A|B|C|D|E|F|G|H\r", "MSH^1^2", 102),
        (b"MSH|^~\\&\r", "MSH^1^9", 101),
        (b"MSH|^~\\&|A|B|C|D|20261120\rPID|1\r", "MSH^1^9", 101),
    ],
)
def test_what_leaves_nothing_to_route_by_is_refused(raw: bytes, spot: str, condition: int) -> None:
    with pytest.raises(BusError) as caught:
        parse(raw)
    assert (caught.value.code, caught.value.spot, caught.value.condition) == (Code.NOT_READABLE, spot, condition)


def test_missing_header_fields_are_said() -> None:
    document = parse(b"MSH|^~\\&|A|B|C|D|20261120|||M1|P\r")
    assert document.warnings == ["MSH-9 is empty", "MSH-12 is empty"]


def test_size_limit() -> None:
    with pytest.raises(BusError) as caught:
        Hl7().parse(message(), Hints(size=20))
    assert caught.value.code is Code.TOO_LARGE
