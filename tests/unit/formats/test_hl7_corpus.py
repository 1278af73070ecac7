"""Every message of the corpora: read or refused with reason and place, given back byte for byte, answered."""

import time
from pathlib import Path

import pytest
from hl7_samples import FORMAT, MESSAGES, name

from engine.base.errors import BusError, Code
from engine.formats.format import Hints
from engine.formats.hl7 import Hl7
from engine.formats.hl7_ack import acknowledge

REFUSED = {
    "cosyte/malformed/empty-input.hl7": ("MSH^1", 100),
    "cosyte/malformed/no-msh-segment.hl7": ("MSH^1", 100),
    "cosyte/malformed/msh-too-short.hl7": ("MSH^1^2", 101),
    "cosyte/malformed/invalid-encoding-characters.hl7": ("MSH^1^2", 101),
    "hl7apy/0005-test_core.hl7": ("MSH^1^2", 101),  # MSH-2 is empty
    "hl7apy/0014-test_parser.hl7": ("MSH^1^2", 101),
    "hl7apy/0017-test_parser.hl7": ("MSH^1^2", 102),  # six delimiters
    "hl7apy/0020-test_parser.hl7": ("MSH^1^2", 102),  # one delimiter stands for two
    "hl7apy/0021-test_parser.hl7": ("MSH^1^2", 102),
    "python-hl7/0007-test_client.hl7": ("MSH^1^9", 101),  # the header ends before it says what it is
    "python-hl7/0009-test_parse.hl7": ("MSH^1^9", 101),
    "python-hl7/0010-test_parse.hl7": ("MSH^1^9", 101),
}
"""What cannot be read, why and where: nothing else is refused."""

QUIRKS = sorted(path for path in MESSAGES if path.parent.name == "vendor-quirks")


def messages(path: Path) -> list[bytes]:
    return FORMAT.split(path.read_bytes())


def test_corpora_are_there() -> None:
    assert len(MESSAGES) == 207


@pytest.mark.parametrize("path", MESSAGES, ids=name)
def test_each_is_read_whole_or_refused_with_reason(path: Path) -> None:
    raw = path.read_bytes()
    for part in messages(path):
        if name(path) in REFUSED or part.startswith(b"MSH|^~\r"):  # the torn header inside a batch and a stream
            with pytest.raises(BusError) as caught:
                FORMAT.parse(part, Hints())
            assert caught.value.code is Code.NOT_READABLE
            assert (caught.value.spot, caught.value.condition) == REFUSED.get(name(path), ("MSH^1^2", 101))
        else:
            document = FORMAT.parse(part, Hints())
            assert document.raw == part
            assert part in raw


@pytest.mark.parametrize("path", MESSAGES, ids=name)
def test_each_is_answered_with_its_own_control_id(path: Path) -> None:
    for part in messages(path):
        try:
            error = None
            FORMAT.parse(part, Hints())
        except BusError as refused:
            error = refused
        for frame in acknowledge(part, error, "20261120090000+0800", "a1"):
            segments = frame.split(b"\r")
            header = part[part.find(b"MSH") :].replace(b"\n", b"\r").split(b"\r")[0] if b"MSH" in part else b""
            separator = header[3:4] or b"|"
            asked, told = header.split(separator), segments[0].split(separator)
            control_id = asked[9] if len(asked) > 9 else b""
            answered = segments[1].split(separator)
            assert answered[0] == b"MSA"
            assert answered[1] in ({b"AA", b"CA"} if error is None else {b"AR"})
            assert (answered[2] if len(answered) > 2 else b"") == control_id
            assert told[2:6] == (
                [*asked[4:6], b"", b""][:2] + [*asked[2:4], b"", b""][:2] if len(asked) > 1 else [b""] * 4
            )
            assert any(segment.startswith(b"ERR" + separator) for segment in segments) == (error is not None)


@pytest.mark.parametrize("path", MESSAGES, ids=name)
def test_none_takes_long(path: Path) -> None:
    raw = path.read_bytes()
    start = time.process_time()
    for part in FORMAT.split(raw):
        try:
            FORMAT.parse(part, Hints())
        except BusError as error:
            acknowledge(part, error, "20261120", "a1")
        FORMAT.digest(part)
    assert time.process_time() - start < 5  # milliseconds of work; what goes round and round takes for ever


@pytest.mark.parametrize("path", QUIRKS, ids=name)
def test_quirks_are_put_up_with_but_refused_by_a_strict_system(path: Path) -> None:
    raw = path.read_bytes()
    FORMAT.parse(raw, Hints())
    with pytest.raises(BusError) as caught:
        Hl7({"strict": True}).parse(raw, Hints())
    assert caught.value.code in {Code.VALIDATION_FAILED, Code.UNSUPPORTED_VERSION}
    assert caught.value.spot
    answer = acknowledge(raw, caught.value, "20261120", "a1")[0]
    assert b"\rERR|" in answer


CANONICAL = sorted(path for path in MESSAGES if path.parent.name == "canonical" and path.name != "z-segments.hl7")


@pytest.mark.parametrize("path", CANONICAL, ids=name)
def test_a_strict_system_takes_what_the_standard_has(path: Path) -> None:
    assert Hl7({"strict": True}).parse(path.read_bytes(), Hints()).warnings == []
