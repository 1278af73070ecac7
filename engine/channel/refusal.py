"""Errors as the entrance words them: for the user one sentence, for the developer the fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from engine.base.errors import BusError, Code

Language: TypeAlias = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence in the languages of the API."""

    zh: str
    en: str

    def say(self, language: Language) -> str:
        """The sentence; Chinese where there is no English."""
        return self.en if language == "en" and self.en else self.zh


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field of a request. Names the field as the contract does, never its value."""

    field: str
    what: Words


class Refusal(BusError):
    """A BusError with words in both languages, the fields at fault, and headers for its answer."""

    def __init__(
        self,
        code: Code,
        reason: Words | None = None,
        *,
        user: Words | None = None,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, reason.en if reason else ", ".join(fault.field for fault in faults))
        self.reason = reason
        self.user = user
        self.faults = tuple(faults)
        self.headers = dict(headers or {})


@dataclass(slots=True)
class Faults:
    """Faults that grow while a request is read; raised all at once."""

    found: list[Fault] = field(default_factory=list)

    def add(self, name: str, what: Words) -> None:
        """Notes a fault of a field."""
        self.found.append(Fault(name, what))

    def raise_any(self) -> None:
        """Raises VALIDATION_FAILED when there is one."""
        if self.found:
            raise Refusal(Code.VALIDATION_FAILED, faults=self.found)


MISSING: Final = Words("必填", "is required")
TWICE: Final = Words("只能出现一次", "may stand only once")
UNKNOWN: Final = Words("含有未定义的字段", "holds a field that is not defined")
NOT_TEXT: Final = Words("须为文本", "must be text")
NOT_ID: Final = Words("须为 1–64 位字母、数字或 . _ : -", "must be 1 to 64 letters, digits or . _ : -")
NOT_PHONE: Final = Words("须为 5–19 位数字，可含 + 与 -", "must be 5 to 19 digits, with + and - where needed")
NOT_INTEGER: Final = Words("须为整数", "must be a whole number")
NOT_DECIMAL: Final = Words("须为数字", "must be a number")
NOT_MONEY: Final = Words("须为以分为单位的非负整数", "must be a whole number of fen, not negative")
NOT_BOOLEAN: Final = Words("须为 true 或 false", "must be true or false")
NOT_DATE: Final = Words("须为 yyyy-MM-dd 格式的有效日期", "must be a date like yyyy-MM-dd")
NOT_TIME: Final = Words("须为带时区的 ISO 8601 时间", "must be an ISO 8601 time with its offset")
NOT_LIST: Final = Words("须为列表", "must be a list")
NOT_OBJECT: Final = Words("须为对象", "must be an object")


def too_long(limit: int) -> Words:
    """Longer than the contract allows."""
    return Words(f"长度不能超过 {limit}", f"must not be longer than {limit}")


def needs(groups: Sequence[Sequence[str]]) -> Words:
    """None of the contract's groups is there whole."""
    said = [" + ".join(group) for group in groups]
    return Words(f"至少须填写一组：{'，'.join(said)}", f"needs at least one of: {', '.join(said)}")


def one_of(words: Sequence[str]) -> Words:
    """Not one of the contract's words."""
    listed = ", ".join(words)
    return Words(f"须为以下之一：{listed}", f"must be one of: {listed}")
