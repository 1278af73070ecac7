"""Making `data` of what the system behind gave, as the contract says: checked, filtered, masked.

Compiled when the texts are loaded to one closure per field: a list of reports is read thousands of
times in a rush hour, and no path is taken apart while it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine.base import log
from engine.base.errors import BusError, Code
from engine.channel.masking import mask
from engine.channel.refusal import NOT_LIST, NOT_OBJECT, NOT_TEXT, Refusal, Words, one_of
from engine.channel.texts import FieldText, RefuseText, ReplyText
from engine.channel.values import WrongValue, number, read
from engine.model import Shape

_log = log.get("channel")

_Get: TypeAlias = Callable[[Any], Any]
_Show: TypeAlias = Callable[[Any, bool], Any]
"""(value, whether it may be seen unmasked) to what applications see. Raises WrongValue."""


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
    rules = [(at(rule.at), rule) for rule in refuse]
    one = _fields(operation, text.fields, f"{text.each}." if text.each else "")
    entries = _list(one, _passes(text.only, {}))
    found = at(text.each) if text.each else None

    def build(document: Shape, unmasked: bool) -> Made:
        for value_of, rule in rules:
            _refuse(rule, value_of(document))
        try:
            if found is None:
                return Made(one(document, unmasked), 1)
            made = entries(found(document) or [], unmasked)
        except WrongValue as wrong:
            raise BusError(Code.BACKEND_FORMAT, str(wrong), spot=text.each or "") from None
        return Made(made, len(made))

    return build


def at(place: str) -> _Get:
    """A reader of the value at a dotted place (`.`: the document itself); it gives None where nothing stands."""
    if place == ".":
        return lambda document: document
    first, *rest = place.split(".")
    if not rest:
        return lambda document: document.get(first) if isinstance(document, dict) else None
    inner = at(".".join(rest))
    return lambda document: inner(document.get(first)) if isinstance(document, dict) else None


def _refuse(rule: RefuseText, value: Any) -> None:
    if rule.among:
        refused = value in rule.among
    elif rule.but:
        refused = value not in rule.but
    else:
        refused = value is None or value == []
    if refused:
        raise Refusal(rule.code, user=Words(rule.zh, rule.en) if rule.zh else None)


def _fields(operation: str, known: Mapping[str, FieldText], way: str) -> _Show:
    """Shows an object. A field that is not of its type is an error where it is required; elsewhere it is left
    out, and said in the log: one odd row must not hide the others.
    """
    parts = [
        (name, at(field.at), _value(operation, field, way + field.at), field.required, way + field.at)
        for name, field in known.items()
    ]

    def show(document: Any, unmasked: bool) -> dict[str, Any]:
        if not isinstance(document, dict):
            raise WrongValue(NOT_OBJECT)
        made: dict[str, Any] = {}
        for name, value_of, value_shown, required, place in parts:
            value = value_of(document)
            if value is None or value == "":
                if required:
                    raise BusError(Code.BACKEND_FORMAT, "is missing", spot=place)
                made[name] = None
                continue
            try:
                made[name] = value_shown(value, unmasked)
            except WrongValue as wrong:
                if required:
                    raise BusError(Code.BACKEND_FORMAT, str(wrong), spot=place) from None
                _log.warning("reply_value_left_out", operation=operation, path=place, why=str(wrong))
                made[name] = None
        return made

    return show


def _value(operation: str, field: FieldText, place: str) -> _Show:
    if field.type == "object":
        return _fields(operation, field.fields, f"{place}.")
    if field.type == "list":
        entry = _fields(operation, field.fields, f"{place}.") if field.fields else _masked(field, _plain)
        return _list(entry, _passes(field.only, field.without))
    return _masked(field, _said(field))


def _list(entry: _Show, passes: Callable[[Any], bool]) -> _Show:
    def show(value: Any, unmasked: bool) -> list[Any]:
        if not isinstance(value, list):
            raise WrongValue(NOT_LIST)
        return [entry(one, unmasked) for one in value if passes(one)]

    return show


def _passes(only: Mapping[str, Sequence[str]], without: Mapping[str, Sequence[str]]) -> Callable[[Any], bool]:
    wanted = [(at(place), words) for place, words in only.items()]
    unwanted = [(at(place), words) for place, words in without.items()]

    def passes(entry: Any) -> bool:
        for value_of, words in wanted:
            if value_of(entry) not in words:
                return False
        return not any(value_of(entry) in words for value_of, words in unwanted)

    return passes


def _masked(field: FieldText, said: _Get) -> _Show:
    kind = field.mask
    if kind is None:
        return lambda value, _unmasked: said(value)
    return lambda value, unmasked: said(value) if unmasked else mask(kind, said(value))


def _said(field: FieldText) -> _Get:
    """How a simple value becomes what applications see."""
    if field.words:
        words = [(ours, word) for word, ours in field.words.items()]
        wrong = one_of([ours for ours, _ in words])

        def said(value: Any) -> str:
            for ours, word in words:
                if ours == value:
                    return word
            raise WrongValue(wrong)

        return said
    if field.type in {"text", "id", "phone"}:
        return _plain
    if field.type == "decimal":
        return number
    kind = field.type
    return lambda value: read(kind, value, 0)


def _plain(value: Any) -> str:
    """Text as the system behind has it: their ids and their long texts are not ours to refuse."""
    if not isinstance(value, str):
        raise WrongValue(NOT_TEXT)
    return value
