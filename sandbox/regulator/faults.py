"""What can go wrong with one dataset, or with all of them, beside what can go wrong with any call."""

from collections.abc import Iterable

from sandbox.faults import ANSWERING

REFUSALS = {
    "unknown_key": (40002, "appKey不存在"),
    "frozen_key": (40003, "appKey已被冻结"),
    "wrong_secret": (40004, "appKey与appSecret不匹配"),
    "no_permission": (40006, "无权限调用该服务"),
    "foreign_address": (40007, "IP地址非法"),
    "trouble": (40012, "其他服务异常"),
}
"""Kinds that the gateway answers with a code of its own; nothing is done."""

UPLOADING = ANSWERING | {
    "refusal": "answers code -1, 系统繁忙; nothing is done",
    "clock_skew": "its clock is `amount` seconds ahead (negative: behind): answers 40011 beyond ten minutes",
    **{kind: f"answers {code} {text}; nothing is done" for kind, (code, text) in REFUSALS.items()},
    "bad_gateway": "answers an HTML page under HTTP 502; nothing is done",
    "body_array": "does the work; `body` is an array of one answer",
}


def systems(methods: Iterable[str]) -> dict[str, tuple[str, dict[str, str]]]:
    """The platform as a whole and each dataset, as the fault board wants them."""
    of_a_dataset = {kind: text for kind, text in UPLOADING.items() if kind != "down"}
    return {
        "regulator": ("regulator", UPLOADING),
        **{f"regulator.{method}": ("regulator", of_a_dataset) for method in methods},
    }
