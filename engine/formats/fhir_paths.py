"""Places in FHIR R4 resources, checked against fhir.resources' models when texts are loaded.

The models are those of R4B (4.3.0), which for clinical resources is R4 (4.0.1). No model is used while
messages flow: what a map builds are plain dicts.
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from fhir.resources.R4B import get_fhir_model_class

from engine.base.where import did_you_mean
from engine.formats.format import PathError

_OF_ELEMENTS = ("id", "extension")
"""What fhir.resources does not mark as elements where they stand beside a plain value (`_birthDate`)."""


@dataclass(frozen=True, slots=True)
class Element:
    """What one element of a resource or datatype may hold."""

    kind: str | None
    """The datatype or part that it is (`HumanName`, `PatientContact`); None: a plain value."""
    many: bool
    choice: str | None
    """`value` for `valueQuantity`."""


@cache
def is_resource(name: str) -> bool:
    """Whether R4 has a resource of this name."""
    try:
        return issubclass(get_fhir_model_class(name), get_fhir_model_class("Resource"))
    except ValueError:
        return False


@cache
def elements(kind: str) -> Mapping[str, Element]:
    """The elements of a resource, a datatype or a part of a resource, by the names they have in JSON."""
    found = {}
    for name, field in get_fhir_model_class(kind).model_fields.items():
        extra: Any = field.json_schema_extra or {}
        if extra.get("element_property", True) or name in _OF_ELEMENTS:
            inner, many = _held(field.annotation)
            found[field.alias or name] = Element(inner, many, extra.get("one_of_many"))
    return found


def check(resource: str, keys: tuple[str | int, ...], inside: int = 0) -> None:
    """Whether a resource has this place; the last key may be a list as a whole. Of the first `inside` keys lists need
    no position: the place is one of their entries. Raises PathError.
    """
    kind: str | None = resource
    shown = resource
    place = 0
    while place < len(keys):
        if kind is None:
            raise PathError(f"{shown} is a plain value, it holds no {keys[place]!r}")
        element = _element(kind, str(keys[place]), shown)
        shown, place = f"{shown}.{keys[place]}", place + 1
        at = place < len(keys) and isinstance(keys[place], int)
        if at and not element.many:
            raise PathError(f"{shown} is one, not a list", "leave the position out")
        if element.many and not at and inside < place < len(keys):
            raise PathError(f"{shown} is a list", f"write {keys[place - 1]}(0), or each:")
        place += at
        kind = element.kind


def _element(kind: str, name: str, shown: str) -> Element:
    known = elements(kind)
    found = known.get(name)
    if found is None:
        choices = [other for other, element in known.items() if element.choice == name]
        usual = [other for other in known if not other.startswith("_")]
        hint = f"write which: {', '.join(choices)}" if choices else did_you_mean(name, usual)
        raise PathError(f"{shown} has no {name!r} in FHIR R4", hint)
    if found.kind == "Resource":
        raise PathError(f"{shown}.{name} would hold a resource", "write it as a resource of its own")
    return found


def _held(annotation: Any) -> tuple[str | None, bool]:
    """(datatype or None, whether it repeats) of a model's annotation."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(each for each in get_args(annotation) if each is not types.NoneType)
    if get_origin(annotation) is list:
        return _held(get_args(annotation)[0])[0], True
    if get_origin(annotation) is Annotated or annotation.__module__ != "abc":
        return None, False
    return annotation.__name__.removesuffix("Type"), False
