"""Personal data, shown so that its owner recognises it and nobody else learns it.

By the kind that a contract declares for a field, never by guessing at a text
(security-and-compliance §6.1). The same value always gives the same mask.
"""

import re
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, get_args

Mask: TypeAlias = Literal[
    "name", "id_no", "travel_document", "phone", "address", "card", "bank_card", "birth_date", "email", "hidden"
]

_DISTRICT = re.compile(r"(?:.{2,8}?(?:省|自治区|特别行政区))?(?:.{1,8}?(?:市|州|盟|地区))?(?:.{1,10}?(?:区|县|旗|市))")
HIDDEN: Final = "需授权"
"""What stands for a value that is not shown at all."""


def mask(kind: Mask, value: Any) -> Any:
    """The masked value; nothing stays nothing, and what is no text is hidden whole."""
    if value is None or value == "":
        return value
    return _RULES[kind](value) if isinstance(value, str) else HIDDEN


def _name(text: str) -> str:
    if "·" in text:
        first, *rest = text.split("·")
        return "·".join([first[:1] + "*" * (len(first) - 1), *("*" * len(part) for part in rest)])
    if text.isascii():
        return " ".join(word[:1] + "*" * (len(word) - 1) for word in text.split(" "))
    return _keep(text, 1, 1 if len(text) > 2 else 0)


def _phone(text: str) -> str:
    area, dash, number = text.rpartition("-")
    if dash:
        return f"{area}-{_keep(number, 0, 2)}"
    return _keep(text, 3, 4)


def _address(text: str) -> str:
    found = _DISTRICT.match(text)
    return f"{found[0] if found else ''}****"


def _card(text: str) -> str:
    return _keep(text, 0, 4)


def _bank_card(text: str) -> str:
    stars = iter(_keep(text.replace(" ", ""), 6, 4))
    return "".join(" " if char == " " else next(stars) for char in text)


def _email(text: str) -> str:
    user, at, domain = text.rpartition("@")
    return f"{user[:1]}***@{domain}" if at else "***"


def _birth_date(text: str) -> str:
    return f"{text[:4]}-**-**" if re.match(r"\d{4}", text) else "****-**-**"


def _keep(text: str, first: int, last: int) -> str:
    """Stars but for the first and last characters; all stars where those are more than two thirds of it."""
    if (first + last) * 3 > len(text) * 2:
        return "*" * len(text)
    return text[:first] + "*" * (len(text) - first - last) + text[len(text) - last :]


_RULES: Final[dict[Mask, Callable[[str], str]]] = {
    "name": _name,
    "id_no": lambda text: _keep(text, 3, 4),
    "travel_document": lambda text: _keep(text, 1, 3),
    "phone": _phone,
    "address": _address,
    "card": _card,
    "bank_card": _bank_card,
    "birth_date": _birth_date,
    "email": _email,
    "hidden": lambda _text: HIDDEN,
}
assert set(_RULES) == set(get_args(Mask))
