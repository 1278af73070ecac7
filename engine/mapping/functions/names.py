"""Names of people, and telephone numbers."""

import re
import unicodedata
from typing import Any

from engine.mapping.functions.kind import UNFIT, Apply, Unfit, function, text

_HANZI = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff·•]")
_MOBILE = re.compile(r"1[3-9]\d{9}\Z", re.ASCII)
_ABROAD = re.compile(r"(?:\+|00)?86(?=1\d{10}\Z)", re.ASCII)


@function(
    ("ZHANG SAN^张三", "chinese_name", "张三"), ("^张三", "chinese_name", "张三"), ("张^三", "chinese_name", "张三"),
    ("张三", "chinese_name", "张三"), ("Smith^John", "chinese_name", "John Smith"),
)  # fmt: skip
def chinese_name() -> Apply:
    """The name in an HL7 name field (`family^given`, whole field) as it is written here.

    The whole Chinese name in component 2 or 1, or family and given name put together; pinyin beside it is
    left out. A name without Chinese characters: given name, blank, family name.
    """

    def apply(value: Any) -> str | None:
        parts = [part.split("&")[0].strip() for part in text(value).split("~")[0].split("^")[:2]]
        family, given = parts[0], parts[1] if len(parts) > 1 else ""
        chinese = [part for part in (family, given) if _HANZI.search(part)]
        if chinese:
            return "".join(chinese)
        return " ".join(part for part in (given, family) if part) or None

    return apply


@function(
    ("138 0000 1234", "mobile", "13800001234"), ("+86-13800001234", "mobile", "13800001234"),
    ("１３８００００１２３４", "mobile", "13800001234"), ("12800001234", "mobile", UNFIT),
)  # fmt: skip
def mobile() -> Apply:
    """A mainland mobile number as eleven digits; blanks, dashes, full-width digits and +86 are taken away."""

    def apply(value: Any) -> str:
        plain = unicodedata.normalize("NFKC", text(value)).translate({ord(char): None for char in " -()\t"})
        plain = _ABROAD.sub("", plain)
        if not _MOBILE.match(plain):
            raise Unfit("not a mobile number")
        return plain

    return apply
