"""What strict systems refuse, what hl7apy says of a structure, and the content of a message as a digest."""

import pytest
from hl7_samples import FORMAT, message, parse

from engine.base.errors import BusError, Code
from engine.formats.format import Hints
from engine.formats.hl7 import Hl7
from engine.formats.hl7_checks import findings

SECRET = "张三"


def found(*segments: str, header: str | None = None, beyond: frozenset[str] = frozenset()) -> list[str]:
    raw = message(*segments) if header is None else message(*segments, header=header)
    return [finding.what for finding in findings(parse(raw), beyond)]


HEADER = "MSH|^~\\&|LIS|H|BUS|H|20261120090000||ORU^R01^ORU_R01|M1|P|"


@pytest.mark.parametrize(
    ("segment", "what"),
    [
        (f"PID|1||A||{SECRET} ^B", "PID-5 has blanks around a value"),
        ("PID|1||A||B||1900年3月7日", "PID-7 is no time"),
        ("PID|1||A||B||190003071", "PID-7 is no time"),
        ("PID|1||A||\\Q\\", "PID-5 has an escape sequence that is not known"),
        ("PID|1||A||B\\C", "PID-5 has an escape sequence that is not known"),
        ("EVN|A01|||||||x", "EVN has 7 fields in 2.5.1"),
        ("XYZ|1", "the segment XYZ is not known"),
        ("ZFY|1", "the segment ZFY is not known"),
    ],
)
def test_findings(segment: str, what: str) -> None:
    assert found(segment) == [what]
    assert SECRET not in what


def test_what_is_no_finding() -> None:
    fine = [
        "PID|1||A~B||^\\F\\x||19000307|M",
        'PV1|1|O||""',
        "OBX|1|TX|A||  indented \\.br\\ text|||||F|||20261120090000.1+0800",
    ]
    assert found("EVN|A01|202611", *fine, "ZFY|1", beyond=frozenset({"ZFY"})) == []
    assert found("OBR|1" + "|" * 60 + "x", beyond=frozenset({"OBR-61"})) == []


def test_order_version_and_charset() -> None:
    assert found("PID|1||A", "EVN|A01") == ["EVN comes too late: it is of the message, not of the patient"]
    assert found(header=HEADER + "2.9") == ["MSH-12 names a version that is not known"]
    assert found(header=HEADER + "2.5||||||UTF-8") == ["MSH-18 is not a value of table 0211"]
    assert found(header=HEADER + "2.5||||||UNICODE UTF-8~ASCII") == []


def test_a_strict_system_names_the_place() -> None:
    with pytest.raises(BusError) as caught:
        Hl7({"strict": True}).parse(message("PID|1||A", "PID|2||A||B||x"), Hints())
    assert (caught.value.code, caught.value.spot) == (Code.VALIDATION_FAILED, "PID^2^7")
    with pytest.raises(BusError) as caught:
        Hl7({"strict": True}).parse(message(header=HEADER + "2.9"), Hints())
    assert (caught.value.code, caught.value.condition) == (Code.UNSUPPORTED_VERSION, 203)


def test_structure_as_hl7apy_sees_it() -> None:
    header = "MSH|^~\\&|A|B|C|D|20261120||ADT^A01^ADT_A01|1|P|2.5.1"
    whole = message("EVN|A01|20261120", f"PID|1||A^^^H^MR||{SECRET}", "PV1|1|I", header=header)
    assert FORMAT.validate(parse(whole)) == []
    unnamed = message("EVN|A01|20261120", f"PID|1||||{SECRET}", "PV1|1|I", header=header)
    assert FORMAT.validate(parse(unnamed)) == ["Missing required child PID.PID_3"]
    unvisited = message("EVN|A01|20261120", f"PID|1||A^^^H^MR||{SECRET}", header=header)
    assert FORMAT.validate(parse(unvisited)) == ["Missing required child ADT_A01.PV1"]


@pytest.mark.parametrize(
    "raw",
    [
        message(header="MSH|^~\\&|A|B|C|D|20261120||ADT|1|P|2.5.1"),
        message(header="MSH|^~\\&|A|B|C|D|20261120||ADT^A01^ADT_A01|1|P|9"),
        message("Z|||", "\x01\x02", "PID" + "|" * 3000),
    ],
)
def test_odd_messages_are_told_of_too(raw: bytes) -> None:
    assert FORMAT.validate(parse(raw)) != []


def test_large_messages_are_not_given_to_hl7apy() -> None:
    assert FORMAT.validate(parse(message("OBX|1|TX|A||" + "x" * 70_000))) == ["larger than 65536 bytes: not checked"]


def digest(raw: bytes) -> bytes:
    return FORMAT.digest(raw)


def test_a_resend_has_the_same_digest() -> None:
    raw = message("PID|1||A", "OBX|1|NM|x||1")
    again = raw.replace(b"20261120090000", b"20261120090500").replace(b"|M1|", b"|M2|")
    assert digest(again) == digest(raw)
    assert digest(raw.replace(b"\r", b"\n")) == digest(raw.replace(b"\r", b"\r\n")) == digest(raw)
    assert digest(b"\x0b" + raw + b"\x1c\r") == digest(raw.removesuffix(b"\r")) == digest(raw)
    assert len(digest(raw)) == 32


def test_other_content_has_another_digest() -> None:
    raw = message("PID|1||A", "OBX|1|NM|x||1")
    assert digest(raw.replace(b"||1\r", b"||2\r")) != digest(raw)
    assert digest(raw.replace(b"ORU^R01", b"ORU^R30")) != digest(
        raw
    )  # a booking and its cancellation may differ in this alone
    assert digest(b"") != digest(b"x")
