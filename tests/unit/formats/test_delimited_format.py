"""Delimited text: places, quotes, character sets; what is written is read back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from refused import refusal_of

from engine.base.errors import BusError, Code
from engine.formats.delimited import Delimited
from engine.formats.format import NULL, Hints, PathError

PIPES = Delimited({"columns": ["platform", "secret", "function", "card"]})
CSV = Delimited({"separator": ",", "quote": '"', "header": True, "columns": ["no", "name"], "line_end": "crlf"})


def read(form, path, raw):
    code = form.read(path)
    return eval(code.code.replace("{d}", "doc"), {**code.names, "doc": form.parse(raw, Hints())})


def test_columns_by_name_and_number():
    raw = "P|S||张三\r\nQ|T|2\n".encode()
    assert [read(PIPES, path, raw) for path in ("platform", "2", "function", "card", "9")] == [
        "P",
        "S",
        None,
        "张三",
        None,
    ]
    assert [read(PIPES, path, raw) for path in ("lines(1).platform", "lines(1).card", "lines(5).card")] == [
        "Q",
        None,
        None,
    ]


def test_lines_repeat():
    code, own = PIPES.each("lines"), PIPES.read_in("lines", "secret")
    items = eval(code.code.replace("{d}", "doc"), {"doc": PIPES.parse(b"a|1\nb|2", Hints())})
    assert [eval(own.code.replace("{d}", "i"), {**own.names, "i": item}) for item in items] == ["1", "2"]


@pytest.mark.parametrize("path", ["crd", "0", "-1", "", "lines", "lines(0)", "lines(0).x", "a.b"])
def test_what_is_no_path(path):
    with pytest.raises(PathError):
        PIPES.read(path)


def test_a_missing_name_gets_the_nearest():
    with pytest.raises(PathError) as caught:
        PIPES.read("crd")
    assert caught.value.hint == "did you mean 'card'?"


def test_empty_columns_keep_their_place():
    assert PIPES.render({0: "P", 3: "C"}) == b"P|||C"
    assert PIPES.render({}) == b"|||"
    assert Delimited({}).render({1: NULL, 2: 7}) == b"||7"


@pytest.mark.parametrize("value", ["a|b", "a\nb", "a\rb", [1], {"a": 1}])
def test_what_a_column_cannot_hold_is_refused(value):
    with pytest.raises(BusError) as caught:
        PIPES.render({0: value})
    assert caught.value.code is Code.VALIDATION_FAILED


def test_character_sets():
    form = Delimited({"charset": "gbk"})
    assert form.render({0: "张三", 1: "😀"}) == "张三|😀".encode("gb18030")
    assert read(form, "1", "张三|x".encode("gbk")) == "张三"
    with pytest.raises(BusError, match="NOT_READABLE"):
        PIPES.parse(b"\xff\xfe", Hints())
    with pytest.raises(BusError, match="VALIDATION_FAILED"):
        Delimited({"charset": "ascii"}).render({0: "张"})


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(CELL.filter(bool), CELL), min_size=1, max_size=4))
def test_quoted_records_are_read_back(rows):
    raw = CSV.render({"lines": [dict(enumerate(row)) for row in rows]})
    assert raw.startswith(b"no,name\r\n")
    assert [tuple(record) for record in CSV.parse(raw, Hints())] == rows


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.text(st.sampled_from('a,"\r\n|'), max_size=20).map(lambda text: text.encode()))
def test_any_bytes_are_read_or_refused(raw):
    for form in (PIPES, CSV):
        error = refusal_of(form.parse, raw, Hints())
        assert error is None or error.code in {Code.NOT_READABLE, Code.TOO_LARGE}


def test_options_are_checked():
    for options in ({"separator": "||"}, {"quotes": '"'}, {"quote": "x"}):
        with pytest.raises(ValidationError):
            Delimited(options)
