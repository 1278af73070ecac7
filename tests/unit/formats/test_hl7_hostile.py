"""Hostile input: only typed refusals, and nothing that takes a second."""

import contextlib
import time
from collections.abc import Callable

import pytest
from hl7_samples import FORMAT, MESSAGES, run
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import BusError, Code
from engine.formats.format import Hints
from engine.formats.hl7 import Hl7
from engine.formats.hl7_ack import acknowledge

PATHS = (
    "MSH-9.1",
    "MSH-10",
    "MSH-18",
    "PID-3",
    "PID-3(5=MR).1",
    "PID-3(4.2=x)",
    "PID-5.*",
    "PID-5(*)",
    "OBX(2)-5",
    "OBX(3=a)-5",
    "NTE(*)-3",
    "ZZZ-1",
)
READERS = [FORMAT.read(path) for path in PATHS]
EACH = [FORMAT.each(path) for path in ("OBR", "OBX", "PID-3", "ZZZ")]
HEADER = b"MSH|^~\\&|A|B|C|D|20261120||ORU^R01|1|P|2.5.1\r"
MB = 1024 * 1024


def everything(raw: bytes) -> list[Code]:
    """All that the bus does with a message that came; the codes of what it refused."""
    refused = []
    try:
        parts = FORMAT.split(raw)
    except BusError as error:
        refused.append(error.code)
        parts = [raw]
    for part in parts[:50]:
        try:
            document = FORMAT.parse(part, Hints())
        except BusError as error:
            refused.append(error.code)
            acknowledge(part, error, "20261120", "1")
            continue
        for each in EACH:
            scopes = attempt(lambda: run(each, document), refused) or []  # noqa: B023 - called at once
            for scope in scopes[:20]:
                for reader in READERS:
                    attempt(lambda: run(reader, scope), refused)  # noqa: B023 - the same
        for reader in READERS:
            attempt(lambda: run(reader, document), refused)  # noqa: B023 - the same
        acknowledge(part, None, "20261120", "1")
        FORMAT.digest(part)
    return refused


def attempt(work: Callable[[], object], refused: list[Code]) -> list[object] | None:
    try:
        found = work()
    except BusError as error:
        refused.append(error.code)
        return None
    return found if isinstance(found, list) else None


PIECE = st.sampled_from(
    [
        b"|",
        b"^",
        b"~",
        b"\\",
        b"&",
        b"\r",
        b"\n",
        b"MSH",
        b"PID|",
        b"OBX|",
        b"OBR|",
        b"NTE|",
        b"BHS|",
        b"\x0b",
        b"\x1c\r",
        b'""',
        b"\xe5\xbc\xa0",
        b"\x81\x5c",
        b"\xff",
        b"a",
        b"1",
        b"X41",
        b".br",
    ]
)


@settings(max_examples=400, deadline=None)
@given(
    raw=st.one_of(
        st.binary(max_size=200),
        st.lists(PIECE, max_size=60).map(lambda pieces: HEADER + b"".join(pieces)),
        st.lists(PIECE, max_size=60).map(lambda pieces: b"MSH" + b"".join(pieces)),
    )
)
def test_only_typed_refusals(raw: bytes) -> None:
    everything(raw)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_messages_of_others(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(MESSAGES)).read_bytes()[:3000])
    for _ in range(data.draw(st.integers(1, 6))):
        if raw:
            place = data.draw(st.integers(0, len(raw) - 1))
            raw[place : place + data.draw(st.integers(0, 3))] = data.draw(PIECE)
    everything(bytes(raw))
    with contextlib.suppress(BusError):
        Hl7({"strict": True}).parse(bytes(raw), Hints())


HOSTILE = {
    "20 MB of field separators": HEADER + b"PID" + b"|" * (20 * MB - 100),
    "20 MB of them in the header": b"MSH|^~\\&" + b"|" * (20 * MB - 100),
    "20 MB of components": HEADER + b"PID|||" + b"^" * (20 * MB - 100),
    "20 MB of repetitions": HEADER + b"PID|||" + b"~" * (20 * MB - 100),
    "20 MB of subcomponents": HEADER + b"PID|||" + b"&" * (20 * MB - 100),
    "20 MB of escape marks": HEADER + b"PID|||||" + b"\\" * (20 * MB - 100),
    "20 MB of escapes": HEADER + b"PID|||||" + b"\\F\\" * (6 * MB),
    "90,000 escapes of 99 lines": HEADER + b"PID|||||" + b"\\.sp99\\" * 45_000,
    "bytes that never decode": HEADER + b"PID|||||" + b"\\XFF\\" * 19_000,
    "99,000 segments": HEADER + b"OBX|1|NM|a^b||1.5\r" * 99_000,
    "a million segments": HEADER + b"OBX|1\r" * 1_000_000,
    "a million segments of other names": HEADER + b"".join(b"Z%02d|1\r" % (n % 100) for n in range(1_000_000)),
    "20 MB of CR": HEADER + b"\r" * (20 * MB - 100),
    "20 MB of LF": HEADER + b"\n" * (20 * MB - 100),
    "20 MB of lines that are no segments": HEADER + b"a\r" * (10 * MB - 100),
    "90,000 torn lines": HEADER + b"OBX|1|TX|||" + b"a line\n" * 90_000,
    "20 MB of text": HEADER + b"OBX|1|ED|||" + b"QUJD" * (5 * MB - 100),
    "20 MB of hanzi in GB 18030": HEADER[:-1] + b"||||||GBK\rOBX|1|TX|||" + "张三".encode("gb18030") * (5 * MB - 100),
    "20 MB of broken UTF-8": HEADER + b"OBX|1|TX|||" + b"\xe5\xbc" * (10 * MB - 100),
    "20 MB of headers": HEADER + b"MSH|\r" * (4 * MB - 100),
    "5,000,000 batch headers": b"BHS|\r" * (4 * MB - 100),
    "20 MB of zeros": b"\x00" * (20 * MB),
    "20 MB of blanks": b" " * (20 * MB),
    "20 MB that begins like framing": b"\x0b" * (20 * MB),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_takes_a_second(raw: bytes) -> None:
    steps: list[tuple[float, str]] = []

    def timed(what: str, work: Callable[[], object]) -> object:
        start = time.process_time()
        try:
            return work()
        except BusError:
            return None
        finally:
            steps.append((time.process_time() - start, what))

    parts = timed("split", lambda: FORMAT.split(raw)) or [raw]
    part = parts[0]  # type: ignore[index]  # a list of messages
    document = timed("parse", lambda: FORMAT.parse(part, Hints()))
    if document is not None:
        for path, reader in zip(PATHS, READERS, strict=True):
            timed(path, lambda: run(reader, document))  # noqa: B023 - called at once
        each, read = EACH[1], FORMAT.read_in("OBX", "OBX-3.2")
        read_one = next(iter(read.names.values()))
        timed("each OBX", lambda: [read_one(item) for item in run(each, document)])
    timed("acknowledge", lambda: acknowledge(raw, BusError(Code.NOT_READABLE), "20261120", "1"))
    timed("digest", lambda: FORMAT.digest(raw))
    assert max(steps)[0] < 1, max(steps)


def test_a_million_segments_are_refused() -> None:
    with pytest.raises(BusError) as caught:
        FORMAT.parse(HOSTILE["a million segments"], Hints())
    assert caught.value.code is Code.TOO_LARGE
