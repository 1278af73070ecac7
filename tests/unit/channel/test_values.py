"""Values of requests: numbers above all, which JSON writes in more ways than one."""

from decimal import Decimal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channel.schemas import asked
from engine.channel.texts import FieldText
from engine.channel.values import LARGEST, WrongValue, number, query_value, read

KINDS = ["text", "id", "phone", "integer", "decimal", "money", "boolean", "date"]
ANY = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=70), st.lists(st.integers(), max_size=2)
)


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("integer", 9, 9),
        ("integer", 9.0, 9),
        ("money", 100.0, 100),
        ("decimal", 15, "15"),
        ("decimal", 23.12911, "23.12911"),
        ("decimal", -0.0, "0"),
        ("decimal", 1e-20, "0"),
        ("decimal", 1e12, "1000000000000"),
        ("decimal", Decimal("114.263384999999"), "114.263384999999"),
    ],
)
def test_numbers(kind, value, wanted):
    made = read(kind, value, 0)
    assert (made, type(made)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", 9.5),
        ("integer", True),
        ("integer", "9"),
        ("integer", 10**18),
        ("money", -1),
        ("money", float("inf")),
        ("decimal", True),
        ("decimal", "1.5"),
        ("decimal", float("nan")),
        ("decimal", 2 * LARGEST),
    ],
)
def test_what_is_no_number(kind, value):
    with pytest.raises(WrongValue):
        read(kind, value, 0)


@pytest.mark.parametrize("bad", ["\x00", "\x1b", "\x7f", "\x9d", "\ud800", "\uffff"])
def test_text_holds_nothing_that_xml_cannot_carry(bad):
    with pytest.raises(WrongValue):
        read("text", f"张{bad}三", 10)


def test_an_id_may_be_shorter_than_ids_are():
    assert read("id", "1234", 4) == "1234"
    with pytest.raises(WrongValue):
        read("id", "12345", 4)
    assert asked(FieldText(at="a", type="id", longest=4))["maxLength"] == 4
    assert "maxLength" not in asked(FieldText(at="a", type="id"))


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("13800001234", True),
        ("+" + "1" * 19, True),
        ("1" * 20, False),
        ("+86-13800001234", True),
        ("020-12345678", True),
        ("1380000123a", False),
        ("120", False),
    ],
)
def test_phones(value, is_one):
    if is_one:
        assert read("phone", value, 0) == value
    else:
        with pytest.raises(WrongValue):
            read("phone", value, 0)


def test_a_query_says_decimals_in_digits():
    assert read("decimal", query_value("decimal", "23.1291100"), 0) == "23.12911"
    with pytest.raises(WrongValue):
        read("decimal", query_value("decimal", "2e1"), 0)


@given(st.decimals(-LARGEST, LARGEST, places=12))
def test_a_decimal_comes_back_as_the_number_it_was(value):
    assert number(read("decimal", value, 0)) == float(value)


@given(st.sampled_from(KINDS), ANY)
def test_what_is_taken_is_what_the_document_allows(kind, value):
    schema = asked(FieldText(at="a", type=kind))
    fits = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).is_valid(value)
    try:
        read(kind, value, 200)
    except WrongValue:
        assert not fits or value != value, (kind, value)  # noqa: PLR0124 - NaN is no JSON
    else:
        assert fits, (kind, value)
