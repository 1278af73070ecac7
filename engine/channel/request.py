"""Reading a request into our document, as its contract says. Compiled once, when texts are loaded."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import orjson

from engine.base.errors import Code
from engine.channel import refusal
from engine.channel.refusal import Faults, Refusal, Words
from engine.channel.reply import at
from engine.channel.texts import FieldText, RequestText
from engine.channel.values import WrongValue, query_value, read
from engine.contract import Inbound
from engine.model import Caller, Shape

_FIELDS = 100
"""More parameters than any contract has."""
_NO_BODY = Words("此请求不带正文", "this request has no body")
_NOT_JSON = Words("正文不是有效的 JSON", "the body is not valid JSON")
_NOT_QUERY = Words("查询参数无法识别", "the query cannot be read")
_OTHERS = Words("与调用方的院区或渠道不一致", "is not the campus or channel of this caller")
_MEDIA = Words("正文须为 application/json", "the body must be application/json")

Reader: TypeAlias = Callable[[Inbound, Mapping[str, str], Caller], Shape]
"""(inbound, values of the path's names, caller) to our document. Raises Refusal with every fault at once."""


def compile_request(text: RequestText) -> Reader:
    """A reader for one operation."""
    asked = {field.at: name for name, field in (text.path | text.query | text.body).items()}

    def read_request(inbound: Inbound, names: Mapping[str, str], caller: Caller) -> Shape:
        document: Shape = {}
        faults = Faults()
        _fields(text.path, names, document, faults, "", _from_text)
        query, body = _query(inbound.query, text.query, faults), _body(inbound, text.body)
        _fields(text.query, query, document, faults, "", _from_text)
        _fields(text.body, body, document, faults, "", _from_json)
        given = {name for name, value in (query | body).items() if value not in (None, "")}
        if text.needs and not any(given.issuperset(group) for group in text.needs):
            faults.add("body" if text.body else "query", refusal.needs(text.needs))
        for what, place in text.caller.items():
            known = getattr(caller, what)
            if place in asked and at(place)(document) not in {None, known}:
                faults.add(asked[place], _OTHERS)
            put(document, place, known)
        faults.raise_any()
        return document

    return read_request


def put(document: Shape, place: str, value: Any) -> None:
    """Sets the value at a dotted place (`.`: an object's fields beside the others), making the objects on the way."""
    if place == ".":
        document.update(value)
        return
    *way, last = place.split(".")
    for part in way:
        document = document.setdefault(part, {})
    document[last] = value


def _query(query: str, known: Mapping[str, FieldText], faults: Faults) -> dict[str, str]:
    if not query:
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
    except ValueError:
        raise Refusal(Code.VALIDATION_FAILED, _NOT_QUERY) from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            faults.add("query", refusal.UNKNOWN)  # its name is the caller's text, and may be anything
        elif name in found:
            faults.add(name, refusal.TWICE)
        else:
            found[name] = value
    return {name: value for name, value in found.items() if value}


def _body(inbound: Inbound, known: Mapping[str, FieldText]) -> dict[str, Any]:
    if not known:
        if inbound.raw:
            raise Refusal(Code.VALIDATION_FAILED, _NO_BODY)
        return {}
    if not inbound.raw and not any(field.required for field in known.values()):
        return {}
    media, _, parameters = inbound.headers.get("content-type", "").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "")
    plain = inbound.headers.get("content-encoding", "identity").lower() == "identity"
    if media.strip() != "application/json" or charset not in {"", "charset=utf-8"} or not plain:
        raise Refusal(Code.UNSUPPORTED_MEDIA, _MEDIA)
    try:
        body = orjson.loads(inbound.raw)
    except orjson.JSONDecodeError:
        raise Refusal(Code.NOT_READABLE, _NOT_JSON) from None
    if not isinstance(body, dict):
        raise Refusal(Code.NOT_READABLE, _NOT_JSON)
    return body


_Convert: TypeAlias = Callable[[FieldText, Any, Faults, str], Any]


def _fields(
    known: Mapping[str, FieldText], given: Mapping[str, Any], into: Shape, faults: Faults, name: str, convert: _Convert
) -> None:
    """Reads the known fields of `given` into the document; `name` is the way here, as `items[2].`. Null and empty text
    are no value.
    """
    if any(key not in known for key in given):
        faults.add(name.rstrip(".") or "body", refusal.UNKNOWN)
    for key, field in known.items():
        value = given.get(key)
        if value is None or value == "":
            if field.required:
                faults.add(name + key, refusal.MISSING)
            continue
        try:
            put(into, field.at, convert(field, value, faults, name + key))
        except WrongValue as wrong:
            faults.add(name + key, wrong.what)


def _from_text(field: FieldText, value: str, _faults: Faults, _name: str) -> Any:
    return _simple(field, query_value(field.type, value))


def _from_json(field: FieldText, value: Any, faults: Faults, name: str) -> Any:
    if field.type == "object":
        return _object(field, value, faults, name)
    if field.type != "list":
        return _simple(field, value)
    if not isinstance(value, list):
        raise WrongValue(refusal.NOT_LIST)
    if len(value) > field.longest:
        raise WrongValue(refusal.too_long(field.longest))
    if not field.fields:
        return [read("text", one, field.longest) for one in value]
    return [_object(field, one, faults, f"{name}[{index}]") for index, one in enumerate(value)]


def _object(field: FieldText, value: Any, faults: Faults, name: str) -> Shape:
    if not isinstance(value, dict):
        raise WrongValue(refusal.NOT_OBJECT)
    made: Shape = {}
    _fields(field.fields, value, made, faults, name + ".", _from_json)
    return made


def _simple(field: FieldText, value: Any) -> Any:
    if not field.words:
        return read(field.type, value, field.longest)
    if not isinstance(value, str) or value not in field.words:
        raise WrongValue(refusal.one_of(list(field.words)))
    return field.words[value]
