"""Names of people, and telephone numbers."""

import re
import unicodedata
from typing import Any

from engine.mapping.functions.kind import UNFIT, Apply, Unfit, function, text

_HANZI = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff·•]")
_MOBILE = re.compile(r"1[3-9]\d{9}\Z", re.ASCII)
_ABROAD = re.compile(r"(?:\+|00)?86(?=1\d{10}\Z)", re.ASCII)


@function(
    ("ZHANG 张三", "hanzi", "张三"), ("李 四 L", "hanzi", "李四"), ("ZHANG SAN^张三", "hanzi", "张三"),
    ("1001 李医生", "hanzi", "李医生"), ("Smith John", "hanzi", "Smith John"),
)  # fmt: skip
def hanzi() -> Apply:
    """The parts of a name that hold Chinese characters, put together: what stands beside them (pinyin, staff
    numbers, type codes) is left out. Parts stand between blanks or `^` (`PID-5.*` gives them all). A name
    without Chinese characters keeps all its parts, with blanks between.
    """

    def apply(value: Any) -> str | None:
        parts = text(value).split("~", 1)[0].replace("^", " ").split()
        return "".join(part for part in parts if _HANZI.search(part)) or " ".join(parts) or None

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
