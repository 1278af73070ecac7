"""What is kept of a body is what is sent again."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract import Reply
from engine.delivery.stored import decode, encode, reply_bytes
from engine.model import Built

texts = st.text(st.characters(), max_size=20)
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    texts,
    st.binary(max_size=20),
    st.decimals(allow_nan=False),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.datetimes(),
)


@given(st.one_of(st.binary(max_size=200), st.dictionaries(texts, values, max_size=6)), st.dictionaries(texts, texts))
@settings(max_examples=200)
def test_bodies_rows_and_fields_come_back(body, fields):
    back = decode(encode(Built(body, fields)))
    assert back == Built(body, fields)
    if isinstance(body, dict):
        assert {name: type(value) for name, value in back.body.items()} == {n: type(v) for n, v in body.items()}
        assert list(back.body) == list(body)


def test_a_decimal_keeps_its_zeros_and_a_column_may_be_named_like_a_tag():
    row = {"decimal": "1.20", "fee": Decimal("1.20"), "born": date(1900, 3, 7), "at": datetime(2026, 1, 1, tzinfo=UTC)}
    back = decode(encode(Built(row)))
    assert back.body == row
    assert str(back.body["fee"]) == "1.20"
    assert decode(encode(Built({"decimal": "1.20"}))).body == {"decimal": "1.20"}


def test_what_no_row_may_hold_is_said():
    with pytest.raises(TypeError, match="list"):
        encode(Built({"items": [1]}))


def test_foreign_bytes_are_refused():
    with pytest.raises(ValueError, match="head"):
        decode(b"no head here")


def test_replies_are_kept_as_they_came():
    assert reply_bytes(Reply(b"\xff\x00")) == b"\xff\x00"
    assert reply_bytes(Reply(rows=[{"n": 1, "fee": Decimal("2.50")}, {"n": 2, "fee": None}])) == (
        b'{"n": 1, "fee": {"decimal": "2.50"}}\n{"n": 2, "fee": null}'
    )
