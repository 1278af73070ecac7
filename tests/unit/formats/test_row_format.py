"""Rows: flat parameters, exact values, a query's answer as a document."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from engine.base.errors import BusError, Code
from engine.contract import Reply
from engine.formats import row
from engine.formats.format import NULL, Hints, PathError
from engine.formats.row import Rows

ROWS = Rows()


def test_parameters_are_flat_and_stand_even_without_a_value():
    target = ROWS.target("平台订单号")
    assert (target.keys, target.always) == (("平台订单号",), True)
    assert ROWS.target('"a b"').keys == ("a b",)
    for path in ("a.b", "a(0)", "."):
        with pytest.raises(PathError):
            ROWS.target(path)


def test_what_a_parameter_can_be():
    values = {
        "t": "x",
        "n": 1,
        "d": Decimal("5.20"),
        "b": b"\x00",
        "w": True,
        "no": None,
        "day": date(2026, 11, 20),
        "at": datetime(2026, 11, 20, tzinfo=UTC),
    }
    assert ROWS.render(dict(values)) == values
    assert ROWS.render({"a": NULL}) == {"a": None}
    for wrong in ([1], {"a": 1}, object()):
        with pytest.raises(BusError) as caught:
            ROWS.render({"items": wrong})
        assert (caught.value.code, caught.value.spot) == (Code.VALIDATION_FAILED, "items")


def test_a_querys_answer_is_a_document():
    reply = Reply(rows=[{"NO": "1", "SUM": Decimal("5.20"), "PDF": b"\x00\x01\x02", "AT": date(2026, 11, 20)}], count=1)
    assert row.document(reply) == {"rows": [dict(reply.rows[0])], "count": 1}
    assert row.as_json(reply) == b'{"rows":[{"NO":"1","SUM":5.20,"PDF":{"bytes":3},"AT":"2026-11-20"}],"count":1}'
    assert row.document(Reply(count=3)) == {"rows": [], "count": 3}


def test_a_feeds_row_travels_as_json():
    assert ROWS.parse(b'{"NO":"1","SUM":5.20}', Hints()) == {"NO": "1", "SUM": Decimal("5.20")}
