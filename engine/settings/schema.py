"""JSON Schemas for editors, generated from the models that read the texts: they cannot disagree."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def editor_schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    """The schema of a text: every docstring, every word that is allowed, defaults as they would be written."""
    schema = model.model_json_schema(by_alias=True)
    blocks = {schema.get("title", ""): schema, **schema.get("$defs", {})}
    for part in _models(model, {}).values():
        for name, field in part.model_fields.items():
            _write_default(blocks.get(part.__name__, {}), field.alias or name, field)
    _drop_titles(schema)
    return {"$schema": DIALECT, "title": title, **schema}


def _write_default(block: dict[str, Any], name: str, field: FieldInfo) -> None:
    block = next((form for form in block.get("anyOf", ()) if "properties" in form), block)
    entry = block.get("properties", {}).get(name)
    if not isinstance(entry, dict):
        return
    value = field.get_default(call_default_factory=False)
    if value is PydanticUndefined or value is None or isinstance(value, BaseModel):
        entry.pop("default", None)  # a block's defaults stand at its own keys
    else:
        written: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
        entry["default"] = written.dump_python(value, mode="json", by_alias=True, exclude_none=True)


def _models(model: type[BaseModel], found: dict[str, type[BaseModel]]) -> dict[str, type[BaseModel]]:
    if model.__name__ not in found:
        found[model.__name__] = model
        for field in model.model_fields.values():
            for part in _parts(field.annotation):
                _models(part, found)
    return found


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def _drop_titles(node: Any) -> None:
    """Pydantic titles every key with itself: noise in an editor."""
    if isinstance(node, dict):
        for part in [node, *node.get("$defs", {}).values(), *node.get("properties", {}).values()]:
            if isinstance(part, dict) and isinstance(part.get("title"), str):
                del part["title"]
        for value in node.values():
            _drop_titles(value)
    elif isinstance(node, list):
        for value in node:
            _drop_titles(value)
