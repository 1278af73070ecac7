"""What a text's model is, and how its mistakes become findings with a place.

Pydantic finds all mistakes of a text at once; here each gets its `file:line:column` from the node
tree, words for people, and the nearest known key where one was mistyped.
"""

from collections.abc import Mapping
from enum import Enum
from types import UnionType
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Tag, ValidationError
from pydantic_core import ErrorDetails

from engine.base.where import did_you_mean
from engine.settings.nodes import Node
from engine.settings.problems import Problems


class Text(BaseModel):
    """Base of every model of a text: unknown keys are findings, every field's docstring is its reference."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_by_name=True)


Path: TypeAlias = tuple[int | str, ...]
T = TypeVar("T", bound=BaseModel)

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of names to values",
    "model_type": "a mapping of keys to values",
    "none_required": "empty",
}
_MENDS = {
    "text": "put it in quotes",
    "a list": "write [a, b], or one per line after a dash",
}


def validate(model: type[T], node: Node, problems: Problems) -> T | None:
    """The model's object, or None and every mistake of `node` as a finding."""
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        mistakes = [Mistake(model, detail) for detail in error.errors(include_url=False, include_input=False)]
        for mistake in mistakes:
            _say(mistake, mistakes, node, problems)
        return None


class Mistake:
    """One of pydantic's errors, with the keys and annotations that its `loc` means."""

    def __init__(self, model: type[BaseModel], detail: ErrorDetails) -> None:
        self.path, self.parent, self.found = _walk(model, detail["loc"])
        self.kind = detail["type"]
        self.about = detail.get("ctx", {})
        said = str(self.about["error"]) if self.kind == "value_error" else detail["msg"]
        self.text = said[:1].lower() + said[1:]
        self.key = repr(self.path[-1]) if self.path and isinstance(self.path[-1], str) else "this"


def _say(mistake: Mistake, all_of_them: list[Mistake], node: Node, problems: Problems) -> None:
    path, key = mistake.path, mistake.key
    where = node.locate(path)
    if mistake.kind == "extra_forbidden":
        problems.add(where, f"{key} is not known here", did_you_mean(str(path[-1]), _keys(mistake.parent)))
    elif mistake.kind == "missing":
        problems.add(where, f"{key} is missing", _says(mistake.parent, path[-1]))
    elif mistake.kind == "finding":
        problems.add(where, mistake.about["what"], mistake.about["hint"])
    elif mistake.kind in {"literal_error", "enum"}:
        word = _value(node, path)
        problems.add(where, f"{word!r} is no value of {key}", _choices(word, _words(mistake.found)))
    elif mistake.kind in _KINDS:
        if not any(len(other.path) > len(path) and other.path[: len(path)] == path for other in all_of_them):
            # each form that the value could have had complains: said once, in one sentence
            kinds = list(dict.fromkeys(_KINDS[m.kind] for m in all_of_them if m.path == path and m.kind in _KINDS))
            problems.add(where, f"{key} must be {' or '.join(kinds)}", _MENDS.get(kinds[0], ""))
    elif mistake.kind == "value_error" and key == "this":
        problems.add(where, mistake.text)  # a sentence about the block as a whole
    else:
        problems.add(where, f"{key}: {mistake.text}")


def _walk(model: type[BaseModel], loc: Path) -> tuple[Path, Any, Any]:
    """The keys that an error's `loc` means, without the tags of unions; the annotation of what holds the
    last of them, and of itself. What cannot be followed is None.
    """
    path: Path = ()
    parent: Any = None
    found: Any = _bare(model)
    for part in loc:
        if _is_union(found):
            found = _member(found, part)  # the part is the member's tag, and no key of the text
            continue
        path, parent, found = (*path, part), found, _bare(_below(found, part))
    return path, parent, found


def _below(found: Any, part: int | str) -> Any:
    if _is_model(found):
        return next((f.annotation for name, f in found.model_fields.items() if part in {f.alias, name}), None)
    arguments = get_args(found)
    if get_origin(found) in {dict, Mapping}:
        return arguments[1]
    return arguments[0] if get_origin(found) in {list, tuple} else None


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


def _member(union: Any, tag: int | str) -> Any:
    for member in get_args(union):
        names = {name.tag for name in getattr(member, "__metadata__", ()) if isinstance(name, Tag)}
        if tag in names or getattr(member, "__name__", None) == tag:
            return _bare(member)
    return None


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in {Union, UnionType}


def _is_model(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)


def _keys(found: Any) -> list[str]:
    return [f.alias or name for name, f in found.model_fields.items()] if _is_model(found) else []


def _words(found: Any) -> list[str]:
    if isinstance(found, type) and issubclass(found, Enum):
        return [str(member.value) for member in found]
    return [str(word) for word in get_args(found)]


def _choices(word: str, words: list[str]) -> str:
    hint = did_you_mean(word, words)
    return hint if hint.startswith("did") else f"one of: {', '.join(words)}"


def _value(node: Node, path: Path) -> str:
    found: Node | None = node
    for part in path:
        if found is None:
            break
        elements = found.elements()
        found = elements[part] if isinstance(part, int) and part < len(elements) else found.get(str(part))
    return str(found.value) if found is not None else ""


def _says(found: Any, key: int | str) -> str:
    if not _is_model(found):
        return ""
    field = next((f for name, f in found.model_fields.items() if key in {f.alias, name}), None)
    return (field.description or "").split("\n")[0].rstrip(".") if field is not None else ""
