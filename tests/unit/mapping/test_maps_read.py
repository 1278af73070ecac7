"""Maps that read: values made to fit, explicit nulls, refusals that name field, source and entry, never the value."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_desk import CONTEXT, DOCUMENT, out, read, refusal_of, shape

from engine.base.errors import BusError, Code
from engine.formats.format import Hints
from engine.formats.hl7 import Hl7
from engine.mapping.shapes import spec


def refusal(run, *arguments):
    with pytest.raises(BusError) as caught:
        run(*arguments)
    assert caught.value.code is Code.VALIDATION_FAILED
    return caught.value


# --- what is read ---------------------------------------------------------------------------------


def test_values_are_made_to_fit_what_they_lose_nothing_by():
    text = """
patient.id: id
fee: fee
score: score
count: count
paid: paid
at: at
tags: {each: tags, from: .}
items: {each: item, fields: {code: c, quantity: q}}
"""
    document = {
        "id": 7,
        "fee": 1200,
        "score": "5.20",
        "count": "007",
        "paid": True,
        "at": "2026-11-20T01:00:00Z",
        "tags": ["a", 1],
        "item": {"c": 1, "q": "2"},
    }
    assert read(text).run(document, CONTEXT) == {
        "patient": {"id": "7"}, "fee": 1200, "score": "5.20", "count": 7, "paid": True, "at": "2026-11-20T01:00:00Z",
        "tags": ["a", "1"], "items": [{"code": "1", "quantity": 2}],
    }  # fmt: skip


def test_money_is_never_guessed_from_text():
    error = refusal(read("{patient.id: id, fee: fee}").run, {"id": "1", "fee": "12"}, CONTEXT)
    assert error.detail == "fee: not a whole number of fen, from fee"
    assert read("{patient.id: id, fee: fee | yuan_to_fen}").run({"id": "1", "fee": "12"}, CONTEXT)["fee"] == 1200


def test_an_explicit_null_of_hl7_is_kept_apart_from_nothing():
    text = "{patient.id: PID-3.1, channel: PID-13.1 or PID-14.1 | upper, fee: PID-30 | integer, note: PID-11.1}"
    raw = b'MSH|^~\\&|A|B|C|D|20261120||ADT^A08|1|P|2.4\rPID|||P1||||||||||""|x||||||||||||||||""\r'
    assert read(text, wire=Hl7()).run(Hl7().parse(raw, Hints()), CONTEXT) == {
        "patient": {"id": "P1"},
        "channel": None,
        "fee": None,
    }


def test_an_explicit_null_is_no_value_where_one_is_needed():
    raw = b'MSH|^~\\&|A|B|C|D|20261120||ADT^A08|1|P|2.4\rPID|||""\r'
    error = refusal(read("patient.id: PID-3.1", wire=Hl7()).run, Hl7().parse(raw, Hints()), CONTEXT)
    assert (error.detail, error.spot) == ("patient.id: missing, from PID-3.1", "PID-3.1")


def test_a_whole_list_is_checked_when_it_is_taken_over():
    text = "{patient.id: id, items: items | from_json}"
    assert read(text).run({"id": "1", "items": '[{"code":"A"}]'}, CONTEXT)["items"] == [{"code": "A"}]
    error = refusal(read(text).run, {"id": "1", "items": '[{"code":"A"},{}]'}, CONTEXT)
    assert error.detail.startswith("items: items[1].code: missing")


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "document", "detail", "spot"),
    [
        ("{patient.id: a.b or a.c}", {}, "patient.id: missing, from a.b or a.c", "a.b"),
        ("{patient.id: a.b or a.c}", {"a": {"c": ""}}, "patient.id: missing, from a.b or a.c", "a.b"),
        ("{patient.id: a.b}", {"a": "text"}, "patient.id: a value of an unexpected form, from a.b", "a.b"),
        ("{patient.id: a}", {"a": {"b": 1}}, "patient.id: not a text, from a", "a"),
        ("{patient.id: a, born: b}", {"a": "1", "b": "19900102"}, "born: not a date, from b", "b"),
        ("{patient.id: a, patient.sex: b}", {"a": "1", "b": "x"}, "patient.sex: not one of its codes, from b", "b"),
        (
            "{patient.id: a, items: {each: l, fields: {code: c, parts: {each: p, fields: {no: n | integer}}}}}",
            {"a": "1", "l": [{"c": "A"}, {"c": "B", "p": [{"n": 1}, {"n": "x"}]}]},
            "items[1].parts[1].no: not a number, from n | integer",
            "n",
        ),
        ("{patient.id: a, items: {each: l, fields: {code: c, quantity: q}}}", {"a": "1", "l": [{"q": 1}]}, "items[0].code: missing, from c", "c"),
        ("{patient.id: a, guardian.name: b, guardian.id: c}", {"a": "1", "b": "x"}, "guardian.id: missing", "guardian.id"),
        ("{patient.id: {from: a, when: b exists}}", {"a": "1"}, "patient.id: missing", "patient.id"),
    ],
)  # fmt: skip
def test_a_refusal_names_field_source_and_entry_never_the_value(text, document, detail, spot):
    error = refusal(read(text).run, document, CONTEXT)
    assert (error.detail, error.spot) == (detail, spot)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_an_optional_object_may_be_missing_whole():
    assert read("{patient.id: a, guardian.name: b, guardian.id: c}").run({"a": "1"}, CONTEXT) == {
        "patient": {"id": "1"}
    }


def test_required_in_a_map_of_theirs():
    text = "{a: {from: note, required: true}, l: {each: items, required: true, fields: {c: code}}}"
    assert refusal(out(text).run, DOCUMENT, CONTEXT).detail == "a: missing, from note"
    assert refusal(out(text).run, DOCUMENT | {"note": "n", "items": []}, CONTEXT).detail.startswith("l: missing")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abclpnqx"), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_any_document_is_mapped_or_refused_with_a_place(document):
    made, error = refusal_of(WIDE.run, document, CONTEXT)
    if error is None:
        assert spec(shape()).check(made) == []
    else:
        assert error.code is Code.VALIDATION_FAILED
        assert error.detail


WIDE = read(
    """
patient.id: a.b or a(0) or a | text | otherwise(none)
patient.sex: {from: b, when: "b in (male, female)"}
score: n | decimal
count: q | integer | otherwise
born: x | parse_date(hl7) | otherwise
note: "c.l(x=1).b or x(1).n | left(5)"
tags: {each: p, from: .}
items: {each: l, when: c exists, fields: {code: c or =0, parts: {each: p, fields: {no: n}}}}
"""
)
