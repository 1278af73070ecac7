"""Mistakes in maps and tests: found when texts are loaded, each with file, line, column and what to write."""

import re

import pytest
from mapping_desk import CONTEXT, DOCUMENT, out, read, said, shape

from engine.mapping.compile import compile_test
from engine.mapping.scope import ShapeReader
from engine.settings.nodes import Node, parse
from engine.settings.problems import Problems

WHERE = parse("x", "f", Problems()).where

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


def test_what_is_to_tell_entries_apart_is_one_of_their_fields():
    problems = Problems()
    out("l: {each: items, distinct: id, fields: {no: code}}", problems=problems)
    assert said(problems) == ["map.yaml:1:28: an entry has no 'id' (name one of its fields)"]


def test_what_a_shape_needs_and_nothing_fills_is_found():
    assert found("{channel: a, items: {each: l, fields: {quantity: q}}}", read) == [
        "map.yaml:1:1: shape 'booking' needs 'patient', which is not filled (write its source, or make it optional in the shape)",
        "map.yaml:1:31: shape 'booking' needs 'code', which is not filled (write its source, or make it optional in the shape)",
    ]
    assert "needs 'patient.id'" in found("patient.card_no: a", read)[0]


def test_targets_of_a_shape_are_checked():
    lines = found(
        "{patient.id: a, patient.age: b, items: {each: l, fields: {code: c, kode: d}}, fee: =12, fees: c, channel: {each: a, from: b}}",
        read,
    )
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
    assert seen == [
        ("a", "patient.id", "P1"),
        ("b", "fee | fen_to_yuan", "12.00"),
        ("l.c", "code", "A"),
        ("l.c", "code", "B"),
    ]
