"""A profile's text to a Profile: everything one kind of system needs, without an address."""

from collections.abc import Mapping
from typing import Any

from engine.contract import Adapter
from engine.formats.registry import NAMES as FORMATS
from engine.mapping import feeds, tables
from engine.mapping.operations import Maker, bare
from engine.mapping.prepare import prepared
from engine.mapping.shelf import Shelf, place, stem
from engine.mapping.texts import ProfileText
from engine.model import Profile
from engine.settings.nodes import Node
from engine.settings.problems import Problems
from engine.settings.texts import validate


def build(file: str, node: Node, shelf: Shelf, folder: str, files: Mapping[str, bytes]) -> Profile | None:
    """The profile of a node (what it is `like` already laid under it), with the files that lie in its folder.
    None: findings stand in the way.
    """
    node = _told(node)
    adapter = _adapter(node, shelf)
    name = adapter.name if adapter is not None else ""
    text = validate(ProfileText, bare(node, name, set(FORMATS)), shelf.problems)
    if text is None or adapter is None:
        return None
    if text.profile != stem(file):
        hint = f"write profile: {stem(file)}, or rename the file"
        shelf.problems.add(place(node, "profile"), f"profile {text.profile!r} stands in another file", hint)
    wire_name = text.format or (adapter.formats[0] if adapter.formats else "json")
    wire = shelf.format(wire_name, node.get(wire_name), place(node, "format"))
    block = node.get(name) or Node({}, place(node, "adapter"))
    options = validate(adapter.profile_options, block, shelf.problems)
    if wire is None:
        return None
    maker = Maker(shelf, text, node, adapter, wire, _tables(node, shelf))
    made = {key: maker.outgoing(key) for key in text.outgoing}
    outgoing = prepared(adapter, options, made, files, node, shelf.problems)
    incoming = {key: read for key in text.incoming if (read := maker.incoming(key)) is not None}
    served = adapter.serves(options) if adapter.serves is not None and options is not None else ()
    for key, kind in incoming.items():
        if kind.operation and kind.operation not in served:
            where = node.locate(("incoming", key, "operation"))
            shelf.problems.unknown(where, "the operation that is served:", kind.operation, served)
        if kind.feed is not None:
            feeds.check(kind.feed.by, node.locate(("incoming", key, "feed")), adapter, outgoing, shelf.problems)
            if kind.feed.count:
                feeds.check_count(kind.feed.count, node.locate(("incoming", key, "count")), outgoing, shelf)
    return Profile(text.profile, name, wire, options, incoming, outgoing, folder, tuple(text.settings))


def merged(name: str, nodes: Mapping[str, Node], problems: Problems, above: tuple[str, ...] = ()) -> Node:
    """A profile's node laid over the one that it is `like`, and that over its own. Null takes away."""
    node = nodes[name]
    like = node.get("like")
    if like is None or not isinstance(like.value, str):
        return node
    if like.value == name or like.value in above:
        problems.add(like.where, f"{name!r} is like itself in the end", " -> ".join((*above, name, like.value)))
        return node
    if like.value not in nodes:
        problems.unknown(like.where, "profile", like.value, (each for each in nodes if each != name))
        return node
    return overlaid(merged(like.value, nodes, problems, (*above, name)), node)


def whole(name: str, nodes: Mapping[str, Node], problems: Problems) -> Node:
    """A profile's node with everything that is laid under it, as its operations are compiled."""
    return _told(merged(name, nodes, problems))


def overlaid(base: Node, over: Node) -> Node:
    """Mappings key by key, everything else replaced; each part keeps the place where it was written."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    entries: dict[str, Any] = dict(base.value)
    for key, node in over.value.items():
        if node.value is None:
            entries.pop(key, None)
        else:
            entries[key] = overlaid(entries[key], node) if key in entries else node
    return Node(entries, over.where, over.key_where)


def _told(node: Node) -> Node:
    """Each operation with the profile's own `request`, `meaning` and `seal` laid under it."""
    common = {key: found for key in ("request", "meaning", "seal") if (found := node.get(key)) is not None}
    outgoing = node.get("outgoing")
    if not common or outgoing is None or not isinstance(node.value, dict):
        return node
    laid = {name: overlaid(Node(common, each.where, each.key_where), each) for name, each in outgoing.items()}
    return Node({**node.value, "outgoing": Node(laid, outgoing.where, outgoing.key_where)}, node.where, node.key_where)


def _adapter(node: Node, shelf: Shelf) -> Adapter | None:
    named = node.get("adapter")
    if named is None or not isinstance(named.value, str):
        return None
    if named.value not in shelf.adapters:
        shelf.problems.unknown(named.where, "adapter", named.value, shelf.adapters)
        return None
    return shelf.adapters[named.value]


def _tables(node: Node, shelf: Shelf) -> dict[str, tables.Table]:
    own = node.get("tables") or Node({}, node.where)
    return shelf.tables | {name: tables.read(name, each, shelf.problems) for name, each in own.items()}
