"""Maps as functions: what they build, in which order, what they leave out, and what they refuse and how they say it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_desk import CONTEXT, out, read, said, setup, shape

from engine.base.errors import BusError, Code
from engine.formats.format import Hints
from engine.formats.hl7 import Hl7
from engine.formats.row import Rows
from engine.formats.xml import Xml
from engine.mapping.compile import compile_test
from engine.mapping.scope import ShapeReader
from engine.settings.nodes import Node, parse
from engine.settings.problems import Problems

DOCUMENT = {"patient": {"id": "P1", "sex": "male"}, "fee": 1200, "channel": "wechat", "items": [{"code": "A"}, {"code": "B", "quantity": 2}]}


def built(text, document=DOCUMENT, **options):
    return out(text, **options).run(document, CONTEXT)


def refusal(run, *arguments):
    with pytest.raises(BusError) as caught:
        run(*arguments)
    assert caught.value.code is Code.VALIDATION_FAILED
    return caught.value


# --- what is built --------------------------------------------------------------------------------


def test_the_booking_of_the_architecture_page():
    text = """
Request/Head/TranCode: =1002
Request/Head/ReqTime: received | date(%Y%m%d%H%M%S)
Request/Body/CardNo: patient.card_no or patient.id
Request/Body/Sex: patient.sex | table(sex)
Request/Body/Fee: fee | fen_to_yuan
Request/Body/Remark: {from: note | left(50), when: "channel in (wechat, alipay)"}
Request/Body/Items/Item: {each: items, fields: {Code: code, Qty: quantity or =1}}
"""
    tree = built(text, wire=Xml(), made=setup(sex='{male: "1", female: "2"}'))
    assert Xml().render(tree).decode() == (
        "<Request><Head><TranCode>1002</TranCode><ReqTime>20261120090000</ReqTime></Head><Body><CardNo>P1</CardNo>"
        "<Sex>1</Sex><Fee>12.00</Fee><Items><Item><Code>A</Code><Qty>1</Qty></Item><Item><Code>B</Code><Qty>2</Qty>"
        "</Item></Items></Body></Request>"
    )


def test_the_order_of_the_text_is_the_order_of_the_wire():
    text = "{b.y: =1, a: =2, b.x: =3, c: {when: channel exists, fields: {q.r: =4, p: =5}}, c.s: =6}"
    tree = built(text)
    assert tree == {"b": {"y": "1", "x": "3"}, "a": "2", "c": {"q": {"r": "4"}, "p": "5", "s": "6"}}
    assert [*tree, *tree["b"], *tree["c"]] == ["b", "a", "c", "y", "x", "q", "p", "s"]


def test_what_has_no_value_is_left_out_with_the_blocks_around_it():
    text = "{a.b.c: note, a.b.d: note, e: {when: note exists, fields: {f.g: =1}}, h: channel, i: note or =}"
    assert built(text) == {"h": "wechat", "i": ""}
    assert built(text, DOCUMENT | {"note": ""}) == {"h": "wechat", "i": ""}
    assert built(text, DOCUMENT | {"note": "n"})["a"] == {"b": {"c": "n", "d": "n"}}


def test_zero_and_false_are_values():
    assert built("{fee: fee or =none, paid: paid or =none}", {"fee": 0, "paid": False}) == {"fee": 0, "paid": False}


def test_values_that_stand_for_themselves():
    assert built("{a: 5, b: true, c: 1.5, d: =5, e: '=x | y or z'}") == {"a": 5, "b": True, "c": 1.5, "d": "5", "e": "x | y or z"}


def test_positions_make_lists_without_gaps_in_their_order():
    text = "{l(2).v: =c, l(0).v: =a, l(1).v: note, m(0): =x}"
    assert built(text) == {"l": [{"v": "a"}, {"v": "c"}], "m": ["x"]}


def test_lists_in_lists_and_paths_from_the_root():
    text = """
items:
  each: items
  when: code != C
  fields:
    no: code
    patient: /patient.id
    token: $token
    parts: {each: parts, fields: {no: no, of: /channel}}
