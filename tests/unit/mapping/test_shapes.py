"""Shapes: the compiled checker, the findings about a shape's text, and paths with "did you mean"."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_desk import said, shape

from engine.formats.format import PathError
from engine.mapping.shapes import spec
from engine.settings.problems import Problems

GOOD = {
    "patient": {"id": "P1", "sex": "male"},
    "fee": 1200,
    "note": "五个字以内",
    "born": "1990-01-02",
    "paid": False,
    "score": "5.20",
    "count": 0,
    "at": "2026-11-20T09:00:00+08:00",
    "tags": ["a"],
    "items": [{"code": "A", "parts": [{"no": "1"}]}],
}


def test_a_whole_document_fits():
    assert spec(shape()).check(GOOD) == []


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"patient": None}, "patient: missing"),
        ({"patient": {}}, "patient.id: missing"),
        ({"patient": {"id": ""}}, "patient.id: missing"),
        ({"patient": {"id": 7}}, "patient.id: not text"),
        ({"patient": {"id": "P1", "sex": "m"}}, "patient.sex: not one of its codes"),
        ({"patient": {"id": "P1", "age": 3}}, "patient.age: not known"),
        ({"fee": "12.00"}, "fee: not a whole number of fen"),
        ({"fee": True}, "fee: not a whole number of fen"),
        ({"note": "六个字就太长"}, "note: longer than 5 characters"),
        ({"born": "1990-02-30"}, "born: not a date"),
        ({"born": "19900102"}, "born: not a date"),
        ({"paid": 1}, "paid: neither true nor false"),
        ({"score": 5.2}, "score: not a decimal in text"),
        ({"score": "1e3"}, "score: not a decimal in text"),
        ({"count": True}, "count: not a whole number"),
        ({"at": "2026-11-20T09:00:00"}, "at: not an instant with offset"),
        ({"at": "2026-11-20T25:00:00+08:00"}, "at: not an instant with offset"),
        ({"tags": "a"}, "tags: not a list"),
        ({"tags": [1]}, "tags[0]: not text"),
        ({"items": [{"code": "A"}, {}]}, "items[1].code: missing"),
        ({"items": ["x"]}, "items[0]: not an object"),
        ({"pacient": {}}, "pacient: not known"),
    ],
)
def test_what_breaks_a_shape_is_named_without_its_value(change, wrong):
    assert spec(shape()).check(GOOD | change) == [wrong]


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=2),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["patient", "id", "items", "code", "fee", "born", "at", "tags", "score"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_any_document_is_checked_without_an_exception(document):
    found = spec(shape()).check(document)
    assert all(isinstance(line, str) for line in found)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("patient.id", "text"),
        ("fee", "money"),
        ("items(0).code", "text"),
        ("items(code=A).quantity", "integer"),
        ("tags(1)", "text"),
        ("items", "list"),
    ],
)
def test_paths_of_a_shape(path, kind):
    assert shape().at(path).kind == kind


@pytest.mark.parametrize(
    ("path", "what", "hint"),
    [
        ("pateint.id", "no field 'pateint'", "did you mean 'patient'?"),
        ("patient.idd", "no field 'idd' in 'patient.idd'", "did you mean 'id'?"),
        ("fee.yuan", "it has no fields", ""),
        ("items(kode=A).quantity", "no field 'kode'", "did you mean 'code'?"),
        ("fee(0)", "only a list has entries", ""),
        ("a..b", "no path", "parted by dots"),
        ("", "empty path", "write the name"),
    ],
)
def test_paths_that_are_not_there(path, what, hint):
    with pytest.raises(PathError, match=what) as caught:
        shape().at(path)
    assert hint in caught.value.hint


def test_mistakes_in_a_shapes_text_are_all_found_with_their_places():
    problems = Problems()
    shape(
        """shape: x
find: {patient: pat.id, item: items}
fields:
  patient: {fields: {id: txt}}
  state: code
  kind: {type: code}
  list: {type: list}
  amount: {type: money, fields: {a: text}}
  items: {type: list, of: object}
""",
        problems,
    )
    assert said(problems) == [
        "shape.yaml:2:8: shape 'x' has no field 'pat' in 'pat.id' (did you mean 'patient'?)",
        "shape.yaml:2:25: 'items' is a list: only a plain value finds a message",
        "shape.yaml:4:26: type 'txt' is not known (did you mean 'text'?)",
        "shape.yaml:5:10: 'code' needs its long form (write state: {type: code, codes: […]})",
        "shape.yaml:6:9: 'kind': 'codes' and type code belong together ({type: code, codes: […]})",
        "shape.yaml:7:9: 'list': a list has either 'of' or 'fields' ({type: list, of: text})",
        "shape.yaml:8:11: 'amount': a money has no fields (leave 'type' out, or write type: list)",
        "shape.yaml:9:23: type of entries 'object' is not known (known: boolean, code, date, decimal, instant, integer, money, text)",
    ]
