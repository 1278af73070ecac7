"""Maps as functions: what they build, in which order, and what they leave out; texts never break out of the code."""

from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_desk import CONTEXT, DOCUMENT, out, setup

from engine.formats import dotted
from engine.formats.hl7 import Hl7
from engine.formats.json import Json
from engine.formats.row import Rows
from engine.formats.xml import Xml
from engine.mapping.compile import compile_map
from engine.mapping.scope import ShapeReader
from engine.mapping.writers import WireWriter
from engine.settings.nodes import Node, parse
from engine.settings.problems import Problems


def built(text, document=DOCUMENT, **options):
    return out(text, **options).run(document, CONTEXT)


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


def test_texts_one_after_the_other_and_nothing_where_one_is_missing():
    text = """
a: born & ' ' & channel | left(12)
b: born & note
c: born & note or channel & '-' & fee
d: channel & '!'
"""
    assert built(text, DOCUMENT | {"born": "1990-01-02"}) == {"a": "1990-01-02 w", "c": "wechat-1200", "d": "wechat!"}


def test_what_a_group_made_is_filled_on_after_it():
    text = "{a: {when: note exists, fields: {b.c: =1}}, a.b.d: =2}"
    assert built(text) == {"a": {"b": {"d": "2"}}}
    assert built(text, DOCUMENT | {"note": "n"}) == {"a": {"b": {"c": "1", "d": "2"}}}


def test_zero_and_false_are_values():
    assert built("{fee: fee or =none, paid: paid or =none}", {"fee": 0, "paid": False}) == {"fee": 0, "paid": False}


def test_values_that_stand_for_themselves():
    assert built("{a: 5, b: true, c: 1.5, d: =5, e: '=x | y or z'}") == {
        "a": 5,
        "b": True,
        "c": 1.5,
        "d": "5",
        "e": "x | y or z",
    }


def test_positions_make_lists_without_gaps_in_their_order():
    text = "{l(2).v: =c, l(0).v: =a, l(1).v: note, m(0): =x}"
    assert built(text) == {"l": [{"v": "a"}, {"v": "c"}], "m": ["x"]}


def test_entries_are_told_apart_by_a_field_of_theirs():
    text = "l: {each: items, distinct: no, fields: {no: code, quantity: quantity}}"
    codes = ["A", "B", "A", "A", "A.2", None, "B"]
    document = {"items": [{"code": code, "quantity": place} for place, code in enumerate(codes)]}
    assert [one.get("no") for one in built(text, document)["l"]] == ["A", "B", "A.3", "A.4", "A.2", None, "B.2"]


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
    document = DOCUMENT | {
        "items": [{"code": "A", "parts": [{"no": "1"}, {"no": "2"}]}, {"code": "C"}],
        "tags": ["a", "", "b"],
    }
    assert built(text, document) == {
        "items": [
            {
                "no": "A",
                "patient": "P1",
                "token": "t1",
                "parts": [{"no": "1", "of": "wechat"}, {"no": "2", "of": "wechat"}],
            }
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
    text = (
        "{a: channel | decimal | otherwise(0) | text, b: channel | decimal | otherwise, c: note | default(x) | upper}"
    )
    assert built(text) == {"a": "0", "c": "X"}


def test_segments_of_hl7_are_filled_by_their_repeats():
    text = """
PID-3.1: patient.id
PID-5.2: =张三
OBX: {each: items, fields: {OBX-3.1: code, OBX-5: quantity or =0 | text}}
"""
    rendered = (
        Hl7()
        .render(built("MSH-9.1: =ORU\nMSH-9.2: =R01\nMSH-10: =1\nMSH-11: =P\nMSH-12: =2.4" + text, wire=Hl7()))
        .decode()
    )
    assert rendered.split("\r")[1:4] == ["PID|||P1||^张三", "OBX|||A||0", "OBX|||B||2"]


# --- texts cannot break out -----------------------------------------------------------------------

NASTY = st.text(st.sampled_from("ab{}d\"'\\\n\r%$#();=.*张\x00"), min_size=1, max_size=10)


@settings(max_examples=200, deadline=None)
@given(NASTY)
def test_words_of_a_text_enter_the_code_only_as_literals(word):
    quoted = "'" + word.replace("'", "") + "'"
    problems = Problems()
    text = Node({"k": Node(f"note or ={quoted}", Node(None, WHERE).where), "m": Node("=" + word, WHERE)}, WHERE)

    made = compile_map("nasty", text, ShapeReader(None), WireWriter(Json()), setup(), problems)
    if not problems:
        assert made.run({}, CONTEXT) == {"k": word.replace("'", ""), "m": word}


WHERE = parse("x", "f", Problems()).where


@settings(max_examples=200, deadline=None)
@given(NASTY.filter(lambda name: '"' not in name))
def test_names_of_fields_enter_the_code_only_as_literals(name):
    code = dotted.read(f'"{name}"."{name}"(x="{name}")')
    expression = code.code.replace("{d}", "doc")
    assert eval(expression, {**code.names, "doc": {name: {name: [{"x": name, "y": 1}]}}}) == {"x": name, "y": 1}
