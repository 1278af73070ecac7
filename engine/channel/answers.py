"""The answers of the unified API as OpenAPI 3.1 says them: always the envelope.

For each HTTP status an operation has one response, whose `code` is one of the errors that have this status, with an
example for each. Those that every operation may give are written once.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from engine.base.errors import Code, Then
from engine.channel import schemas
from engine.channel.contracts import Contract, Contracts
from engine.channel.envelope import OK
from engine.channel.errors import COMMON, all_errors_of
from engine.channel.refusal import Words
from engine.channel.schemas import Schema

_AGAIN: Final = {Then.LATER, Then.SAME_KEY}
_TRACE: Final = "01kafj7xk2q4m8n9p0r1s2t3v4"


def responses(contracts: Contracts, contract: Contract) -> dict[str, Schema]:
    """The responses of an operation by status: the good one, then the errors."""
    text = contract.text
    good = {example.name: _envelope(OK, "成功", example.data) for example in text.examples if example.error is None}
    found = {"200": _response("成功", _answer([OK], schemas.told(text.reply)), good)}
    words = {rule.code: rule.zh for rule in reversed(text.refuse) if rule.zh}
    shared = dict(_by_status(COMMON))
    for status, codes in _by_status(all_errors_of(contract.text)):
        if codes == shared.get(status) and not words.keys() & set(codes):
            found[str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
        else:
            found[str(status)] = _failure(contracts, codes, words)
    return found


def common(contracts: Contracts) -> dict[str, Schema]:
    """The responses that every operation may give, by their name under `components`."""
    return {_name(status): _failure(contracts, codes, {}) for status, codes in _by_status(COMMON)}


def with_examples(schema: Schema, examples: Mapping[str, Any]) -> Schema:
    """The content of a body. Keys of examples are plain words; what people read is the summary."""
    made = {f"example{index}": {"summary": name, "value": examples[name]} for index, name in enumerate(examples, 1)}
    return {"schema": schema, "examples": made} if made else {"schema": schema}


def _by_status(codes: Sequence[Code]) -> Iterator[tuple[int, list[Code]]]:
    for status, there in groupby(sorted(codes, key=_status), _status):
        yield status, list(there)


def _status(code: Code) -> int:
    return code.kind.http


def _name(status: int) -> str:
    return f"Status{status}"


def _failure(contracts: Contracts, codes: Sequence[Code], words: Mapping[Code, str]) -> Schema:
    """The response of one status with its errors; `words` are those of the operation's own refusals."""
    said = {code: words.get(code) or contracts.messages.get(code, Words(code.kind.zh, "")).zh for code in codes}
    examples = {code.name: _envelope(code.name, said[code], _WHY.get(code)) for code in codes}
    schema = _answer([code.name for code in codes], _ref("Why"))
    waits = any(code.kind.then in _AGAIN for code in codes)
    return _response("；".join(f"{code.name} {said[code]}" for code in codes), schema, examples, waits=waits)


def _envelope(code: str, message: str, data: Any) -> dict[str, Any]:
    return {"code": code, "message": message, "data": data, "traceId": _TRACE, "backend": None}


def _answer(codes: list[str], data: Schema) -> Schema:
    """The envelope with these codes and this content."""
    members = {
        "code": {"type": "string", "enum": codes, "description": "给程序看的结果"},
        "message": {"type": "string", "description": "给用户看的一句话"},
        "data": data,
        "traceId": {"type": "string", "description": "排查问题时告诉医院运维人员"},
        "backend": _ref("Backend"),
    }
    partly = {"missing": _ref("Missing")} if codes == [OK] else {}
    return {
        "type": "object",
        "properties": members | partly,
        "required": list(members),
        "additionalProperties": False,
    }


def _response(says: str, schema: Schema, examples: Mapping[str, Any], *, waits: bool = False) -> Schema:
    headers = ["X-Trace-Id", "X-Request-Id", *(["Retry-After"] if waits else [])]
    return {
        "description": says,
        "headers": {header: {"$ref": f"#/components/headers/{header}"} for header in headers},
        "content": {"application/json": with_examples(schema, examples)},
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT: Final[Schema] = {"type": ["string", "null"]}
SCHEMAS: Final[Mapping[str, Schema]] = {
    "Backend": {
        "description": "哪个业务系统答复，以及它的代码；原话只给有 unmask 权限的应用",
        "type": ["object", "null"],
        "properties": {"system": {"type": "string"}, "code": _TEXT, "message": _TEXT},
        "required": ["system", "code", "message"],
        "additionalProperties": False,
    },
    "Why": {
        "description": "给开发人员看的原因；从不含请求中的值。taskId 为结果待确认的那次处理",
        "type": ["object", "null"],
        "properties": {
            "taskId": {"type": "string"},
            "reason": _TEXT,
            "fields": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
                    "required": ["field", "reason"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["reason", "fields"],
        "additionalProperties": False,
    },
    "Missing": {
        "description": "同时询问多个系统时，没有应答的系统及其错误码",
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"part": {"type": "string"}, "code": {"type": "string"}},
            "required": ["part", "code"],
            "additionalProperties": False,
        },
    },
}
HEADERS: Final[Mapping[str, Schema]] = {
    "X-Trace-Id": {"description": "同 traceId", "required": True, "schema": {"type": "string"}},
    "X-Request-Id": {
        "description": "请求中的 X-Request-Id，没有则同 traceId",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "多少秒后再试", "schema": {"type": "integer", "minimum": 0}},
}
_WHY: Final[Mapping[Code, Any]] = {
    Code.RESULT_UNKNOWN: {"taskId": _TRACE, "reason": None, "fields": []},
    Code.VALIDATION_FAILED: {"reason": None, "fields": [{"field": "X-Campus", "reason": "必填"}]},
}
"""What `data` says of an error, in examples."""
