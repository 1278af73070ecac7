"""Every message that others wrote, sent to the running bus: answered rightly, and kept byte for byte."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.corpora import CORPORA, need
from tests.flow.house import House
from tests.flow.kept import kept
from tests.flow.wire import MllpLine, verdict

need()

FILES = sorted(CORPORA.glob("hl7v2-*/**/*.hl7"))
PROBE = b"MSH|^~\\&|PROBE||BUS||20261120093000||ADT^A01|%s|P|2.4\rEVN|A01\r"
"""Sent after each file over the same connection: its answer comes after all of the file's."""

_HEADER = re.compile(rb"(?:\A\W{0,64}?|[\r\n\x0b\x1c])(?=(?:MSH|FHS|BHS|BTS|FTS)(?:[^A-Za-z0-9 ]|\Z))")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One file and what came back."""

    raw: bytes
    answers: list[bytes]

    @property
    def messages(self) -> list[bytes]:
        """The messages in it, told apart by the names that begin lines; itself where there is no header."""
        places = [found.end() for found in _HEADER.finditer(self.raw)] + [len(self.raw)]
        pieces = [self.raw[a:b] for a, b in pairwise(places)]
        return [piece for piece in pieces if piece.startswith(b"MSH")] or [self.raw]


def name(path: Path) -> str:
    return str(path.relative_to(CORPORA)).removeprefix("hl7v2-")


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("corpus")) as house:
        yield house


@pytest.fixture(scope="module")
def exchanges(bus: House) -> dict[Path, Exchange]:
    with MllpLine(bus.bus.mllp) as line:
        return {path: exchanged(line, path.read_bytes(), b"PROBE%d" % n) for n, path in enumerate(FILES)}


def exchanged(line: MllpLine, raw: bytes, probe: bytes) -> Exchange:
    line.send(raw)
    line.send(PROBE % probe)
    answers = []
    while (answer := line.receive()).find(b"|" + probe + b"|") < 0:
        answers.append(answer)
    return Exchange(raw, answers)


def control_id(message: bytes) -> bytes:
    """MSH-10 as the bytes it is; empty where the header has none."""
    header = re.split(rb"[\r\n]", message[message.find(b"MSH") :])[0] if b"MSH" in message else b""
    fields = header.split(header[3:4] or b"|")
    return fields[9] if len(fields) > 9 else b""


def wants_nothing(message: bytes) -> bool:
    """NE in both MSH-15 and MSH-16 (table 0155)."""
    return re.split(rb"[\r\n]", message)[0].split(b"|")[14:16] == [b"NE", b"NE"]


def acknowledgements(answers: list[bytes]) -> list[bytes]:
    """Each on its own: a batch of them is one frame."""
    found = []
    for answer in answers:
        starts = [match.start() for match in re.finditer(rb"(?:(?<=\r)|\A)MSH[^A-Za-z0-9]", answer)] + [len(answer)]
        found += [answer[a:b] for a, b in pairwise(starts)]
    return found


def test_all_are_there(exchanges: dict[Path, Exchange]) -> None:
    assert len(exchanges) == 207


@pytest.mark.parametrize("path", FILES, ids=name)
def test_each_is_acknowledged_or_refused_with_a_reason(exchanges: dict[Path, Exchange], path: Path) -> None:
    exchange = exchanges[path]
    asked = [message for message in exchange.messages if not wants_nothing(message)]
    said = acknowledgements(exchange.answers)
    assert [verdict(answer)[1] for answer in said] == [control_id(message) for message in asked]
    for answer in said:
        code = verdict(answer)[0]
        assert code in ("AA", "AE", "AR", "CA", "CE", "CR")
        error = re.search(rb"\rERR(.)(.*)", answer)
        assert (error is not None) is (code[1] != "A")
        if error is not None:
            assert re.search(rb"\b(10[0-4]|20[0-7])\b", error[2]), "a condition of table 0357"
            assert re.search(rb"\rMSA(.)[A-Z]{2}\1[^\r]*\1[^\r]+", answer), "MSA-3 says why in words"


def test_every_byte_comes_back_from_the_journal(exchanges: dict[Path, Exchange], bus: House) -> None:
    stored = {message.raw for message in kept(bus.site)}
    missing = []
    for path, exchange in exchanges.items():
        whole = exchange.messages
        wanted = [exchange.raw] if len(whole) == 1 else [piece.rstrip(b"\x0b\x1c") for piece in whole]
        missing += [
            name(path) for piece in wanted if piece not in stored and piece.removesuffix(b"\x1c\r") not in stored
        ]
    assert missing == []


def test_the_bus_lives_and_had_no_fault_of_its_own(exchanges: dict[Path, Exchange], bus: House) -> None:
    assert bus.bus.ready()
    assert '"level": "error"' not in bus.bus.said()
