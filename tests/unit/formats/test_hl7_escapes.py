"""Escape sequences: what each means, what is kept, and that writing and reading are one another's inverse."""

import pytest
from hl7_samples import message, read
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import BusError, Code
from engine.formats.format import NULL
from engine.formats.hl7_escapes import escape, unescape
from engine.formats.hl7_marks import MOST_PIECES, STANDARD, marks

MEANINGS = {
    r"a\F\b\S\c\T\d\R\e\E\f": r"a|b^c&d~e\f",
    r"1\P\2": "1#2",
    r"\X41\\X4243\ ": "ABC ",
    r"\XE5BCA0\三": "张三",
    r"\XE5BC\\XA0\三": "张三",  # one character's bytes in two sequences
    r"one\.br\two": "one\ntwo",
    r"one\.sp\two\.sp 2\three\.sp+3\four": "one\ntwo\n\nthree\n\n\nfour",
    r"\.in\\.in+4\\.in-2\\.ti 3\text\.sk 2\more": "   text  more",
    r"\.fi\\.nf\flow\.ce\centred": "flow\ncentred",
    r"\H\loud\N\ quiet": "loud quiet",
}

KEPT = [
    r"C:\temp\new",
    r"one \ alone",
    r"\Z99\ local",
    r"\C2842\ and \M824041\ switch",
    r"\Q\ unknown \.zz\ unknown \.sp 1000\ far",
    r"\X4\ odd \XZZ\ no digits \X\ nothing \XFF\ no character",
    "\\",
    "\\\\",
]


@pytest.mark.parametrize(("text", "meaning"), MEANINGS.items())
def test_meanings(text: str, meaning: str) -> None:
    assert unescape(text, STANDARD) == meaning
    assert read(message(f"NTE|1||{text}"), "NTE-3") == meaning


@pytest.mark.parametrize("text", KEPT)
def test_what_has_no_meaning_is_kept(text: str) -> None:
    assert unescape(text, STANDARD) == text


def test_the_mark_after_an_unknown_escape_may_open_one() -> None:
    assert unescape(r"C:\temp\F\x", STANDARD) == r"C:\temp|x"


def test_a_value_of_escapes_without_text_is_nothing() -> None:
    assert read(message(r"NTE|1||\H\\N\|"), "NTE-3") is None


def test_the_truncation_mark_of_v2_7() -> None:
    assert unescape(r"a\P\b", marks("|", "^~\\&+", "utf-8")) == "a+b"


def test_escaped_null_is_text() -> None:
    assert read(message("NTE|1||" + escape('""', STANDARD)), "NTE-3") == '""'
    assert read(message('NTE|1||""'), "NTE-3") is NULL


def test_more_escapes_than_any_text_has() -> None:
    with pytest.raises(BusError) as caught:
        unescape("\\F\\" * MOST_PIECES, STANDARD)
    assert caught.value.code is Code.TOO_LARGE


DELIMITERS = st.lists(
    st.sampled_from("|^~\\&!@#$%*+=;:?<>/"), min_size=6, max_size=6, unique=True
).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=40), delimiters=DELIMITERS, wide=st.booleans())
def test_reading_undoes_writing(text: str, delimiters: str, wide: bool) -> None:
    named = marks(delimiters[0], delimiters[1:6] if wide else delimiters[1:5], "utf-8")
    written = escape(text, named)
    assert not set(written) & {
        named.field,
        named.component,
        named.repetition,
        named.subcomponent,
        "\r",
        "\n",
        "\x0b",
        "\x1c",
    }
    assert unescape(written, named) == text
