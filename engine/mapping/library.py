"""All texts of `mappings/`, read, checked and compiled at once.

    shapes/<name>.yaml   tables/*.yaml   between/<name>.yaml   contracts/<domain>.yaml   <role>/<vendor>.yaml

What stands under `contracts/` is the channel's matter: it is kept here and read there.

A release is these files and `routes.yaml`; `texts` is what it hashes and keeps. The check is the
start: what has no findings here runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from engine.base.where import Where
from engine.contract import Adapter
from engine.mapping import profile as profiles
from engine.mapping import shapes, tables
from engine.mapping.compile import Map, compile_map
from engine.mapping.examples import Case, cases
from engine.mapping.functions.kind import Setup
from engine.mapping.prepare import beside
from engine.mapping.scope import ShapeReader
from engine.mapping.shapes import Document, ShapeSpec
from engine.mapping.shelf import SealFactory, Shelf, place, stem
from engine.mapping.texts import BetweenText, ShapeText
from engine.mapping.writers import ShapeWriter
from engine.model import Context, Profile
from engine.settings.nodes import Node, parse
from engine.settings.problems import Problems
from engine.settings.texts import validate

OWN = ("shapes", "tables", "between", "contracts")
"""Folders whose texts are no profiles."""


@dataclass(frozen=True, slots=True)
class Library:
    """What the texts of a release offer. Only to be used when the loading had no findings."""

    profiles: dict[str, Profile]
    shapes: dict[str, ShapeSpec]
    between: dict[str, Callable[[Mapping[str, Any], Context], dict[str, Any]]]
    texts: dict[str, bytes]
    """Every file by its name below `mappings/`: what a release hashes."""
    zone: ZoneInfo
    documents: dict[str, Document] = field(default_factory=dict)
    """The shapes with their fields: tests of routes are checked against them."""
    between_ends: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    """Name of a map in `between` to the shapes it takes and gives."""
    maps: dict[str, Map] = field(default_factory=dict)
    """Every compiled map with its source: `results/oru incoming.lab_result.read`, `between.notice`."""
    between_examples: dict[str, tuple[Case, ...]] = field(default_factory=dict)


def load(
    folder: Path,
    adapters: Mapping[str, Adapter],
    problems: Problems,
    zone: ZoneInfo,
    seal_factory: SealFactory | None = None,
) -> Library:
    """The library of a folder `mappings/`."""
    texts = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
    }
    return load_texts(texts, adapters, problems, zone, seal_factory, folder=folder)


def load_texts(
    texts: Mapping[str, bytes],
    adapters: Mapping[str, Adapter],
    problems: Problems,
    zone: ZoneInfo,
    seal_factory: SealFactory | None = None,
    folder: Path | None = None,
) -> Library:
    """The library of texts in memory (a release kept in the journal). `folder`: where files that profiles name lie."""
    shelf = Shelf(adapters, zone, problems, seal_factory)
    nodes = _nodes(texts, problems, folder.name if folder is not None else "mappings")
    specs = _shapes(nodes, shelf)
    _tables(nodes, shelf)
    library = Library({}, specs, {}, dict(texts), zone, shelf.documents, maps=shelf.maps)
    for file, node in nodes.items():
        if file.startswith("between/"):
            _between(file, node, shelf, library)
    own = {stem(file): node for file, node in nodes.items() if is_profile(file)}
    for name in own:
        node = profiles.merged(name, own, problems)
        parent = PurePosixPath(name).parent
        made = profiles.build(f"{name}.yaml", node, shelf, str((folder or Path()) / parent), beside(texts, parent))
        if made is not None:
            library.profiles[made.name] = made
    return library


def is_profile(file: str) -> bool:
    """Whether a file below `mappings/` is a profile's text, whose name is the file's."""
    return file.endswith((".yaml", ".yml")) and PurePath(file).parts[0] not in OWN


def _nodes(texts: Mapping[str, bytes], problems: Problems, folder: str) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for file, raw in texts.items():
        if not file.endswith((".yaml", ".yml")):
            continue
        shown = f"{folder}/{file}"
        try:
            node = parse(raw.decode("utf-8"), shown, problems)
        except UnicodeDecodeError:
            problems.add(Where(shown), "is not UTF-8", "texts are UTF-8 files")
            continue
        if node is not None and isinstance(node.value, dict):
            found[file] = node
        elif node is not None:
            problems.add(node.where, "a text is a mapping of keys to values")
    return found


def _shapes(nodes: Mapping[str, Node], shelf: Shelf) -> dict[str, ShapeSpec]:
    specs = {}
    for file, node in nodes.items():
        if not file.startswith("shapes/"):
            continue
        text = validate(ShapeText, node, shelf.problems)
        if text is None:
            shelf.broken.add(PurePath(file).stem)
            continue
        _check_name(file, "shape", text.shape, node, shelf.problems)
        shelf.documents[text.shape] = shapes.document(text, node, shelf.problems)
        specs[text.shape] = shapes.spec(shelf.documents[text.shape])
    return specs


def _tables(nodes: Mapping[str, Node], shelf: Shelf) -> None:
    for file, node in nodes.items():
        for name, each in node.items() if file.startswith("tables/") else ():
            if name in shelf.tables:
                shelf.problems.add(each.key_where or each.where, f"table {name!r} stands in another file too")
            shelf.tables[name] = tables.read(name, each, shelf.problems)


def _between(file: str, node: Node, shelf: Shelf, library: Library) -> None:
    text = validate(BetweenText, node, shelf.problems)
    fields = node.get("fields")
    if text is None or fields is None:
        return
    _check_name(file, "between", text.between, node, shelf.problems)
    takes = shelf.document(text.takes, place(node, "takes"))
    gives = shelf.document(text.gives, place(node, "gives"))
    if gives is None:
        return
    setup = Setup(shelf.zone, shelf.tables)
    name = f"between.{text.between}"
    made = compile_map(name, fields, ShapeReader(takes), ShapeWriter(gives, shelf.zone), setup, shelf.problems)
    shelf.maps[name] = made
    library.between[text.between] = made.run
    library.between_ends[text.between] = (text.takes, text.gives)
    library.between_examples[text.between] = cases(text.examples, node)


def _check_name(file: str, key: str, name: str, node: Node, problems: Problems) -> None:
    wanted = PurePath(file).stem
    if name != wanted:
        problems.add(place(node, key), f"{key} {name!r} stands in another file", f"write {wanted}, or rename the file")
