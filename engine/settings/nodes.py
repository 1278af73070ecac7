"""YAML to plain values that remember their places.

Built from PyYAML's composed nodes with the C loader: fast, and every key and value keeps its line
and column. Duplicate keys are findings, not silent overwriting. YAML 1.1's surprises are switched
off: `on`, `yes` and `no` stay words, `08` stays text, dates stay text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from engine.base.where import Problem, Where
from engine.settings.problems import Problems

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

_TEXTS = 512
"""Texts kept as they were read: those of a release and of the one before."""
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+\Z")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a text with its place. `value` is a scalar, a list of Nodes or a dict of Nodes."""

    value: bool | int | float | str | list[Node] | dict[str, Node] | None
    where: Where
    key_where: Where | None = None
    opening: int | None = 0
    """Characters between the place and the text itself: 1 for a quote; None for blocks, which begin on another line."""

    def inside(self, offset: int) -> Where:
        """The place `offset` characters into a text of one line; the value's own place where that is not known."""
        if self.opening is None:
            return self.where
        return Where(self.where.file, self.where.line, self.where.column + self.opening + offset)

    def plain(self) -> Any:
        """The value without places, as json would give it."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def get(self, key: str) -> Node | None:
        """The node under `key`, or None where this is no mapping or has no such key."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def items(self) -> Iterator[tuple[str, Node]]:
        """The keys and nodes of a mapping; nothing where this is none."""
        yield from self.value.items() if isinstance(self.value, dict) else ()

    def elements(self) -> Sequence[Node]:
        """The nodes of a list; nothing where this is none."""
        return self.value if isinstance(self.value, list) else ()

    def locate(self, loc: Sequence[str | int]) -> Where:
        """The place of a pydantic error's `loc`.

        Union tags and other parts that are no keys of the text are skipped; a missing key has the
        place of its parent. For a mapping's entry the key's own place is given.
        """
        node, where = self, self.where
        for part in loc:
            if isinstance(node.value, dict) and isinstance(part, str) and part in node.value:
                node = node.value[part]
                where = node.key_where or node.where
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                where = node.where
        return where


def parse(text: str, file: str, problems: Problems) -> Node | None:
    """The root node of a YAML text; None when it is no YAML, which is then a finding. A text that was read a short
    while ago is not read again: a new release shares most of its texts with the one before.
    """
    root, found = _parsed(text, file)
    for problem in found:
        problems.add(problem.where, problem.what, problem.hint)
    return root


@lru_cache(maxsize=_TEXTS)
def _parsed(text: str, file: str) -> tuple[Node | None, tuple[Problem, ...]]:
    problems = Problems()
    root = _root(text, file, problems)
    return root, tuple(problems)


def _root(text: str, file: str, problems: Problems) -> Node | None:
    loader = getattr(yaml, "CLoader", yaml.Loader)(text)
    try:
        composed = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
        problems.add(place, f"this is not YAML: {error.problem or error}", _flow_hint(text, place))
        return None
    finally:
        loader.dispose()
    if composed is None:
        return Node({}, Where(file, 1, 1))
    return _node(composed, file, problems, None)


def load(path: Path, problems: Problems, name: str | None = None) -> Node | None:
    """Reads and parses a file; a file that is missing or not UTF-8 is a finding."""
    file = name or str(path)
    try:
        return parse(path.read_text(encoding="utf-8"), file, problems)
    except FileNotFoundError:
        problems.add(Where(file), "there is no such file")
    except (OSError, UnicodeDecodeError) as error:
        problems.add(Where(file), f"cannot be read: {type(error).__name__}", "texts are UTF-8 files")
    return None


def _node(node: yaml.Node, file: str, problems: Problems, key_where: Where | None) -> Node:
    where = Where(file, node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.ScalarNode):
        return Node(_scalar(node), where, key_where, _opening(node))
    if isinstance(node, yaml.SequenceNode):
        return Node([_node(child, file, problems, None) for child in node.value], where, key_where)
    assert isinstance(node, yaml.MappingNode)
    entries: dict[str, Node] = {}
    for key_node, child in node.value:
        place = Where(file, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
        if not key:
            problems.add(place, "a key must be a word", "quote it if it holds one of : { } [ ] , ?")
        elif key in entries:
            first = entries[key].key_where
            problems.add(place, f"{key!r} stands here twice", f"first at line {first.line if first else 0}")
        else:
            entries[key] = _node(child, file, problems, place)
    return Node(entries, where, key_where)


def _opening(node: yaml.ScalarNode) -> int | None:
    if node.style in {"|", ">"} or node.start_mark.line != node.end_mark.line:
        return None
    return 1 if node.style else 0


def _scalar(node: yaml.ScalarNode) -> bool | int | float | str | None:
    return str(node.value) if node.style else scalar(node.value)  # quoted or a block: always text


def scalar(text: str) -> bool | int | float | str | None:
    """The value that an unquoted word of a text stands for."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return text


def _flow_hint(text: str, place: Where) -> str:
    lines = text.splitlines()
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    return "inside { } write lists of words in quotes, or use the block form" if "{" in line else ""
