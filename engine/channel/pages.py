"""The reference page of the unified API, made from the contracts: what is not in the texts is not on the page."""

from collections.abc import Iterable, Iterator, Mapping

import orjson

from engine.base.errors import Code
from engine.channel.contracts import Contract, Contracts
from engine.channel.errors import COMMON, errors_of
from engine.channel.refusal import needs
from engine.channel.texts import FieldText


def operations_page(contracts: Contracts) -> str:
    """Every operation with its parameters, fields, errors and examples, in Markdown."""
    lines = ["# 统一接口参考 (Operations of the unified API)", ""]
    lines += ["签名、信封与通用约定见 [channel-api.zh-CN.md](../channel-api.zh-CN.md)。", ""]
    lines += ["How to sign and what every answer looks like: [channel-api.md](../channel-api.md).", ""]
    lines += ["## 通用错误 (errors of every operation)", "", *_errors(contracts, COMMON), ""]
    for contract in contracts.operations.values():
        lines += _operation(contracts, contract)
    return "\n".join(lines).rstrip() + "\n"


def _operation(contracts: Contracts, contract: Contract) -> Iterator[str]:
    text = contract.text
    yield from (f"## `{contract.operation}` {text.says}", "", f"`{text.method} {contracts.base}{text.path}`", "")
    key = "，须带 `Idempotency-Key`" if contract.key else ""
    yield from (f"权限 (scope) `{contract.scope}`，副作用 (effect) `{contract.effect.value}`{key}", "")
    named = {name: field.model_copy(update={"required": True}) for name, field in text.request.path.items()}
    for title, fields in (("路径", named), ("查询", text.request.query), ("正文", text.request.body)):
        if fields:
            yield from (f"**{title}**", "", *_fields(fields, asked=True), "")
    if text.request.needs:
        yield from (needs(text.request.needs).zh, "")
    shape = "列表，每项为" if text.reply.each else "对象"
    yield from (f"**data**：{shape}", "", *_fields(text.reply.fields, asked=False), "")
    errors = errors_of(contract.text)
    if errors:
        yield from ("**错误**", "", *_errors(contracts, errors, contract), "")
    for example in text.examples:
        yield from (
            f"**示例**：{example.name}",
            "",
            "```http",
            f"{text.method} {contracts.base}{example.path}",
            "```",
            "",
        )
        if example.body is not None:
            yield from _json(example.body)
        if example.error is None:
            yield from _json(example.data)
        else:
            yield from (f"→ `{example.error.kind.http} {example.error.name}`", "")


def _fields(fields: Mapping[str, FieldText], *, asked: bool) -> Iterator[str]:
    yield from ("| 字段 | 类型 | 必填 | 说明 |" if asked else "| 字段 | 类型 | 必有 | 说明 |", "|---|---|---|---|")
    for name, field in flat(fields):
        says = field.says + (f"（默认脱敏：{field.mask}）" if field.mask else "")
        words = "、".join(f"`{word}`" for word in field.words)
        yield f"| `{name}` | {words or field.type} | {'是' if field.required else ''} | {says} |"


def flat(fields: Mapping[str, FieldText], way: str = "") -> Iterator[tuple[str, FieldText]]:
    """Every field with its whole name, those inside others too: `items[].code`."""
    for name, field in fields.items():
        yield way + name, field
        yield from flat(field.fields, f"{way}{name}{'[]' if field.type == 'list' else ''}.")


def _errors(contracts: Contracts, codes: Iterable[Code], contract: Contract | None = None) -> Iterator[str]:
    yield from ("| code | HTTP | 用户看到的话 | in English |", "|---|---|---|---|")
    for code, zh, en in worded(contracts, codes, contract):
        yield f"| `{code.name}` | {code.kind.http} | {zh} | {en} |"


def worded(
    contracts: Contracts, codes: Iterable[Code], contract: Contract | None = None
) -> Iterator[tuple[Code, str, str]]:
    """Errors with every wording that users may read, in Chinese and in English."""
    for code in codes:
        rules = [rule for rule in contract.text.refuse if rule.code is code and rule.zh] if contract else []
        said = contracts.messages.get(code)
        zh, en = (said.zh, said.en) if said else (code.kind.zh, code.kind.en)
        for words in dict.fromkeys((rule.zh, rule.en) for rule in rules) or {(zh, en): None}:
            yield code, words[0], words[1]


def _json(value: object) -> Iterator[str]:
    yield from ("```json", orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(), "```", "")
