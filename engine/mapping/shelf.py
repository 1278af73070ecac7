"""What profiles are built from: shapes, common tables, adapters, the site's zone, seals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from engine.base.where import Where, did_you_mean
from engine.contract import Adapter
from engine.formats.format import Format
from engine.formats.registry import UnknownFormat, make
from engine.mapping.compile import Map
from engine.mapping.shapes import Document
from engine.mapping.tables import Table
from engine.model import Built, Context
from engine.settings.nodes import Node
from engine.settings.problems import Problems

Seal: TypeAlias = Callable[[Built, str, Context], tuple[bytes, Mapping[str, str]]]
SealFactory: TypeAlias = Callable[[Node, Problems], Seal | None]
"""Makes the seal of a `seal:` block, or None with findings."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Shared by all profiles of one release."""

    adapters: Mapping[str, Adapter]
    zone: ZoneInfo
    problems: Problems
    seal_factory: SealFactory | None = None
    documents: dict[str, Document] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    """Shapes that are there and cannot be read: what is wrong with them is said where they stand."""
    tables: dict[str, Table] = field(default_factory=dict)
    maps: dict[str, Map] = field(default_factory=dict)
    """Every compiled map under its name: `results/oru incoming.lab_result.read`."""

    def document(self, name: str | None, where: Where) -> Document | None:
        """The shape of a name; an unknown one is a finding."""
        if name is None:
            return None
        found = self.documents.get(name)
        if found is None and name not in self.broken:
            self.problems.add(where, f"there is no shape {name!r}", did_you_mean(name, self.documents))
        return found

    def format(self, name: str, options: Node | None, where: Where) -> Format | None:
        """The format of a name with its options; mistakes are findings."""
        try:
            return make(name, options.plain() if options is not None else {})
        except UnknownFormat as error:
            self.problems.add(where, str(error), error.hint)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                place = options.locate(detail["loc"]) if options is not None else where
                key = str(detail["loc"][-1]) if detail["loc"] else name
                self.problems.add(place, f"{key!r}: {detail['msg'][:1].lower()}{detail['msg'][1:]}")
        return None


def place(node: Node, *loc: str | int) -> Where:
    """The place of a key below a node."""
    return node.locate(loc)


def stem(file: str) -> str:
    """The name that a file gives: `results/oru` of `results/oru.yaml`."""
    return str(PurePath(file).with_suffix(""))


def without(node: Node, *keys: str) -> Node:
    """A mapping without some of its keys; what is no mapping stays as it is."""
    if not isinstance(node.value, dict):
        return node
    kept: dict[str, Any] = {key: each for key, each in node.items() if key not in keys}
    return Node(kept, node.where, node.key_where)
