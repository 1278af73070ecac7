"""The one table of errors for people: as every protocol says them, and what a program does that hears them."""

from collections.abc import Iterable

from engine.base.errors import Code, Then

_HEAD = "# Errors\n\n[中文](errors.zh-CN.md)\n\nEvery error, how each protocol says it, and what to do."
_HEAD_ZH = "# 错误码\n\n[English](errors.md)\n\n渠道接口可能返回的全部错误码：用户看到的话，以及应用该怎么做。"


def errors_page() -> str:
    """In English, with the words of every protocol."""
    lines = [_HEAD, "", "| code | HTTP | HL7 MSA-1 | HL7 ERR-3 | for people | in English | then |", "|" + "---|" * 7]
    for code in Code:
        kind = code.kind
        cells = (f"`{code.name}`", kind.http, kind.ack, kind.condition, kind.zh, kind.en, _way(kind.then))
        lines.append(_row(cells))
    lines += ["", "## What a program does then", ""]
    return "\n".join([*lines, *(f"- **{_way(then)}**: {then.value[1]}" for then in Then), ""])


def errors_page_zh() -> str:
    """In Chinese, for developers of channel applications."""
    lines = [_HEAD_ZH, "", "| code | HTTP | 用户看到的话 | 应用该怎么做 |", "|" + "---|" * 4]
    lines += [_row((f"`{code.name}`", code.kind.http, code.kind.zh, code.kind.then.value[0])) for code in Code]
    return "\n".join([*lines, ""])


def _way(then: Then) -> str:
    return then.name.lower().replace("_", " ")


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
