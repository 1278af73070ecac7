"""What a text's model is, and how its mistakes become findings with a place.

Pydantic finds all mistakes of a text at once; here each gets its `file:line:column` from the node
tree, words for people, and the nearest known key where one was mistyped.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from engine.base.where import did_you_mean
from engine.settings.nodes import Node
from engine.settings.problems import Problems


class Text(BaseModel):
    """Base of every model of a text: unknown keys are findings, every field's docstring is its reference."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_by_name=True)


T = TypeVar("T", bound=BaseModel)

_KINDS = {
    "string_type": ("must be text", "put it in quotes"),
    "int_type": ("must be a whole number", ""),
    "int_parsing": ("must be a whole number", ""),
    "float_type": ("must be a number", ""),
    "float_parsing": ("must be a number", ""),
    "bool_type": ("must be true or false", ""),
    "bool_parsing": ("must be true or false", ""),
    "list_type": ("must be a list", "write [a, b], or one per line after a dash"),
    "dict_type": ("must be a mapping of names to values", ""),
    "model_type": ("must be a mapping of keys to values", ""),
    "model_attributes_type": ("must be a mapping of keys to values", ""),
    "none_required": ("must be empty", ""),
}


def validate(model: type[T], node: Node, problems: Problems) -> T | None:
    """The model's object, or None and every mistake of `node` as a finding."""
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            _add(model, node, detail, problems)
        return None


def _add(model: type[BaseModel], node: Node, detail: ErrorDetails, problems: Problems) -> None:
    loc, kind, about = detail["loc"], detail["type"], detail.get("ctx", {})
    where = node.locate(loc)
    key = repr(loc[-1]) if loc and isinstance(loc[-1], str) else "this"
    if kind == "extra_forbidden":
        problems.add(where, f"{key} is not known here", did_you_mean(str(loc[-1]), _keys(model, loc[:-1])))
    elif kind == "missing":
        problems.add(where, f"{key} is missing", _first_line(model, loc))
    elif kind == "finding":
        problems.add(where, about["what"], about["hint"])
    elif kind in {"literal_error", "enum"}:
        word = _value(node, loc)
        problems.add(where, f"{word!r} is no value of {key}", _choices(word, _words(model, loc)))
    elif kind in _KINDS:
        what, hint = _KINDS[kind]
        problems.add(where, f"{key} {what}", hint)
    else:
        problems.add(where, f"{key}: {detail['msg'][:1].lower()}{detail['msg'][1:]}")


def model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> Any:
    """The annotation that stands at `loc` below `model`: keys, list positions and names are followed."""
    found: Any = model
    for part in loc:
        inner = _bare(found)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            field = next((f for name, f in inner.model_fields.items() if part in {f.alias, name}), None)
            found = field.annotation if field is not None else None
        elif get_origin(inner) in {list, tuple, dict, Mapping}:
            found = get_args(inner)[-1] if get_origin(inner) in {dict, Mapping} else get_args(inner)[0]
        else:
            return None
    return _bare(found)


def _bare(annotation: Any) -> Any:
    """An annotation without `| None` and `Annotated`."""
    while True:
        arguments = [a for a in get_args(annotation) if a is not type(None)]
        if hasattr(annotation, "__metadata__"):
            annotation = annotation.__origin__
        elif _is_union(annotation) and len(arguments) == 1:
            annotation = arguments[0]
        else:
            return annotation


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) is Union or type(annotation).__name__ == "UnionType"


def _keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    found = model_at(model, loc)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        return []
    return [field.alias or name for name, field in found.model_fields.items()]


def _words(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    found = model_at(model, loc)
    if isinstance(found, type) and hasattr(found, "__members__"):
        return [str(member.value) for member in found.__members__.values()]
    return [str(word) for word in get_args(found)]


def _choices(word: str, words: list[str]) -> str:
    hint = did_you_mean(word, words)
    return hint if hint.startswith("did") else f"one of: {', '.join(words)}"


def _value(node: Node, loc: tuple[int | str, ...]) -> str:
    found: Node | None = node
    for part in loc:
        if found is None:
            break
        elements = found.elements()
        found = elements[part] if isinstance(part, int) and part < len(elements) else found.get(str(part))
    return str(found.value) if found is not None else ""


def _first_line(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    parent = model_at(model, loc[:-1])
    if not (isinstance(parent, type) and issubclass(parent, BaseModel)):
        return ""
    field = next((f for name, f in parent.model_fields.items() if loc[-1] in {f.alias, name}), None)
    return (field.description or "").split("\n")[0].rstrip(".") if field is not None else ""
