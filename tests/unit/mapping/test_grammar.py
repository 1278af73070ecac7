"""The grammar: what is read, what is refused and where, and that nothing else ever comes out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.mapping import grammar
from engine.mapping.grammar import Call, Fixed, GrammarError, Joined, Path, Value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("patient.id", Value((Path("patient.id", 0),))),
        ("=1002", Value((Fixed("1002"),))),
        ("=a or b | c", Value((Fixed("a or b | c"),))),
        ("=", Value((Fixed(""),))),
        ("qty or =1", Value((Path("qty", 0), Fixed("1")))),
        ("note or =", Value((Path("note", 0), Fixed("")))),
        ("PID-3(5=MR).1 or PID-3(1).1", Value((Path("PID-3(5=MR).1", 0), Path("PID-3(1).1", 17)))),
        ("OBR-25 | table(state)", Value((Path("OBR-25", 0),), (Call("table", ("state",), 9),))),
        ("x or =P | table(t) | upper", Value((Path("x", 0), Fixed("P")), (Call("table", ("t",), 10), Call("upper", (), 21)))),
        ("received | date(%Y-%m-%d %H:%M)", Value((Path("received", 0),), (Call("date", ("%Y-%m-%d %H:%M",), 11),))),
        ("a | split('|', 2)", Value((Path("a", 0),), (Call("split", ("|", "2"), 4),))),
        ("a | join(', ')", Value((Path("a", 0),), (Call("join", (", ",), 4),))),
        ('l(code="a or b").x', Value((Path('l(code="a or b").x', 0),))),
        ("订单.编号", Value((Path("订单.编号", 0),))),
        ("d & 'T' & t or e | f", Value((Joined((Path("d", 0), Fixed("T"), Path("t", 10))), Path("e", 15)), (Call("f", (), 19),))),
        ("a & ' & '", Value((Joined((Path("a", 0), Fixed(" & "))),))),
        ("=a & b", Value((Fixed("a & b"),))),
    ],
)  # fmt: skip
def test_values(text, value):
    assert grammar.value(text) == value


@pytest.mark.parametrize(
    ("text", "offset", "what"),
    [
        ("", 0, "a path is missing"),
        ("a or ", 5, "a path is missing"),
        ("a b", 1, "holds a blank"),
        ("a | ", 4, "a function is missing"),
        ("a | b c", 4, "no function"),
        ("a | f(x", 5, "bracket is not closed"),
        ("a) | f", 1, "not opened"),
        ("a | f('x)", 6, "quote"),
        ("a | f('x'y)", 6, "quoted word"),
        ("a or =1 or b", 11, "nothing comes after"),
        ("a &  & b", 4, "a path is missing"),
        ("a & b c", 5, "holds a blank"),
    ],
)
def test_mistakes_in_values_say_where(text, offset, what):
    with pytest.raises(GrammarError, match=what) as caught:
        grammar.value(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ("paid == false", [("paid", "==", ("false",))]),
        ("MSH-9.1 == ORU and MSH-9.2 == R01", [("MSH-9.1", "==", ("ORU",)), ("MSH-9.2", "==", ("R01",))]),
        ("OBX-2 in (NM, SN)", [("OBX-2", "in", ("NM", "SN"))]),
        ("x not in (a)", [("x", "not in", ("a",))]),
        ("x != a", [("x", "!=", ("a",))]),
        ("n <= 3 and n > 1", [("n", "<=", ("3",)), ("n", ">", ("1",))]),
        ("note exists", [("note", "exists", ())]),
        ("rows empty", [("rows", "empty", ())]),
        ("x == 'a and b'", [("x", "==", ("a and b",))]),
        ("x == 'a in (b)'", [("x", "==", ("a in (b)",))]),
        ("PID-3(5=MR).1 exists", [("PID-3(5=MR).1", "exists", ())]),
    ],
)
def test_tests(text, tests):
    assert [(test.path.text, test.operator, test.words) for test in grammar.test(text)] == tests


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("x", "no test"),
        ("x ==", "word is missing"),
        ("== a", "path is missing"),
        ("a == b or c == d", "no 'or'"),
        ("a in ()", "list after 'in' is empty"),
        ("a == b and ", "test is missing"),
        ("a b == c", "holds a blank"),
    ],
)
def test_mistakes_in_tests(text, what):
    with pytest.raises(GrammarError, match=what) as caught:
        grammar.test(text)
    assert 0 <= caught.value.offset <= len(text)


PIECES = st.lists(
    st.sampled_from([
        " or ", " and ", " & ", " | ", "|", "=", "==", "!=", "<", ">=", " in ", " not in ", "(", ")", ",", "'", '"', " ", "exists",
        " empty", "a", "PID-3", "date(%Y)", "张", "\n", "\x00", "0",
    ]),
    max_size=14,
).map("".join)  # fmt: skip


def tried(reader, text):
    try:
        return reader(text)
    except GrammarError as error:
        return error


@settings(max_examples=600, deadline=None)
@given(PIECES | st.text(max_size=30))
def test_nothing_but_a_value_or_a_grammar_error_comes_out(text):
    for reader in (grammar.value, grammar.test):
        found = tried(reader, text)
        if isinstance(found, GrammarError):
            assert 0 <= found.offset <= len(text)
            assert found.what
        else:
            assert isinstance(found, Value) or all(isinstance(each, grammar.Test) for each in found)


WORD = st.text(st.characters(exclude_characters="'\"", exclude_categories=["Cs"]), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(st.lists(WORD, min_size=1, max_size=3))
def test_a_quoted_word_may_hold_anything(words):
    text = "p | f(" + ", ".join(f"'{word}'" for word in words) + ")"
    assert grammar.value(text).calls == (Call("f", tuple(words), 4),)
