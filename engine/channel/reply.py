"""Making `data` of what the system behind gave, as the contract says: checked, filtered, masked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine.base import log
from engine.base.errors import BusError, Code
from engine.channel.masking import mask
from engine.channel.refusal import NOT_TEXT, Refusal, Words, one_of
from engine.channel.texts import FieldText, RefuseText, ReplyText
from engine.channel.values import WrongValue, read
from engine.model import Shape

_log = log.get("channel")


@dataclass(frozen=True, slots=True)
class Made:
    """`data`, and how many entries of ours it shows."""

    data: Any
    count: int


Builder: TypeAlias = Callable[[Shape, bool], Made]
"""(our document, whether the caller may see it unmasked) to `data`. Raises Refusal where it is not shown,
and BusError(BACKEND_FORMAT, place) where the system behind gave what the contract cannot say.
"""


def compile_reply(operation: str, text: ReplyText, refuse: Sequence[RefuseText]) -> Builder:
    """A builder for one operation, whose name is for the log."""
    shown = _Fields(operation)

    def build(document: Shape, unmasked: bool) -> Made:
        for rule in refuse:
            _refuse(rule, document)
        if text.each is None:
            return Made(shown.all(text.fields, document, unmasked, ""), 1)
        entries = [one for one in _entries(find(document, text.each) or [], text.each) if _passes(one, text.only, {})]
        return Made([shown.all(text.fields, one, unmasked, f"{text.each}.") for one in entries], len(entries))

    return build


def find(document: Any, place: str) -> Any:
    """The value at a dotted place, None where nothing stands."""
    for part in place.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(part)
    return document


def _refuse(rule: RefuseText, document: Shape) -> None:
    value = find(document, rule.at)
    if rule.among:
        refused = value in rule.among
    elif rule.but:
        refused = value not in rule.but
    else:
        refused = value is None
    if refused:
        raise Refusal(rule.code, user=Words(rule.zh, rule.en) if rule.zh else None)


def _passes(entry: Any, only: Mapping[str, Sequence[str]], without: Mapping[str, Sequence[str]]) -> bool:
    return all(find(entry, place) in words for place, words in only.items()) and not any(
        find(entry, place) in words for place, words in without.items()
    )


def _entries(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise BusError(Code.BACKEND_FORMAT, "is no list", spot=place)
    return value


class _Fields:
    """The values of one operation's fields. One that is not of its type is an error where it is required;
    elsewhere it is left out, and said in the log: one odd row must not hide the others.
    """

    def __init__(self, operation: str) -> None:
        self._operation = operation

    def all(self, known: Mapping[str, FieldText], document: Any, unmasked: bool, way: str) -> dict[str, Any]:
        return {
            name: self._one(field, find(document, field.at), unmasked, way + field.at) for name, field in known.items()
        }

    def _one(self, field: FieldText, value: Any, unmasked: bool, place: str) -> Any:
        if value is None or value == "":
            if field.required:
                raise BusError(Code.BACKEND_FORMAT, "is missing", spot=place)
            return None
        try:
            return self._typed(field, value, unmasked, place)
        except WrongValue as wrong:
            if field.required:
                raise BusError(Code.BACKEND_FORMAT, str(wrong), spot=place) from None
            _log.warning("reply_value_left_out", operation=self._operation, path=place, why=str(wrong))
            return None

    def _typed(self, field: FieldText, value: Any, unmasked: bool, place: str) -> Any:
        if field.type == "object":
            return self.all(field.fields, value, unmasked, f"{place}.")
        if field.type != "list":
            return _shown(field, _said(field, value), unmasked)
        entries = [entry for entry in _entries(value, place) if _passes(entry, field.only, field.without)]
        if field.fields:
            return [self.all(field.fields, entry, unmasked, f"{place}.") for entry in entries]
        return [_shown(field, _plain(entry), unmasked) for entry in entries]


def _said(field: FieldText, value: Any) -> Any:
    """The value as applications see it."""
    if field.words:
        for word, ours in field.words.items():
            if ours == value:
                return word
        raise WrongValue(one_of(list(field.words.values())))
    if field.type in {"text", "id"}:
        return _plain(value)
    return read(field.type, value, 0)


def _plain(value: Any) -> str:
    """Text as the system behind has it: their ids and their long texts are not ours to refuse."""
    if not isinstance(value, str):
        raise WrongValue(NOT_TEXT)
    return value


def _shown(field: FieldText, value: Any, unmasked: bool) -> Any:
    return value if unmasked or field.mask is None else mask(field.mask, value)