tags: {each: tags, from: ". | upper"}
"""
    document = DOCUMENT | {"items": [{"code": "A", "parts": [{"no": "1"}, {"no": "2"}]}, {"code": "C"}], "tags": ["a", "", "b"]}
    assert built(text, document) == {
        "items": [
            {"no": "A", "patient": "P1", "token": "t1", "parts": [{"no": "1", "of": "wechat"}, {"no": "2", "of": "wechat"}]}
        ],
        "tags": ["A", "B"],
    }
    assert built("l: {each: items, fields: {c: code}}", {"patient": {}}) == {"l": []}


def test_the_bus_is_known_beside_the_document():
    text = "{a: $received | date(%H%M), b: received | date(iso), c: $campus, d: token, e: $system}"
    assert built(text) == {"a": "0900", "b": "2026-11-20T09:00:00+08:00", "c": "main", "d": "t1"}


def test_replies_of_earlier_steps_can_be_read():
    document = DOCUMENT | {"store": {"outcome": "delivered", "reply": {"id": "R1"}}}
    assert built("{a: store.outcome, b: store.reply.id, c: {from: =1, when: store.outcome == delivered}}", document) == {
        "a": "delivered", "b": "R1", "c": "1",
    }  # fmt: skip


def test_parameters_of_a_statement_are_all_there():
    text = "{id: patient.id, note: note, sex: {from: patient.sex, when: channel == app}, n: fee | integer}"
    assert built(text, wire=Rows()) == {"id": "P1", "note": None, "sex": None, "n": 1200}


def test_what_a_function_refuses_can_be_put_otherwise():
    text = "{a: channel | decimal | otherwise(0) | text, b: channel | decimal | otherwise, c: note | default(x) | upper}"
    assert built(text) == {"a": "0", "c": "X"}


def test_segments_of_hl7_are_filled_by_their_repeats():
    text = """
PID-3.1: patient.id
PID-5.2: =张三
OBX: {each: items, fields: {OBX-3.1: code, OBX-5: quantity or =0 | text}}
"""
    rendered = Hl7().render(built("MSH-9.1: =ORU\nMSH-9.2: =R01\nMSH-10: =1\nMSH-11: =P\nMSH-12: =2.4" + text, wire=Hl7())).decode()
    assert rendered.split("\r")[1:4] == ["PID|||P1||^张三", "OBX|||A||0", "OBX|||B||2"]


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
    document = {"id": 7, "fee": 1200, "score": "5.20", "count": "007", "paid": True, "at": "2026-11-20T01:00:00Z", "tags": ["a", 1], "item": {"c": 1, "q": "2"}}
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
    raw = b"MSH|^~\\&|A|B|C|D|20261120||ADT^A08|1|P|2.4\rPID|||P1||||||||||\"\"|x||||||||||||||||\"\"\r"
    assert read(text, wire=Hl7()).run(Hl7().parse(raw, Hints()), CONTEXT) == {"patient": {"id": "P1"}, "channel": None, "fee": None}


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
    assert read("{patient.id: a, guardian.name: b, guardian.id: c}").run({"a": "1"}, CONTEXT) == {"patient": {"id": "1"}}


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
    run = WIDE.run
    try:
        made = run(document, CONTEXT)
    except BusError as error:
        assert error.code is Code.VALIDATION_FAILED
        assert error.detail
    else:
        assert CHECK(made) == []


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


def CHECK(document):  # noqa: N802 - a fixture of this file
    from engine.mapping.shapes import spec

    return spec(shape()).check(document)


# --- texts cannot break out -----------------------------------------------------------------------

NASTY = st.text(st.sampled_from("ab{}d\"'\\\n\r%$#();=.*张\x00"), min_size=1, max_size=10)


@settings(max_examples=200, deadline=None)
@given(NASTY)
def test_words_of_a_text_enter_the_code_only_as_literals(word):
    quoted = "'" + word.replace("'", "") + "'"
    problems = Problems()
    text = Node({"k": Node(f"note or ={quoted}", Node(None, WHERE).where), "m": Node("=" + word, WHERE)}, WHERE)
    from engine.formats.json import Json
    from engine.mapping.compile import compile_map
    from engine.mapping.writers import WireWriter

    made = compile_map("nasty", text, ShapeReader(None), WireWriter(Json()), setup(), problems)
    if not problems:
        assert made.run({}, CONTEXT) == {"k": word.replace("'", ""), "m": word}


WHERE = parse("x", "f", Problems()).where


@settings(max_examples=200, deadline=None)
@given(NASTY.filter(lambda name: '"' not in name))
def test_names_of_fields_enter_the_code_only_as_literals(name):
    from engine.formats import dotted

    code = dotted.read(f'"{name}"."{name}"(x="{name}")')
    expression = code.code.replace("{d}", "doc")
    assert eval(expression, {**code.names, "doc": {name: {name: [{"x": name, "y": 1}]}}}) == {"x": name, "y": 1}


# --- findings -------------------------------------------------------------------------------------


def found(text, compile_it=out, **options):
    problems = Problems()
    compile_it(text, problems=problems, **options)
    return said(problems)


def test_every_mistake_of_a_map_is_found_at_its_column():
    text = """\
