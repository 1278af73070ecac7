"""Two independent libraries read the same values: python-hl7 and hl7apy."""

import hl7
import pytest
from hl7_samples import FORMAT, MESSAGES, message, name, parse, read
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import BusError
from engine.formats.format import NULL, Hints

FIELDS = (
    "MSH-3",
    "MSH-9.2",
    "MSH-10",
    "PID-3",
    "PID-3.4",
    "PID-5.1",
    "PID-5.2",
    "PID-7",
    "PV1-2",
    "OBR-4.2",
    "OBX-3.2",
    "OBX-5",
)


def single(path: object) -> bool:
    """What python-hl7 can be asked: one message in one CR-terminated piece with the usual delimiters."""
    raw = path.read_bytes()  # type: ignore[attr-defined]
    plain = raw.startswith(b"MSH|^~\\&|") and b"\n" not in raw and b"\\" not in raw[9:] and raw.count(b"MSH|") == 1
    return plain and raw.isascii()


@pytest.mark.parametrize("path", [path for path in MESSAGES if single(path)], ids=name)
def test_python_hl7_reads_the_same(path: object) -> None:
    raw = path.read_bytes()  # type: ignore[attr-defined]
    try:
        document = FORMAT.parse(raw, Hints())
    except BusError:
        return  # what is refused is pinned in test_hl7_corpus
    if document.warnings:
        return  # what is put up with is in test_hl7_reader; python-hl7 reads it as it stands
    peer = hl7.parse(raw.decode())
    for text in FIELDS:
        segment, _, rest = text.partition("-")
        field, _, component = rest.partition(".")
        try:
            expected = peer.extract_field(segment, 1, int(field), 1, int(component or 1), 1)
        except (LookupError, TypeError):
            expected = None
        ours = read(document, text)
        assert (None if ours is NULL else ours) == (None if expected in ("", '""') else expected)


def test_python_hl7_sees_most_of_the_corpus() -> None:
    assert sum(single(path) for path in MESSAGES) > 90


WORD = st.text("abcXYZ019 .-张三丰é\\|^&~#", min_size=1, max_size=8).filter(
    lambda text: text != '""' and text.strip() == text
)
COMPONENTS = st.lists(st.one_of(st.just(""), WORD), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(repetitions=st.lists(COMPONENTS, min_size=1, max_size=3), charset=st.sampled_from(["utf-8", "gb18030"]))
def test_what_we_write_hl7apy_reads(repetitions: list[list[str]], charset: str) -> None:
    tree = {
        "MSH": {3: "A", 7: "20261120", 9: {1: "ORU", 2: "R01", 3: "ORU_R01"}, 10: "1", 11: "P", 12: "2.5.1"},
        "PID": {11: [dict(enumerate(parts, 3)) for parts in repetitions], 1: 1},
    }
    raw = FORMAT.__class__({"charset": charset}).render(tree)
    document = parse(raw)
    peer = parse_message(raw.decode(charset), find_groups=False)
    fields = list(peer.pid.pid_11)
    for place, parts in enumerate(repetitions, 1):
        for number, text in enumerate(parts, 3):
            assert read(document, f"PID-11({place}).{number}") == (text or None)
            written = _escaped(text)
            theirs = getattr(fields[place - 1], f"xad_{number}").to_er7() if place <= len(fields) else ""
            assert theirs == written


def _escaped(text: str) -> str:
    """Escapes as the standard writes them: the oracle keeps them in its own output."""
    for mark, code in {"\\": "\0E\0", "|": "\0F\0", "^": "\0S\0", "&": "\0T\0", "~": "\0R\0"}.items():
        text = text.replace(mark, code)
    return text.replace("\0", "\\")


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.text("abc123张三", min_size=1, max_size=6), min_size=9, max_size=9),
    delimiters=st.permutations("|^~\\&!@#$%*").map(lambda marks: "".join(marks[:5])),
)
def test_python_hl7_reads_other_delimiters_the_same(values: list[str], delimiters: str) -> None:
    field, component, repetition, _, subcomponent = delimiters
    line = field.join(
        ["PID", values[0], component.join(values[1:3]), repetition.join(values[3:5]), subcomponent.join(values[5:7])]
    )
    header = field.join(["MSH", delimiters[1:], "A", "B", "C", "D", "20261120", "", "ADT", "1", "P", "2.5.1"])
    raw = message(line, header=header)
    document, peer = parse(raw), hl7.parse(raw.decode())
    paths = {"PID-1": (1, 1, 1, 1), "PID-2.2": (2, 1, 2, 1), "PID-3(2)": (3, 2, 1, 1), "PID-4.1": (4, 1, 1, 1)}
    for path, place in paths.items():
        assert read(document, path) == peer.extract_field("PID", 1, *place)
