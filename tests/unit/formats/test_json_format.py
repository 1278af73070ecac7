"""JSON: exact numbers, limits, character sets, paths; nothing foreign comes out of any bytes."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refused import refusal_of

from engine.base.errors import BusError, Code
from engine.formats import dotted
from engine.formats.format import NULL, Hints, PathError
from engine.formats.json import Json

JSON = Json()


def read(path, document):
    code = JSON.read(path)
    return eval(code.code.replace("{d}", "doc"), {**code.names, "doc": document})


def each(path, document):
    code = JSON.each(path)
    return list(eval(code.code.replace("{d}", "doc"), {**code.names, "doc": document}))


@pytest.mark.parametrize(
    "text",
    [
        "5.20",
        "0.1",
        "12345678901234567890",
        "-0.00",
        "1E+2",
        "3.141592653589793238462643383279",
        "123456789012345678.12",
        "9007199254740993",
    ],
)
def test_numbers_keep_their_digits(text):
    found = JSON.parse(f'{{"n":{text}}}'.encode(), Hints())["n"]
    assert Decimal(found) == Decimal(text)
    assert isinstance(found, int | Decimal)
    if "E" not in text:
        assert JSON.render({"n": found}) == f'{{"n":{text}}}'.encode()


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=8)
        | st.decimals(allow_nan=False, allow_infinity=False, places=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=10,
    )
)
def test_what_is_written_is_read_back_the_same(document):
    assert JSON.parse(JSON.render(document), Hints()) == document


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60)
    | st.text(st.sampled_from('{}[]":,0123456789.eE+-truefalsn \\u\ud800'), max_size=40).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
)
def test_any_bytes_are_read_or_refused(raw):
    error = refusal_of(JSON.parse, raw, Hints())
    assert error is None or error.code is Code.NOT_READABLE


@pytest.mark.parametrize(
    ("raw", "hints", "code"),
    [
        (b"{", Hints(), Code.NOT_READABLE),
        (b"", Hints(), Code.NOT_READABLE),
        (b'{"a":NaN}', Hints(), Code.NOT_READABLE),
        ('{"a":"张"}'.encode("gbk"), Hints(), Code.NOT_READABLE),
        (b'{"a":1}', Hints(size=6), Code.TOO_LARGE),
        (b"[" * 65 + b"]" * 65, Hints(), Code.NOT_READABLE),
        (b"[" * 100_000, Hints(), Code.NOT_READABLE),
        (b'{"a":1}', Hints(charset="nonsense"), Code.NOT_READABLE),
        (b'{"a":1e999999999}', Hints(), Code.NOT_READABLE),
        (b'{"a":' + b"1" * 5000 + b"}", Hints(), Code.NOT_READABLE),
    ],
)
def test_what_is_refused(raw, hints, code):
    with pytest.raises(BusError) as caught:
        JSON.parse(raw, hints)
    assert caught.value.code is code
    assert "张" not in str(caught.value)


def test_the_deepest_that_is_read():
    raw = b"[" * 64 + b"]" * 64
    assert JSON.parse(raw, Hints()) == json.loads(raw)
    wide = b"[" + b"{}," * 1000 + b"{}]"
    assert len(JSON.parse(wide, Hints())) == 1001


def test_character_sets():
    gbk = '{"name":"张三","n":1.0}'.encode("gb18030")
    assert JSON.parse(gbk, Hints(charset="GBK"))["name"] == "张三"
    assert Json({"charset": "gb18030"}).parse(gbk, Hints())["name"] == "张三"
    assert JSON.parse(b"\xef\xbb\xbf{}", Hints()) == {}


def test_what_is_written():
    tree = {
        "d": Decimal("5.20"),
        "big": 10**30,
        "at": datetime(2026, 11, 20, tzinfo=UTC),
        "day": date(2026, 11, 20),
        "null": NULL,
        "名": "值",
    }
    assert (
        JSON.render(tree).decode() == '{"d":5.20,"big":'
        "1" + "0" * 30 + ',"at":"2026-11-20T00:00:00+00:00","day":"2026-11-20","null":null,"名":"值"}'
    )
    for wrong in (object(), b"bytes", Decimal("NaN"), "\ud800"):
        with pytest.raises(BusError, match="VALIDATION_FAILED"):
            JSON.render({"a": wrong})


DOCUMENT = {
    "a": {"b": [{"code": "X", "value": 1}, {"code": 2, "value": 2}]},
    "one": {"code": "Y", "value": 3},
    "a.b": {"c d": 4},
    "名": {"值": 5},
    "t": "text",
    "e": "",
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b(0).value", 1),
        ("a.b(1).code", 2),
        ("a.b(7).value", None),
        ("a.b(code=X).value", 1),
        ("a.b(code=2).value", 2),
        ("a.b(code=Z).value", None),
        ('a.b("code"="X").value', 1),
        ("one(0).value", 3),
        ("one(code=Y).value", 3),
        ('"a.b"."c d"', 4),
        ("名.值", 5),
        ("no.where.at.all", None),
        (".", DOCUMENT),
    ],
)
def test_paths(path, value):
    assert read(path, DOCUMENT) == value


def test_repeats():
    assert each("a.b", DOCUMENT) == DOCUMENT["a"]["b"]
    assert each("one", DOCUMENT) == [DOCUMENT["one"]]
    assert each("none", DOCUMENT) == each("e", DOCUMENT) == []


@pytest.mark.parametrize("path", ["", "a.", ".a", "a..b", "a b", "a(", "a(x)", "a(-1)", "a()", '"a', "a.b(0", "a=b"])
def test_what_is_no_path(path):
    with pytest.raises(PathError) as caught:
        JSON.read(path)
    assert caught.value.hint


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('ab."() =0,{}d张'), max_size=12))
def test_any_text_is_a_path_or_refused(path):
    try:
        code = JSON.read(path)
    except PathError:
        return
    compile(code.code.replace("{d}", "doc"), "path", "eval")


def test_places_to_build():
    assert JSON.target("a.b(0).c").keys == ("a", "b", 0, "c")
    for path in ("a(code=X).b", "."):
        with pytest.raises(PathError):
            JSON.target(path)
    assert dotted.keys('"a.b".c') == ("a.b", "c")


def test_answers_and_sameness():
    error = BusError(Code.VALIDATION_FAILED, "patient.id: missing")
    assert json.loads(JSON.acknowledge(b"?", [(b"?", error)], {"id": "m1"}, batch=False)[0]) == {
        "code": "VALIDATION_FAILED", "message": Code.VALIDATION_FAILED.kind.zh, "traceId": "m1", "detail": "patient.id: missing",
    }  # fmt: skip
    assert json.loads(JSON.acknowledge(b"{}", [(b"{}", None)], {"id": "m1"}, batch=False)[0])["code"] == "OK"
    assert (
        json.loads(JSON.acknowledge(b"{}", [(b"{}", error)], {"id": "m1"}, batch=False)[0])["code"]
        == "VALIDATION_FAILED"
    )
    assert JSON.split(b"{}") == [b"{}"]
    assert JSON.digest(b"{}") == JSON.digest(b"{}") != JSON.digest(b"{ }")


@pytest.mark.parametrize(("tree", "body"), [({"a": 1}, b'[{"a":1}]'), ({}, b"[]")])
def test_an_array_as_the_outermost(tree, body):
    assert Json({"array": True}).render(tree) == body


def test_paths_into_an_array_that_is_the_outermost():
    document = [{"id": 1, "of": ["x"]}, {"id": 2}]
    assert read("(1).id", document) == 2
    assert read("(id=1).of(0)", document) == "x"
    assert read("(2).id", document) is None
    assert read("(0)", document) == document[0]
    with pytest.raises(PathError):
        JSON.target("(0).id")
