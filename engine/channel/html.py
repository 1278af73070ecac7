"""The reference page as the bus serves it: one HTML document without scripts, fonts or anything from elsewhere, for the
old browsers of hospital PCs (decision 16). Chinese first, with English beside it.
"""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import groupby

import orjson

from engine.base.errors import Code
from engine.channel.contracts import Contract, Contracts
from engine.channel.errors import COMMON, errors_of
from engine.channel.pages import flat, worded
from engine.channel.refusal import needs
from engine.channel.texts import ExampleText, FieldText

_STYLE = """body{font:15px/1.6 "Microsoft YaHei","PingFang SC",sans-serif;max-width:60em;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;width:100%;margin:.5em 0 1em}
th,td{border:1px solid #ccc;padding:.2em .6em;text-align:left}
th{background:#f3f5f7}code,pre{font-family:Consolas,monospace;font-size:13px}
pre{background:#f3f5f7;padding:.6em;overflow:auto}
h2{border-top:2px solid #dde;padding-top:1em;margin-top:2em}nav a{display:inline-block;min-width:18em}.en{color:#667}"""

_INTRO = """<p>签名、信封、重试规则见随程序提供的 <code>docs/channel-api.zh-CN.md</code>；机器可读的描述：
<a href="openapi.json">openapi.json</a>（OpenAPI 3.1）。<span class="en">How to sign, envelope and retries:
<code>docs/channel-api.md</code>.</span></p>
<p>答复一律为 <code>{code, message, data, traceId, backend}</code>：<code>code</code> 给程序看，
<code>message</code> 给用户看，<code>data</code> 如下。
<span class="en">Every answer is this envelope; <code>data</code> is described below.</span></p>"""


def page(contracts: Contracts, operations: Iterable[Contract]) -> str:
    """The page of these operations."""
    found = list(operations)
    parts = [
        '<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8"><title>统一接口 · the unified API</title>',
        f"<style>{_STYLE}</style></head><body><h1>统一接口 <span class='en'>The unified API</span></h1>",
        _INTRO,
        *_contents(found),
        "<h2 id='errors'>通用错误 <span class='en'>Errors of every operation</span></h2>",
        *_errors(contracts, COMMON),
    ]
    for contract in found:
        parts += _operation(contracts, contract)
    return "\n".join([*parts, "</body></html>\n"])


def _contents(found: Iterable[Contract]) -> Iterator[str]:
    yield "<nav>"
    for domain, contracts in groupby(found, lambda contract: contract.operation.partition(".")[0]):
        yield f"<h3>{escape(domain)}</h3>"
        for one in contracts:
            yield f"<a href='#{one.operation}'><code>{one.operation}</code> {escape(one.text.says)}</a>"
    yield "</nav>"


def _operation(contracts: Contracts, contract: Contract) -> Iterator[str]:
    text = contract.text
    yield f"<h2 id='{contract.operation}'><code>{contract.operation}</code> {escape(text.says)}</h2>"
    yield f"<p><code>{text.method} {escape(contracts.base + text.path)}</code></p>"
    key = "，须带 <code>Idempotency-Key</code>" if contract.key else ""
    yield f"<p>权限 <span class='en'>scope</span> <code>{contract.scope}</code>，"
    yield f"副作用 <span class='en'>effect</span> <code>{contract.effect.value}</code>{key}</p>"
    named = {name: field.model_copy(update={"required": True}) for name, field in text.request.path.items()}
    for title, fields in (("路径 Path", named), ("查询 Query", text.request.query), ("正文 Body", text.request.body)):
        if fields:
            yield from (f"<h4>{title}</h4>", *_fields(fields, "必填 required"))
    if text.request.needs:
        said = needs(text.request.needs)
        yield f"<p>{escape(said.zh)} <span class='en'>{escape(said.en)}</span></p>"
    shape = "列表，每项为 a list of" if text.reply.each else "对象 an object"
    yield from (f"<h4>data：{shape}</h4>", *_fields(text.reply.fields, "必有 always there"))
    if errors := errors_of(contract.text):
        yield from ("<h4>错误 Errors</h4>", *_errors(contracts, errors, contract))
    for example in text.examples:
        yield from _example(contracts, text.method, example)


def _fields(fields: Mapping[str, FieldText], required: str) -> Iterator[str]:
    yield f"<table><tr><th>字段 field<th>类型 type<th>{required}<th>说明</tr>"
    for name, field in flat(fields):
        words = "、".join(f"<code>{escape(word)}</code>" for word in field.words)
        mask = f"（默认脱敏 masked: {field.mask}）" if field.mask else ""
        yield f"<tr><td><code>{escape(name)}</code><td>{words or field.type}<td>{'是' if field.required else ''}"
        yield f"<td>{escape(field.says)}{mask}</tr>"
    yield "</table>"


def _errors(contracts: Contracts, codes: Iterable[Code], contract: Contract | None = None) -> Iterator[str]:
    yield "<table><tr><th>code<th>HTTP<th>用户看到的话<th>in English<th>应用该怎么做 then</tr>"
    for code, zh, en in worded(contracts, codes, contract):
        yield f"<tr><td><code>{code.name}</code><td>{code.kind.http}<td>{escape(zh)}<td>{escape(en)}"
        yield f"<td>{escape(code.kind.then.value[0])}</tr>"
    yield "</table>"


def _example(contracts: Contracts, method: str, example: ExampleText) -> Iterator[str]:
    body = f"\n\n{_json(example.body)}" if example.body is not None else ""
    yield f"<h4>示例：{escape(example.name)}</h4>"
    yield f"<pre>{method} {escape(contracts.base + example.path)}{escape(body)}</pre>"
    told = f"{example.error.kind.http} {example.error.name}" if example.error else _json(example.data)
    yield f"<pre>{escape(told)}</pre>"


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
