"""Fields of contracts as JSON Schema 2020-12, which OpenAPI 3.1 uses: as they may be asked, and as they are told."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from engine.channel.texts import FieldText, ReplyText
from engine.channel.values import LARGEST, LONGEST_ID, PATTERNS

Schema: TypeAlias = dict[str, Any]

_BIGGEST: Final = 10**18 - 1
_MASKS: Final = {
    "name": "姓名",
    "id_no": "身份证件号码",
    "travel_document": "旅行证件号码",
    "phone": "电话",
    "address": "地址",
    "card": "卡号",
    "bank_card": "银行卡号",
    "birth_date": "出生日期",
    "email": "邮箱",
    "hidden": "全部隐去",
}
_SIMPLE: Final[Mapping[str, Schema]] = {
    "text": {"type": "string"},
    "id": {"type": "string", "pattern": PATTERNS["id"]},
    "phone": {"type": "string", "pattern": PATTERNS["phone"]},
    "integer": {"type": "integer", "minimum": -_BIGGEST, "maximum": _BIGGEST},
    "decimal": {"type": "number", "minimum": -LARGEST, "maximum": LARGEST},
    "money": {"type": "integer", "minimum": 0, "maximum": _BIGGEST},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "date-time"},
}


_GIVEN: Final[Schema] = {"not": {"enum": [None, ""]}}


def asked(field: FieldText) -> Schema:
    """What a request may hold there."""
    if field.type == "object":
        return _said(field, asked_object(field.fields))
    if field.type == "list":
        entry = asked_object(field.fields) if field.fields else _text(field)
        return _said(field, {"type": "array", "items": entry, "maxItems": field.longest})
    if field.words:
        return _said(field, {"type": "string", "enum": list(field.words)})
    if field.type == "text":
        return _said(field, _text(field))
    short = {"maxLength": field.longest} if field.type == "id" and field.longest < LONGEST_ID else {}
    return _said(field, {**_SIMPLE[field.type], **short})


def asked_object(fields: Mapping[str, FieldText], needs: Sequence[Sequence[str]] = ()) -> Schema:
    """A request's body, or an object in it: null is as good as nothing. `needs`: groups of which one must be there."""
    found = {name: asked(field) if field.required else _or_null(asked(field)) for name, field in fields.items()}
    required = [name for name, field in fields.items() if field.required]
    made = {"type": "object", "properties": found, "additionalProperties": False}
    groups = [{"required": list(group), "properties": dict.fromkeys(group, _GIVEN)} for group in needs]
    return made | ({"required": required} if required else {}) | ({"anyOf": groups} if groups else {})


def told(reply: ReplyText) -> Schema:
    """What `data` holds where all went well."""
    whole = told_object(reply.fields)
    return {"type": "array", "items": whole} if reply.each else whole


def told_object(fields: Mapping[str, FieldText]) -> Schema:
    """An object of an answer: every field is there, and null where it has no value."""
    found = {name: _told(field) if field.required else _or_null(_told(field)) for name, field in fields.items()}
    return {"type": "object", "properties": found, "required": list(found), "additionalProperties": False}


def _told(field: FieldText) -> Schema:
    if field.type == "object":
        return _said(field, told_object(field.fields))
    if field.type == "list":
        entry = told_object(field.fields) if field.fields else {"type": "string"}
        return _said(field, {"type": "array", "items": entry})
    if field.words:
        return _said(field, {"type": "string", "enum": list(field.words)})
    plain = field.mask or field.type in {"id", "phone"}  # a mask is no date; those of other systems are as they are
    return _said(field, {"type": "string"} if plain else dict(_SIMPLE[field.type]))


def _text(field: FieldText) -> Schema:
    return {"type": "string", "maxLength": field.longest, "pattern": PATTERNS["text"]} | (
        {"minLength": 1} if field.required else {}
    )


def _said(field: FieldText, schema: Schema) -> Schema:
    """With what it means; personal data says which kind it is and that it comes masked."""
    says = field.says
    if field.mask:
        schema = {**schema, "x-mask": field.mask}
        says = f"{says}（默认脱敏：{_MASKS[field.mask]}）"
    return {**schema, "description": says} if says else schema


def _or_null(schema: Schema) -> Schema:
    words = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, **words, "type": [schema["type"], "null"]}
