"""Masking for people's eyes, by the kind of field (security-and-compliance §6.1). Never by guessing."""

import re
from collections.abc import Callable
from typing import Any

from engine.mapping.functions.kind import Apply, WordError, function, text

_AREA = re.compile(r"(.{2,}?[区县市旗])", re.DOTALL)


@function(
    ("张三", "mask(name)", "张*"), ("王小明", "mask(name)", "王*明"), ("欧阳小明", "mask(name)", "欧**明"),
    ("阿依古丽·买买提", "mask(name)", "阿***·***"), ("John Smith", "mask(name)", "J*** S****"),
    ("110101190003070010", "mask(id)", "110***********0010"), ("H12345678", "mask(id)", "H*****678"),
    ("110101190003070010", "mask(id_strict)", "1***************10"),
    ("13800001234", "mask(phone)", "138****1234"), ("0755-12345678", "mask(phone)", "0755-******78"),
    ("广东省深圳市福田区某路1号", "mask(address)", "广东省深圳市福田区****"),
    ("6222020000000128", "mask(card)", "************0128"), ("1990-01-02", "mask(date)", "1990-**-**"),
    ("zhang@example.com", "mask(mail)", "z***@example.com"), ("阳性", "mask(hidden)", "需授权"),
)  # fmt: skip
def mask(kind: str) -> Apply:
    """The value with most of it starred: `name`, `id`, `id_strict`, `phone`, `address`, `card`, `date`, `mail`;
    `hidden` shows nothing of it (需授权).
    """
    if kind not in _KINDS:
        raise WordError(f"mask: {kind!r} is not known", f"known: {', '.join(_KINDS)}")
    masked = _KINDS[kind]

    def apply(value: Any) -> str:
        return masked(text(value).strip())

    return apply


def _name(name: str) -> str:
    if "·" in name:
        return "·".join((part[:1] if at == 0 else "") + "***" for at, part in enumerate(name.split("·")))
    if name.isascii():
        return " ".join(word[:1] + "*" * (len(word) - 1) for word in name.split())
    if len(name) <= 2:
        return name[:1] + "*"
    return name[0] + "*" * (len(name) - 2) + name[-1]


def _id(number: str) -> str:
    if len(number) >= 15:
        return _ends(number, 3, 4)
    return _ends(number, 1, 3)


def _phone(number: str) -> str:
    area, dash, rest = number.partition("-")
    if dash and area.startswith("0"):
        return f"{area}-{_ends(rest, 0, 2)}"
    return _ends(number, 3, 4) if len(number) >= 10 else _ends(number, 0, 2)


def _address(address: str) -> str:
    parts = _AREA.findall(address)
    # Down to the district or county: province and city come before it.
    kept = "".join(parts[:2]) if len(parts) > 1 and parts[0].endswith("市") else "".join(parts[:1])
    return kept + "****"


def _mail(mail: str) -> str:
    name, _, domain = mail.rpartition("@")
    return f"{name[:1]}***@{domain}"


def _ends(value: str, front: int, back: int) -> str:
    """First and last characters; a value too short for both is starred whole."""
    if len(value) <= front + back:
        return "*" * len(value)
    return value[:front] + "*" * (len(value) - front - back) + value[len(value) - back :]


_KINDS: dict[str, Callable[[str], str]] = {
    "name": _name,
    "id": _id,
    "id_strict": lambda number: _ends(number, 1, 2),
    "phone": _phone,
    "address": _address,
    "card": lambda number: _ends(number, 0, 4),
    "date": lambda day: day[:4] + "-**-**",
    "mail": _mail,
    "hidden": lambda _value: "需授权",
}
