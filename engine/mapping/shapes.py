"""Our own documents: fields with types, a compiled checker, and what paths they have.

A shape is small and flat on purpose (decision 7). Values are what JSON can carry: text, whole
numbers, true and false; decimals, dates and instants are text in one form.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.base.where import did_you_mean
from engine.formats import dotted
from engine.formats.format import PathError
from engine.mapping import kinds
from engine.mapping.functions.kind import Unfit
from engine.mapping.texts import FieldSpec, ShapeText
from engine.model import Shape
from engine.settings.nodes import Node
from engine.settings.problems import Problems

Check: TypeAlias = Callable[[Any, str, list[str]], None]


@dataclass(frozen=True, slots=True)
class ShapeSpec:
    """One of our documents: its fields (checked when texts are loaded) and what finds a message again."""

    name: str
    find: Mapping[str, str]
    """Kind (`patient`, `order` …) to the path of its value in the document: indexed as keyed hashes."""
    check: Callable[[Shape], list[str]]
    """Paths in a document that break the shape, each with a word why; values are never named."""


@dataclass(frozen=True, slots=True)
class ShapeField:
    """One field of a shape, worked out from its text."""

    name: str
    kind: str
    required: bool = False
    says: str = ""
    length: int | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    of: str | None = None
    """Kind of a list's plain entries."""
    fields: Mapping[str, "ShapeField"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A shape that maps are checked against."""

    name: str
    fields: Mapping[str, ShapeField]
    find: Mapping[str, str] = field(default_factory=dict)
    says: str = ""

    def at(self, path: str, inside: Mapping[str, ShapeField] | None = None) -> ShapeField:
        """The field of a path, from the root or inside an entry's fields. Raises PathError with the nearest name."""
        fields: Mapping[str, ShapeField] | None = self.fields if inside is None else inside
        found: ShapeField | None = None
        for step in dotted.steps(path):
            if isinstance(step, dotted.Key):
                if found is not None and found.kind != "object":
                    raise PathError(f"{found.name!r} in shape {self.name!r} is {_a(found.kind)}, it has no fields")
                found = self._named(step.name, fields or {}, path)
                fields = found.fields
                continue
            if found is None or found.kind != "list":
                raise PathError(f"{path!r}: only a list has entries")
            self._search(step, found)
            found = entry(found)
            fields = found.fields
        if found is None:
            raise PathError(f"'.' is the whole of shape {self.name!r}", "name a field")
        return found

    def _named(self, name: str, fields: Mapping[str, ShapeField], path: str) -> ShapeField:
        if name not in fields:
            what = f"shape {self.name!r} has no field {name!r}"
            raise PathError(what + (f" in {path!r}" if name != path else ""), did_you_mean(name, fields))
        return fields[name]

    def _search(self, step: dotted.Step, found: ShapeField) -> None:
        if isinstance(step, dotted.Pick) and step.key not in found.fields:
            raise PathError(
                f"entries of {found.name!r} have no field {step.key!r}", did_you_mean(step.key, found.fields)
            )


def entry(found: ShapeField) -> ShapeField:
    """An entry of a list, as a field."""
    return ShapeField(found.name, found.of or "object", codes=found.codes, fields=found.fields)


def misfit(fields: Mapping[str, ShapeField], wanted: Mapping[str, ShapeField]) -> str:
    """Why an object with these fields is none of the wanted ones, by their names; empty where it is."""
    unknown = [name for name in fields if name not in wanted]
    missing = [name for name, field in wanted.items() if field.required and name not in fields]
    said = [f"it has no {', '.join(unknown)}"] if unknown else []
    return " and ".join([*said, f"it needs {', '.join(missing)}"] if missing else said)


def whole(found: ShapeField) -> Callable[[Any], Any]:
    """What a list or object that is taken over as it is goes through; raises Unfit naming the first thing wrong."""
    check = _checker(found)

    def fit(value: Any) -> Any:
        wrong: list[str] = []
        check(value, found.name, wrong)
        if wrong:
            raise Unfit(wrong[0])
        return value

    return fit


def document(text: ShapeText, node: Node, problems: Problems) -> Document:
    """The shape of a text; mistakes that the models cannot see are findings."""
    fields = {
        name: _field(name, spec, found, problems)
        for name, spec in text.fields.items()
        if (found := _below(node, "fields", name)) is not None
    }
    shape = Document(text.shape, fields, text.find, text.says)
    for kind, path in text.find.items():
        _check_find(shape, kind, path, node, problems)
    return shape


def spec(shape: Document) -> ShapeSpec:
    """What the other floors need of a shape: how to find its messages, and its compiled checker."""
    inner = _inner(shape.fields)

    def check(found: Shape) -> list[str]:
        wrong: list[str] = []
        _object(found, "", inner, wrong)
        return wrong

    return ShapeSpec(shape.name, shape.find, check)


def _field(name: str, spec: str | FieldSpec, node: Node, problems: Problems) -> ShapeField:
    if isinstance(spec, str):
        if spec not in kinds.NAMES:
            problems.unknown(node.where, "type", spec, kinds.NAMES)
        elif spec in {"code", "object", "list"}:
            hint = {"code": "{type: code, codes: […]}", "object": "{fields: …}", "list": "{type: list, of: text}"}[spec]
            problems.add(node.where, f"{spec!r} needs its long form", f"write {name}: {hint}")
        return ShapeField(name, spec)
    kind = "object" if spec.fields and "type" not in spec.model_fields_set else spec.type
    _check_parts(name, kind, spec, node, problems)
    if spec.of is not None and spec.of not in kinds.PLAIN:
        problems.unknown(node.locate(["of"]), "type of entries", spec.of, kinds.PLAIN)
    inner = {
        key: _field(key, each, found, problems)
        for key, each in spec.fields.items()
        if (found := _below(node, "fields", key)) is not None
    }
    codes = spec.codes if isinstance(spec.codes, dict) else dict.fromkeys(spec.codes, "")
    return ShapeField(name, kind, spec.required, spec.says, spec.length, codes, spec.of, inner)


def _check_parts(name: str, kind: str, spec: FieldSpec, node: Node, problems: Problems) -> None:
    of_code = kind == "code" or spec.of == "code"
    if of_code != bool(spec.codes):
        problems.add(node.where, f"{name!r}: 'codes' and type code belong together", "{type: code, codes: […]}")
    if kind == "list" and (spec.of is None) == (not spec.fields):
        problems.add(node.where, f"{name!r}: a list has either 'of' or 'fields'", "{type: list, of: text}")
    if kind == "object" and not spec.fields:
        problems.add(node.where, f"{name!r}: an object has 'fields'")
    if kind not in {"object", "list"} and (spec.fields or spec.of is not None):
        problems.add(node.where, f"{name!r}: {_a(kind)} has no fields", "leave 'type' out, or write type: list")


def _check_find(shape: Document, kind: str, path: str, node: Node, problems: Problems) -> None:
    where = node.locate(["find", kind])
    try:
        found = shape.at(path)
    except PathError as error:
        problems.add(where, error.what, error.hint)
        return
    if found.kind not in kinds.PLAIN:
        problems.add(where, f"{path!r} is {_a(found.kind)}: only a plain value finds a message")


def _checker(each: ShapeField) -> Check:
    """A checker of one value: what it notes is a path and a word, never a value."""
    check = _check(each)
    return _needed(check) if each.required else check


def _check(each: ShapeField) -> Check:
    if each.kind == "object":
        inner = _inner(each.fields)
        return lambda value, path, wrong: _object(value, path, inner, wrong) if value is not None else None
    if each.kind == "list":
        of = _checker(entry(each))
        return lambda value, path, wrong: _list(value, path, of, wrong)
    fits = kinds.checker(each.kind, each.length, each.codes)

    def check(value: Any, path: str, wrong: list[str]) -> None:
        why = fits(value) if value is not None else None
        if why is not None:
            wrong.append(f"{path}: {why}")

    return check


def _needed(check: Check) -> Check:
    def needed(value: Any, path: str, wrong: list[str]) -> None:
        if value is None or value == "":
            wrong.append(f"{path}: missing")
        else:
            check(value, path, wrong)

    return needed


@dataclass(frozen=True, slots=True)
class _Inner:
    """The fields of an object. Most are text that may be missing: those need one look, not a call each."""

    known: frozenset[str]
    texts: frozenset[str]
    checks: tuple[tuple[str, Check], ...]
    """Of all others."""


def _inner(fields: Mapping[str, ShapeField]) -> _Inner:
    texts = frozenset(
        name for name, each in fields.items() if each.kind == "text" and each.length is None and not each.required
    )
    checks = tuple((name, _checker(each)) for name, each in fields.items() if name not in texts)
    return _Inner(frozenset(fields), texts, checks)


def _object(value: Any, path: str, inner: _Inner, wrong: list[str]) -> None:
    if not isinstance(value, Mapping):
        wrong.append(f"{path or 'the document'}: not an object")
        return
    start, texts = path + "." if path else "", inner.texts
    for name, each in value.items():
        if name in texts:
            if each is not None and not isinstance(each, str):
                wrong.append(f"{start}{name}: not text")
        elif name not in inner.known:
            wrong.append(f"{start}{name}: not known")
    for name, check in inner.checks:
        check(value.get(name), start + name, wrong)


def _list(value: Any, path: str, of: Check, wrong: list[str]) -> None:
    if value is None:
        return
    if not isinstance(value, list):
        wrong.append(f"{path}: not a list")
        return
    for place, each in enumerate(value):
        of(each, f"{path}[{place}]", wrong)


def _below(node: Node, *keys: str) -> Node | None:
    found: Node | None = node
    for key in keys:
        found = found.get(key) if found is not None else None
    return found


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
