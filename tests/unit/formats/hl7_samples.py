"""Messages that the HL7 tests read: other people's, from the shared corpora, and invented ones."""

from pathlib import Path
from typing import Any

from engine.formats.format import Code, Hints
from engine.formats.hl7 import Hl7
from engine.formats.hl7_reader import Message
from tests.corpora import CORPORA, need

need()

MESSAGES = sorted(CORPORA.glob("hl7v2-*/**/*.hl7"))
"""All 207 messages that others wrote."""

FORMAT = Hl7()


def name(path: Path) -> str:
    """How a corpus file is called in a test's id."""
    return str(path.relative_to(CORPORA)).removeprefix("hl7v2-")


def message(*segments: str, header: str = "MSH|^~\\&|LIS|H|BUS|H|20261120090000||ORU^R01^ORU_R01|M1|P|2.5.1") -> bytes:
    """An invented message of a header and more segments, in UTF-8."""
    return ("\r".join((header, *segments)) + "\r").encode()


def parse(raw: bytes, **options: Any) -> Message:
    return Hl7(options).parse(raw, Hints())


def run(code: Code, scope: Any) -> Any:
    """What a compiled path gives, as a generated map would run it."""
    return eval(code.code.replace("{d}", "scope"), {**code.names, "scope": scope})


def read(raw: bytes | Message, path: str) -> Any:
    scope = parse(raw) if isinstance(raw, bytes) else raw
    return run(FORMAT.read(path), scope)
