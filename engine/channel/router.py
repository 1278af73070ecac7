"""From method and path to an operation: a tree of path segments, fixed ones before names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

from engine.base.errors import Code
from engine.channel.refusal import Refusal

T = TypeVar("T")


@dataclass(slots=True)
class _Node(Generic[T]):
    fixed: "dict[str, _Node[T]]" = field(default_factory=dict)
    named: "_Node[T] | None" = None
    methods: "dict[str, tuple[T, tuple[str, ...]]]" = field(default_factory=dict)
    """Method to (what it leads to, names of the path in order)."""


class Router(Generic[T]):
    """Paths with `{names}`; immutable once the texts are loaded."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, method: str, template: str, leads_to: T) -> T | None:
        """Adds a path; gives what stood at the same method and path before, and leaves it there."""
        node, names = self._root, []
        for segment in template.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.named = node.named or _Node()
                node = node.named
            else:
                node = node.fixed.setdefault(segment, _Node())
        if method in node.methods:
            return node.methods[method][0]
        node.methods[method] = (leads_to, tuple(names))
        return None

    def find(self, method: str, path: str) -> tuple[T, Mapping[str, str]]:
        """What a request's path (percent-encoded) leads to, and the values of its names.
        Raises Refusal: NOT_FOUND, or METHOD_NOT_ALLOWED with `Allow`.
        """
        segments = _segments(path)
        nodes = list(_walk(self._root, segments, ())) if segments else []
        for node, values in nodes:
            if method in node.methods:
                leads_to, names = node.methods[method]
                return leads_to, dict(zip(names, values, strict=True))
        allowed = sorted({known for node, _ in nodes for known in node.methods})
        if allowed:
            raise Refusal(Code.METHOD_NOT_ALLOWED, headers={"allow": ", ".join(allowed)})
        raise Refusal(Code.NOT_FOUND)


def _segments(path: str) -> list[str]:
    """The decoded segments of a path; none where it is no path of ours."""
    if not path.startswith("/"):
        return []
    try:
        segments = [unquote_to_bytes(segment).decode() for segment in path[1:].split("/")]
    except ValueError:
        return []
    return segments if all(segments) else []


def _walk(node: _Node[T], segments: list[str], values: tuple[str, ...]) -> list[tuple[_Node[T], tuple[str, ...]]]:
    if not segments:
        return [(node, values)] if node.methods else []
    head, *rest = segments
    found = _walk(node.fixed[head], rest, values) if head in node.fixed else []
    if node.named is not None:
        found += _walk(node.named, rest, (*values, head))
    return found
