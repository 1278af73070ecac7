"""Paths into XML: `Response/Body/Item`, `Item(Code=A1)/Name`, `Item(1)/@id`, `Note/text()`.

Elements are parted by slashes; from the root the first one is the root itself, inside a repeat they
are the entry's own. `@name` is an attribute, `.` the entry's own text, `(0)` a position from 0 and
`(Name=x)` or `(@id=x)` the first element whose child or attribute has that value.
"""

import re
from dataclasses import dataclass
from typing import Any

from lxml import etree

from engine.formats.format import Code, PathError, literal

_NAME = r"[^\W\d][\w.-]*(?::[^\W\d][\w.-]*)?"
_STEP = re.compile(rf"(?P<name>{_NAME})(?:\((?P<which>[^()]*)\))?\Z")
_ATTRIBUTE = re.compile(rf"@(?P<name>{_NAME})\Z")
_PICK = re.compile(rf"(?P<at>@?)(?P<name>{_NAME})=(?P<value>.*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One element: its name, and which of several."""

    name: str
    position: int | None = None
    pick: tuple[str, str] | None = None
    """(child's name or @attribute, value)"""


@dataclass(frozen=True, slots=True)
class XmlPath:
    """A path taken apart."""

    steps: tuple[Step, ...]
    attribute: str | None = None


def parse(path: str) -> XmlPath:
    """Reads a path. Raises PathError."""
    if path in {".", "text()"}:
        return XmlPath(())
    *parents, last = _split(path)
    attribute = _ATTRIBUTE.match(last)
    if attribute is not None:
        return XmlPath(tuple(_step(each, path) for each in parents), attribute["name"])
    if last == "text()":
        return XmlPath(tuple(_step(each, path) for each in parents))
    return XmlPath(tuple(_step(each, path) for each in (*parents, last)))


def element_code(steps: tuple[Step, ...], start: str, names: "Names") -> str:
    """The expression of an element below `start`; None where there is none."""
    code = start
    for step in steps:
        tag = literal(names.tag(step.name))
        if step.pick is not None:
            code = f"_k_pick_child({code}, {tag}, {literal(names.pick(step.pick[0]))}, {literal(step.pick[1])})"
        elif step.position:
            code = f"_k_nth_child({code}, {tag}, {step.position})"
        else:
            code = f"_k_child({code}, {tag})"
    return code


def value_code(found: XmlPath, start: str, names: "Names", *, trim: bool = False) -> Code:
    """The expression of a value: an element's text (`trim`: without the blanks around it), or an attribute."""
    element = element_code(found.steps, start, names)
    if found.attribute is None:
        return Code(f"{'_k_trimmed' if trim else '_k_text'}({element})", HELPERS)
    return Code(f"_k_attribute({element}, {literal(names.attribute(found.attribute))})", HELPERS)


@dataclass(frozen=True, slots=True)
class Names:
    """How names of paths become lxml's: with a namespace, or with any (`strip`)."""

    spaces: dict[str, str] | None
    """Prefix to namespace; None: namespaces do not matter."""

    def tag(self, name: str) -> str:
        """The name of an element that is looked for."""
        if self.spaces is None:
            return "{*}" + name.rpartition(":")[2]
        return self._qualified(name, self.spaces.get(""))

    def attribute(self, name: str) -> str:
        """The name of an attribute; without a prefix it has no namespace."""
        return name if self.spaces is None else self._qualified(name, None)

    def pick(self, name: str) -> str:
        """The name of the child or attribute that a search compares."""
        return "@" + self.attribute(name[1:]) if name.startswith("@") else self.tag(name)

    def _qualified(self, name: str, default: str | None) -> str:
        prefix, colon, local = name.rpartition(":")
        assert self.spaces is not None
        if not colon:
            return f"{{{default}}}{local}" if default else local
        if prefix not in self.spaces:
            raise PathError(f"prefix {prefix!r} is not named", f"write xml: {{namespaces: {{{prefix}: uri}}}}")
        return f"{{{self.spaces[prefix]}}}{local}"


def same_root(document: Any, tag: str) -> Any:
    """The root if it has this name."""
    return document if tag == document.tag or tag == "{*}" + etree.QName(document).localname else None


def child(element: Any, tag: str) -> Any:
    """The first child of a name."""
    return None if element is None else next(element.iterchildren(tag), None)


def nth_child(element: Any, tag: str, position: int) -> Any:
    """The child at a position from 0."""
    found = children(element, tag)
    return found[position] if position < len(found) else None


def pick_child(element: Any, tag: str, name: str, value: str) -> Any:
    """The first child whose own child or attribute has a value."""
    for each in children(element, tag):
        if (each.get(name[1:]) if name[0] == "@" else text(child(each, name))) == value:
            return each
    return None


def children(element: Any, tag: str) -> list[Any]:
    """All children of a name."""
    return [] if element is None else list(element.iterchildren(tag))


def text(element: Any) -> str | None:
    """An element's own text; None for none, and for blanks alone."""
    found = None if element is None else element.text
    return found if found and not found.isspace() else None


def trimmed(element: Any) -> str | None:
    """An element's own text without the blanks around it; None for none."""
    found = None if element is None else element.text
    return (found.strip() or None) if found else None


def attribute(element: Any, name: str) -> str | None:
    """An attribute's value; None for an empty one."""
    return (element.get(name) or None) if element is not None else None


HELPERS: dict[str, Any] = {
    "_k_root": same_root,
    "_k_child": child,
    "_k_nth_child": nth_child,
    "_k_pick_child": pick_child,
    "_k_children": children,
    "_k_text": text,
    "_k_trimmed": trimmed,
    "_k_attribute": attribute,
}
"""What compiled paths call, by the names they use."""


def _split(path: str) -> list[str]:
    parts, depth, begin = [], 0, 0
    for place, char in enumerate(path):
        depth += (char == "(") - (char == ")")
        if char == "/" and depth == 0:
            parts.append(path[begin:place])
            begin = place + 1
    return [*parts, path[begin:]]


def _step(part: str, path: str) -> Step:
    found = _STEP.match(part)
    if found is None:
        hint = "elements are parted by /; @name is an attribute, Item(0) a position, Item(Code=x) a search"
        raise PathError(f"{path!r} is no XML path", hint)
    which = found["which"]
    if which is None:
        return Step(found["name"])
    if which.isascii() and which.isdigit():
        return Step(found["name"], int(which))
    pick = _PICK.match(which)
    if pick is None:
        raise PathError(f"({which}) picks nothing", "write a position (0), or a search (Code=x) or (@id=x)")
    return Step(found["name"], pick=(pick["at"] + pick["name"], pick["value"].strip("\"'")))
