"""Reference pages in Markdown, made from the models' docstrings: what is not in the code is not on the page."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from engine.contract import Adapter, InDoubt, Refused, Unavailable
from engine.settings.schema import editor_schema


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a text: where it stands, what may stand there, its default as written, what it is for."""

    path: str
    kind: str
    default: str
    says: str
    required: bool
    blocks: tuple[str, ...]
    """Names of the blocks that may stand there, or in its list or names; none for plain values."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a text, met first at `path`, with its keys."""

    path: str
    name: str
    says: str
    entries: tuple[Entry, ...]
    first: str = ""
    """The key by which it is known where several blocks may stand at one place."""


def blocks(model: type[BaseModel], root: str = "") -> Iterator[Block]:
    """Every block of a text once, outermost first; `*` in a path stands for names that a site gives."""
    schema = editor_schema(model, "")
    defs = schema.get("$defs", {})
    waiting, seen = [(root, model.__name__, schema, "")], {model.__name__}
    while waiting:
        path, name, block, first = waiting.pop(0)
        entries = tuple(_entries(path, block, defs))
        yield Block(path, name, block.get("description", ""), entries, first)
        for entry in entries:
            for inner in (inner for inner in entry.blocks if inner not in seen):
                seen.add(inner)
                known = next(iter(defs[inner].get("required", ())), "") if len(entry.blocks) > 1 else ""
                waiting.append((entry.path, inner, defs[inner], known))


def text_page(title: str, intro: str, model: type[BaseModel]) -> str:
    """The page of one text: a section for each block, a row for each key."""
    found = list(blocks(model))
    home = {block.name: block.path for block in found}
    lines = [f"# {title}", "", intro, ""]
    for block in found:
        head = f"`{block.path}`" + (f" with `{block.first}`" if block.first else "")
        lines += [f"## {head}" if block.path else "## The outermost keys", "", block.says, ""]
        lines += _rows(block, home)
    return "\n".join(lines)


def adapters_page(adapters: Iterable[Adapter]) -> str:
    """The options of every adapter: of a profile, and of each of its operations."""
    lines = ["# Adapters", "", "How bytes and rows move. A profile names one with `adapter:`.", ""]
    for adapter in adapters:
        can = [word for word in ("source", "feed", "destination") if getattr(adapter, word) is not None]
        lines += [f"## {adapter.name}", "", adapter.says, ""]
        lines += [f"Can be: {', '.join(can)}. Formats: {', '.join(adapter.formats) or 'rows'}.", ""]
        for where, model in (("profile", adapter.profile_options), ("operation", adapter.operation_options)):
            for block in blocks(model):
                if block.entries:
                    below = f" `{block.path}`" if block.path else ""
                    lines += [f"### Of a{'n' if where == 'operation' else ''} {where}{below}", "", block.says, ""]
                    lines += _rows(block, {})
        lines += _failures(adapter)
    return "\n".join(lines)


_ENDS = {Unavailable: "unavailable", InDoubt: "in doubt", Refused: "refused"}


def _failures(adapter: Adapter) -> Iterator[str]:
    """What a call comes to where no reply reaches the profile, and which misbehaviour of a system brings it about."""
    yield from ("### Calls without a reply", "", "What follows from each: [delivery.md](../delivery.md).", "")
    yield from ("| what happened | becomes | its word | tried with a system that misbehaves so |", "|---|---|---|---|")
    for one in adapter.failures:
        yield f"| {_cell(one.when)} | {_ENDS[one.raised]} | `{one.why}` | {_list(one.cases)} |"
    if adapter.replies:
        yield f"| a reply came, whatever it holds | [what its profile says](outcomes.md) | | {_list(adapter.replies)} |"
    yield ""


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What may stand at a key, in words; the blocks it is or holds; `*` where they stand under names or in a list."""

    words: str
    blocks: tuple[str, ...] = ()
    below: str = ""


_NOTHING: tuple[Any, ...] = (None, "", [], {})
_PLAIN = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true`, `false`"}


def _entries(path: str, block: dict[str, Any], defs: dict[str, Any]) -> Iterator[Entry]:
    for key, entry in _with_properties(block).get("properties", {}).items():
        kind = _kind(entry, defs)
        said = entry.get("default")
        default = "" if said in _NOTHING else json.dumps(said, ensure_ascii=False).strip('"')
        says = entry.get("description") or "".join(defs[name].get("description", "") for name in kind.blocks[:1])
        place = ".".join(part for part in (path, key, kind.below) if part)
        required = key in _with_properties(block).get("required", ())
        yield Entry(place, kind.words, default, " ".join(says.split()), required, kind.blocks)


def _kind(entry: dict[str, Any], defs: dict[str, Any]) -> _Kind:
    if "$ref" in entry:
        name = entry["$ref"].rpartition("/")[2]
        return _Kind("block", (name,)) if "enum" not in defs[name] else _kind(defs[name], defs)
    forms = [form for form in entry.get("anyOf", entry.get("oneOf", ())) if form.get("type") != "null"]
    if forms:
        kinds = [_kind(form, defs) for form in forms]
        blocks = tuple(dict.fromkeys(name for kind in kinds for name in kind.blocks))
        below = next((kind.below for kind in kinds if kind.blocks), "")
        return _Kind(" or ".join(dict.fromkeys(kind.words for kind in kinds)), blocks, below)
    if entry.get("type") == "array":
        item = _kind(entry.get("items", {}), defs)
        return _Kind(f"list of {item.words}{'s' if item.blocks else ''}", item.blocks, "*" if item.blocks else "")
    if isinstance(entry.get("additionalProperties"), dict):
        item = _kind(entry["additionalProperties"], defs)
        return _Kind(f"names, each with a {item.words}", item.blocks, "*" if item.blocks else "")
    if entry.get("additionalProperties") is True:
        return _Kind("mapping")
    return _Kind(_plain(entry))


def _plain(entry: dict[str, Any]) -> str:
    if "enum" in entry or "const" in entry:
        words = entry.get("enum", [entry.get("const")])
        return ", ".join(f"`{word if isinstance(word, str) else json.dumps(word)}`" for word in words)
    if "examples" in entry:
        return " or ".join(f"`{example}`" for example in entry["examples"])
    return _PLAIN.get(str(entry.get("type")), "any value")


def _with_properties(block: dict[str, Any]) -> dict[str, Any]:
    """The long form of a block that has a short one too."""
    return next((form for form in block.get("anyOf", ()) if "properties" in form), block)


def _rows(block: Block, home: dict[str, str]) -> list[str]:
    lines = ["| key | what stands there | default | meaning |", "|---|---|---|---|"]
    for entry in block.entries:
        key = entry.path.removeprefix(f"{block.path}.").removesuffix(".*")
        kind = entry.kind
        elsewhere = {home[name]: None for name in entry.blocks if home.get(name, entry.path) != entry.path}
        kind += "".join(f", as `{path}`" for path in elsewhere)
        default = "required" if entry.required else f"`{entry.default}`" if entry.default else ""
        lines.append(f"| `{key}` | {_cell(kind)} | {_cell(default)} | {_cell(entry.says)} |")
    return [*lines, ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
