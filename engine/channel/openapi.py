"""The unified API as an OpenAPI 3.1 document, made from the contracts: what is not in the texts is not in it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from engine.channel import schemas
from engine.channel.answers import HEADERS, SCHEMAS, common, responses, with_examples
from engine.channel.contracts import Contract, Contracts
from engine.channel.refusal import needs
from engine.channel.texts import ExampleText, FieldText, OperationText

Document: TypeAlias = dict[str, Any]

_ABOUT: Final = """医院统一接口。
签名方法、信封与重试规则见 docs/channel-api.zh-CN.md；错误码见 docs/reference/errors.zh-CN.md。

Every call is signed: X-App-Id, X-Timestamp, X-Nonce and X-Signature together. Every answer is JSON with the members
code, message, data, traceId and backend. A change carries an Idempotency-Key: after 202 RESULT_UNKNOWN, 409 IN_PROGRESS
or no answer at all, send the same again with the same key. How to sign: docs/channel-api.md."""

_HEADERS: Final[Mapping[str, tuple[str, bool, schemas.Schema]]] = {
    "X-Campus": ("院区编号；应用只有一个院区时可不填", False, {"type": "string"}),
    "X-Channel": ("用户所在的渠道，用于审计与分流", False, {"type": "string"}),
    "X-Request-Id": ("应用自己的请求编号，原样返回", False, {"type": "string", "maxLength": 64}),
    "Accept-Language": ("en 为英文提示，其他为中文", False, {"type": "string"}),
    "Idempotency-Key": (
        "同一次变更用同一个值，重试时不变，8–64 位",
        True,
        {"type": "string", "pattern": r"^[A-Za-z0-9._:\-]{8,64}$"},
    ),
}
_SIGNATURE: Final = {
    "X-App-Id": "应用编号 (the application's name)",
    "X-Timestamp": "自 1970-01-01 UTC 起的秒数，与服务器相差不超过 300 秒 (seconds since 1970, at most 300 s off)",
    "X-Nonce": "8–64 位字母、数字或 . _ -，只用一次 (used once)",
    "X-Signature": "HMAC-SHA256 的小写十六进制，五行：方法、路径与查询、时间戳、随机数、正文的 SHA-256 (hex)",
}


def document(
    contracts: Contracts, served: Callable[[str], bool] = lambda _operation: True, campuses: Sequence[str] = ()
) -> Document:
    """The document of the operations that `served` says are routed here, at these campuses."""
    words = {"X-Channel": sorted(contracts.channels), "X-Campus": list(campuses)}
    paths: dict[str, Document] = {}
    for name, contract in contracts.operations.items():
        if served(name):
            path = paths.setdefault(contracts.base + contract.text.path, {})
            path[contract.text.method.lower()] = _operation(contracts, contract)
    return {
        "openapi": "3.1.0",
        "info": {"title": "统一接口 (the unified API for channel applications)", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{header: [] for header in _SIGNATURE}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_tag(name) for name in contracts.operations if served(name))],
        "paths": paths,
        "components": {
            "securitySchemes": {
                header: {"type": "apiKey", "in": "header", "name": header, "description": says}
                for header, says in _SIGNATURE.items()
            },
            "parameters": {header: _header(header, words.get(header, [])) for header in _HEADERS},
            "responses": common(contracts),
            "headers": HEADERS,
            "schemas": SCHEMAS,
        },
    }


def _operation(contracts: Contracts, contract: Contract) -> Document:
    text = contract.text
    named = {name: field.model_copy(update={"required": True}) for name, field in text.request.path.items()}
    headers = [header for header in _HEADERS if header != "Idempotency-Key" or contract.key]
    made: Document = {
        "operationId": contract.operation,
        "tags": [_tag(contract.operation)],
        "summary": text.says,
        "description": f"权限 (scope) `{contract.scope}`，副作用 (effect) `{contract.effect.value}`{_needs(text)}",
        "parameters": [
            *(_parameter("path", name, field, text.examples, text.path) for name, field in named.items()),
            *(_parameter("query", name, field, (), "") for name, field in text.request.query.items()),
            *({"$ref": f"#/components/parameters/{header}"} for header in headers),
        ],
        "responses": responses(contracts, contract),
    }
    if text.request.body:
        made["requestBody"] = {
            "required": bool(text.request.needs) or any(field.required for field in text.request.body.values()),
            "content": {
                "application/json": with_examples(
                    schemas.asked_object(text.request.body, text.request.needs), _bodies(text.examples)
                )
            },
        }
    return made


def _needs(text: OperationText) -> str:
    return f"。{needs(text.request.needs).zh}" if text.request.needs else ""


def _parameter(place: str, name: str, field: FieldText, examples: Iterable[ExampleText], template: str) -> Document:
    made = {"name": name, "in": place, "required": field.required, "schema": schemas.asked(field)}
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/?]+)", template)
    given = next((found[name] for example in examples if (found := re.match(pattern, example.path))), None)
    return made if given is None else {**made, "example": given}


def _bodies(examples: Iterable[ExampleText]) -> dict[str, Any]:
    return {one.name: one.body for one in examples if one.body is not None and one.asks is not None}


def _header(name: str, words: Sequence[str]) -> Document:
    says, required, schema = _HEADERS[name]
    known = {"enum": words} if words else {}
    return {"name": name, "in": "header", "required": required, "description": says, "schema": {**schema, **known}}


def _tag(operation: str) -> str:
    return operation.partition(".")[0]