a: pateint.id
b: patient.id | uper
c: "patient.idd or channel | left(x)"
d: {from: note | , when: channel = x}
e: {each: patient, fields: {f: code}}
f: {each: items, fields: {g: kode, h: channel}}
g.x: note
g: note
h: {from: note, when: patient.sex == man}
"""
    assert found(text) == [
        "map.yaml:1:4: shape 'booking' has no field 'pateint' in 'pateint.id' (did you mean 'patient'?)",
        "map.yaml:2:17: there is no function 'uper' (did you mean 'upper'?)",
        "map.yaml:3:5: shape 'booking' has no field 'idd' in 'patient.idd' (did you mean 'id'?)",
        "map.yaml:4:17: a function is missing after | (write: path | function(word, word))",
        "map.yaml:4:26: 'channel = x' is no test (a test is: path == word, path in (a, b), path exists, path empty)",
        "map.yaml:5:11: 'patient' is not a list in shape 'booking' (each: names a list)",
        "map.yaml:6:30: shape 'booking' has no field 'kode' (did you mean 'code'?)",
        "map.yaml:6:39: shape 'booking' has no field 'channel' (inside each: the root's fields begin with /: /channel)",
        "map.yaml:8:1: 'g' holds others already, it cannot be a value",
        "map.yaml:9:23: 'patient.sex' is never 'man' (known: female, male)",
    ]


def test_what_a_shape_needs_and_nothing_fills_is_found():
    assert found("{channel: a, items: {each: l, fields: {quantity: q}}}", read) == [
        "map.yaml:1:1: shape 'booking' needs 'patient', which is not filled (write its source, or make it optional in the shape)",
        "map.yaml:1:31: shape 'booking' needs 'code', which is not filled (write its source, or make it optional in the shape)",
    ]
    assert "needs 'patient.id'" in found("patient.card_no: a", read)[0]


def test_targets_of_a_shape_are_checked():
    lines = found("{patient.id: a, patient.age: b, items: {each: l, fields: {code: c, kode: d}}, fee: =12, fees: c, channel: {each: a, from: b}}", read)
    assert [line.split(": ", 1)[1] for line in lines] == [
        "shape 'booking' has no field 'age' in 'patient.age' (known: card_no, id, sex)",
        "shape 'booking' has no field 'kode' (did you mean 'code'?)",
        "fee: not a whole number of fen (this value stands in the text itself)",
        "shape 'booking' has no field 'fees' (did you mean 'fee'?)",
        "'channel' is no list in shape 'booking' (leave each: out)",
    ]


# --- tests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "document", "holds"),
    [
        ("fee == 1200", {"fee": 1200}, True),
        ("fee == 1200", {"fee": "1200"}, True),
        ("fee > 200", {"fee": 1200}, True),
        ("fee > 200", {"fee": "1200"}, True),
        ("fee <= 200", {}, False),
        ("fee < 1", {"fee": "x"}, False),
        ("born >= 1990-01-01", {"born": "1990-01-02"}, True),
        ("paid == false", {"paid": False}, True),
        ("paid == false", {}, False),
        ("paid != true", {}, True),
        ("channel in (wechat, alipay)", {"channel": "alipay"}, True),
        ("channel not in (wechat, alipay)", {"channel": "app"}, True),
        ("note empty", {"note": ""}, True),
        ("items empty", {"items": []}, True),
        ("items exists", {"items": [{}]}, True),
        ("note exists and channel == app", {"note": "n", "channel": "app"}, True),
        ("patient.sex == male", {"patient": "no object"}, False),
        ("$campus == main", {}, True),
    ],
)
def test_tests_of_documents(test, document, holds):
    problems = Problems()
    run = compile_test(Node(test, WHERE), ShapeReader(shape()), problems)
    assert not problems, said(problems)
    assert run(document, CONTEXT) is holds


def test_a_steps_name_alone_is_its_outcome():
    problems = Problems()
    reader = ShapeReader(shape(), steps=["store"])
    run = compile_test(Node("store == delivered and store.reply.id exists", WHERE), reader, problems)
    assert not problems
    assert run({"store": {"outcome": "delivered", "reply": {"id": 1}}}, CONTEXT)
    compile_test(Node("store != deliverd", WHERE), reader, problems)
    compile_test(Node("stor.outcome == delivered", WHERE), reader, problems)
    assert re.findall(r"did you mean '(\w+)'", "\n".join(said(problems))) == ["delivered", "store"]


def test_the_generated_function_reads_no_path():
    made = out("{a: patient.id, b: fee | fen_to_yuan, l: {each: items, fields: {c: code}}}")
    assert "dotted" not in made.source
    assert "doc.get('patient')" in made.source
    seen = []
    assert made.trace(DOCUMENT, CONTEXT, lambda *field: seen.append(field)) == made.run(DOCUMENT, CONTEXT)
    assert seen == [("a", "patient.id", "P1"), ("b", "fee | fen_to_yuan", "12.00"), ("l.c", "code", "A"), ("l.c", "code", "B")]
