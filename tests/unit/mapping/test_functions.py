"""The closed list: every example is run through the compiler; money, dates and identity numbers by property."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mapping_desk import CONTEXT, ZONE, refusal_of, said, setup, table

from engine.formats.format import Code
from engine.mapping.compile import compile_value
from engine.mapping.functions import FUNCTIONS, UNFIT, Setup, Unfit, WordError
from engine.mapping.functions.documents import check_digit
from engine.mapping.scope import Scope
from engine.settings.nodes import parse
from engine.settings.problems import Problems

TABLES = {"sex": '{male: "1", female: "2"}'}


class Direct:
    """Reads the document itself, so that a test may map any value."""

    blanks = True
    nulls = False

    def read(self, path: str, scope: Scope) -> Code:
        return Code("doc")


def mapped(value, calls, made=None):
    """What comes out of `value | calls`; UNFIT where it is refused."""
    problems = Problems()
    run = compile_value(parse(f'"x | {calls}"', "t", problems), Direct(), made or setup(**TABLES), problems)
    assert not problems, said(problems)
    made, error = refusal_of(run, value, CONTEXT)
    if error is None:
        return made
    assert str(value) not in error.detail or len(str(value)) < 4, "a refusal never tells the value"
    return UNFIT


EXAMPLES = [(name, example) for name, function in FUNCTIONS.items() for example in function.examples]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=lambda value: str(getattr(value, "call", value)))
def test_every_example_is_true(name, example):
    assert name in example.call
    got = mapped(example.given, example.call)
    assert got == example.gives
    assert type(got) is type(example.gives)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_documented_and_has_an_example(name):
    function = FUNCTIONS[name]
    assert function.examples
    assert len(function.says) > 15
    assert function.signature.startswith(name)


@settings(max_examples=300, deadline=None)
@given(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.binary(max_size=4)
    | st.decimals() | st.dates() | st.datetimes() | st.lists(st.text(max_size=3), max_size=3)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from([example.call for _, example in EXAMPLES]),
)  # fmt: skip
def test_no_value_makes_a_function_raise_anything_foreign(value, calls):
    mapped(value, calls)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("left", "takes 1 word, not 0"),
        ("left(a)", "whole number"),
        ("left(-1)", "whole number"),
        ("upper(x)", "takes no words"),
        ("pad(3, ab)", "one character"),
        ("table(sax)", "no table"),
        ("mask(face)", "not known"),
        ("date(%d %B)", "%B is not known"),
        ("date(soon)", "no form"),
        ("parse_date(%H%M)", "needs year"),
        ("parse_time(%Y%m%d)", "for a date alone use parse_date"),
        ("nosuch", "no function"),
        ("uper", "did you mean 'upper'"),
        ("otherwise", "needs a function before"),
    ],
)
def test_wrong_words_are_found_when_texts_are_loaded(call, what):
    problems = Problems()
    compile_value(parse(f'"x | {call}"', "t", problems), Direct(), setup(**TABLES), problems)
    assert len(problems) == 1
    assert what in said(problems)[0]


# --- money ---------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.integers(-(10**15), 10**15))
def test_money_goes_to_yuan_and_back_exactly(fen):
    yuan = mapped(fen, "fen_to_yuan")
    assert Decimal(yuan) * 100 == fen
    assert len(yuan.partition(".")[2]) == 2
    assert mapped(yuan, "yuan_to_fen") == fen


@settings(max_examples=300, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=None, min_value=-(10**12), max_value=10**12))
def test_yuan_is_whole_fen_or_refused_never_rounded(yuan):
    got = mapped(format(yuan, "f"), "yuan_to_fen")
    if got == UNFIT:
        scaled = yuan.scaleb(2) if len(yuan.as_tuple().digits) < 26 else None
        assert scaled is None or scaled != scaled.to_integral_value() or len(format(yuan, "f")) > 40
    else:
        assert Decimal(got).scaleb(-2) == yuan


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        " ",
        "1,200.00",
        "12.345",
        "12.000000000000000000000000000000001",
        "１２",
        "1e3",
        "NaN",
        "Infinity",
        "1_000",
        "12元",
        True,
        "0x1",
        0.1 + 0.2,
    ],
)
def test_what_is_no_exact_amount_is_refused(wrong):
    got = mapped(wrong, "yuan_to_fen")
    assert got == (None if wrong == "" else UNFIT)


# --- dates ---------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日"])
)
def test_a_date_never_moves(day, form):
    written = mapped(day.isoformat(), f"date({form})")
    assert mapped(written, f"parse_date({form})") == day.isoformat()


@pytest.mark.parametrize("day", ["1986-05-04", "1988-04-10", "1991-04-14", "1940-06-03", "1927-01-01"])
def test_births_at_midnight_of_summer_time_keep_their_day(day):
    assert mapped(day.replace("-", "") + "000000", "parse_date(hl7)") == day
    assert mapped(day.replace("-", "") + "000000+0800", "parse_date(hl7)") == day
    assert mapped(day, "date(%Y%m%d%H%M%S)") == day.replace("-", "") + "000000"


@settings(max_examples=200, deadline=None)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - given its zone below
def test_an_instant_is_shown_in_the_sites_zone(moment):
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    local = moment.astimezone(ZONE)
    assert mapped(moment.isoformat(), "date(%Y%m%d%H%M%S)") == local.strftime("%Y%m%d%H%M%S")
    assert mapped(local.strftime("%Y%m%d%H%M%S"), "parse_time(hl7)") == local.isoformat()
    assert mapped(moment.strftime("%Y%m%d%H%M%S+0000"), "parse_time(hl7)") == local.isoformat()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("20261120", "2026-11-20T00:00:00+08:00"),
        ("2026112009", "2026-11-20T09:00:00+08:00"),
        ("202611200915", "2026-11-20T09:15:00+08:00"),
        ("20261120091530.25", "2026-11-20T09:15:30.250000+08:00"),
        ("20261120091530.1234-0500", "2026-11-20T22:15:30.123400+08:00"),
        ("2026", UNFIT),
        ("202611", UNFIT),
        ("20261320", UNFIT),
        ("20261120T0915", UNFIT),
        ("２０２６1120", UNFIT),
    ],
)
def test_hl7_times_of_every_precision(text, instant):
    assert mapped(text, "parse_time(hl7)") == instant


@pytest.mark.parametrize("wrong", ["2026-02-30", "2026-1-2", "2026-11-20T09:00:00", "0001-01-01", "next"])
def test_what_is_no_whole_date_or_instant_is_refused(wrong):
    assert mapped(wrong, "date(%Y%m%d)") == UNFIT


# --- identity numbers -----------------------------------------------------------------------------

DIGITS = st.text("0123456789", min_size=3, max_size=3)


@settings(max_examples=300, deadline=None)
@given(
    st.dates(date(1900, 1, 1), date(1999, 12, 31)), DIGITS, st.sampled_from(["110101", "440304", "810000", "911840"])
)
def test_identity_numbers_are_checked_and_say_birth_and_sex(born, order, region):
    number = f"{region}{born:%Y%m%d}{order}"
    number += check_digit(number)
    assert mapped(number.lower(), "id_card") == number
    assert mapped(number, "birth_of_id") == born.isoformat()
    assert mapped(number, "sex_of_id") == ("male" if int(order) % 2 else "female")
    first_generation = region + f"{born:%y%m%d}" + order
    assert mapped(first_generation, "id_card") == number


@settings(max_examples=200, deadline=None)
@given(st.dates(date(1900, 1, 1), date(1999, 12, 31)), DIGITS, st.integers(0, 17), st.sampled_from("0123456789X"))
def test_one_wrong_character_is_found(born, order, place, wrong):
    number = f"110101{born:%Y%m%d}{order}"
    number += check_digit(number)
    changed = number[:place] + wrong + number[place + 1 :]
    assume(changed != number)
    assert mapped(changed, "id_card") == UNFIT


@pytest.mark.parametrize(
    "number",
    ["110101190003070010", "11010119000307007X", "810000190003070030", "830000190003070026", "911840190003070013"],
)
def test_published_test_numbers_are_valid(number):
    assert mapped(number, "id_card") == number


@pytest.mark.parametrize(
    "number",
    [
        "440304190002290026",
        "110101190003070011",
        "010101190003070010",
        "1101011900030700",
        "11010119000307001Ⅹ",
        "",
        "abc",
    ],
)
def test_wrong_numbers_are_refused(number):
    assert mapped(number, "id_card") == (None if number == "" else UNFIT)


def test_a_birth_to_come_is_refused():
    day = (CONTEXT.received + timedelta(days=1)).date()
    number = f"110101{day:%Y%m%d}001"
    number += check_digit(number)
    assert mapped(number, "id_card") == UNFIT


# --- tables --------------------------------------------------------------------------------------

CODES = st.text("abcdefgh", min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(CODES.filter(lambda code: code != "otherwise"), st.integers(0, 99).map(str), min_size=1, max_size=6)
)
def test_tables_are_the_same_both_ways_or_say_why_not(codes):
    problems = Problems()
    text = "{" + ", ".join(f'{ours}: "{theirs}"' for ours, theirs in codes.items()) + "}"
    made = table(text, "t", problems)
    assert not problems
    forth = FUNCTIONS["table"].prepare(("t",), Setup(ZONE, {"t": made}))
    assert {ours: forth(ours) for ours in codes} == codes
    if len(set(codes.values())) == len(codes):
        back = FUNCTIONS["table"].prepare(("t",), Setup(ZONE, {"t": made}, ours=True))
        assert {theirs: back(theirs) for theirs in codes.values()} == {theirs: ours for ours, theirs in codes.items()}
    else:
        with pytest.raises(WordError, match="cannot be read back"):
            FUNCTIONS["table"].prepare(("t",), Setup(ZONE, {"t": made}, ours=True))


def test_the_first_code_is_sent_and_all_are_understood():
    text = '{final: [F, U], preliminary: [P, "*"], otherwise: "N"}'
    assert mapped("final", "table(t)", setup(t=text)) == "F"
    assert mapped("gone", "table(t)", setup(t=text)) == "N"
    ours = setup(ours=True, t=text)
    assert [mapped(code, "table(t)", ours) for code in ("F", "U", "P", "??")] == [
        "final",
        "final",
        "preliminary",
        "preliminary",
    ]


def test_an_unknown_code_is_refused_without_telling_it():
    made = FUNCTIONS["table"].prepare(("t",), setup(ours=True, t='{a: "1"}'))
    with pytest.raises(Unfit, match=r"^not in table t$"):
        made("13800001234")


def test_tables_with_mistakes_are_findings():
    problems = Problems()
    table('{a: "*", b: "*", c: {d: e}, e: true}', "t", problems)
    assert len(problems) == 3
    assert "tables.yaml:1:21: a code is text" in "\n".join(said(problems))
