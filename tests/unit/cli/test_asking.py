"""`hisbus call name=value`: what is a text in a contract goes out as a text, however much it looks like a number."""

import json
from typing import get_args

import pytest
from click import UsageError

from engine.channel.texts import OperationText, Type
from engine.channel.values import read
from engine.cli.asking import request_of

GIVEN: dict[Type, tuple[str, object]] = {
    "text": ("007", "007"),
    "id": ("0000000007", "0000000007"),
    "phone": ("13800001234", "13800001234"),
    "date": ("2026-11-20", "2026-11-20"),
    "time": ("2026-11-20T09:30:00+08:00", "2026-11-20T09:30:00+08:00"),
    "integer": ("7", 7),
    "decimal": ("22.5", 22.5),
    "money": ("1500", 1500),
    "boolean": ("true", True),
    "list": ('["a"]', ["a"]),
    "object": ('{"a": 1}', {"a": 1}),
}


def operation(kind: str) -> OperationText:
    field = {"at": "value", "type": kind} | ({"fields": {"a": "a"}} if kind == "object" else {})
    return OperationText.model_validate(
        {
            "says": "试",
            "method": "POST",
            "path": "/things",
            "scope": "thing.make",
            "effect": "change",
            "request": {"body": {"value": field}},
            "reply": {"fields": {}},
        }
    )


@pytest.mark.parametrize("kind", get_args(Type))
def test_each_type_is_sent_as_its_contract_reads_it(kind: Type) -> None:
    given, wanted = GIVEN[kind]
    path, body = request_of(operation(kind), (f"value={given}",))
    assert (path, body) == ("/things", {"value": wanted})
    if kind not in {"list", "object"}:
        assert read(kind, json.loads(json.dumps(wanted)), 200) is not None


def test_what_is_no_json_of_its_type_is_said_so() -> None:
    with pytest.raises(UsageError, match="value is of type integer: write it as JSON does"):
        request_of(operation("integer"), ("value=seven",))
