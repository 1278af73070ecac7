"""A channel's contracts as one text: the profile's `contracts:` block with the operations of its parts.

A part is a file `mappings/contracts/<name>.yaml` for one domain. Every operation keeps the place where it is written.
"""

from collections.abc import Mapping

from engine.base.where import Where
from engine.channel.texts import PartText
from engine.settings.nodes import Node, parse
from engine.settings.problems import Problems
from engine.settings.texts import validate

FOLDER = "contracts"
_MAPPINGS = "mappings"


def gathered(profile: str, texts: Mapping[str, bytes], problems: Problems) -> Node | None:
    """The block of a profile with everything its parts say. `texts`: every file by its name below `mappings/`.
    None and findings where they cannot be read.
    """
    root = _text(f"{profile}.yaml", texts, problems)
    if root is None:
        return None
    block = root.get("contracts")
    if block is None:
        problems.add(root.where, "a channel's profile needs 'contracts'", "its operations stand there")
        return None
    own = block.get("operations")
    operations = dict(own.items()) if own else {}
    named = block.get("parts")
    parts = [_add(part, operations, texts, problems) for part in (named.elements() if named else ())]
    if not all(parts):
        return None  # what a part that cannot be read would have offered is not known
    entries = dict(block.items())
    entries["operations"] = Node(operations, own.where if own else block.where, own.key_where if own else None)
    return Node(entries, block.where, block.key_where)


def _add(part: Node, operations: dict[str, Node], texts: Mapping[str, bytes], problems: Problems) -> bool:
    """Puts the operations of one part beside those that are known; False and findings where it cannot be read."""
    file = f"{FOLDER}/{part.value}.yaml"
    if file not in texts:
        known = [name.removeprefix(f"{FOLDER}/").removesuffix(".yaml") for name in texts if name.startswith(FOLDER)]
        problems.unknown(part.where, "the part", str(part.value), known)
        return False
    root = _text(file, texts, problems)
    if root is None or validate(PartText, root, problems) is None:
        return False
    found = root.get("operations")
    for name, node in found.items() if found else ():
        if name in operations:
            problems.add(node.key_where or node.where, f"{name!r} stands in another part too")
        operations[name] = node
    return True


def _text(file: str, texts: Mapping[str, bytes], problems: Problems) -> Node | None:
    shown = f"{_MAPPINGS}/{file}"
    try:
        return parse(texts[file].decode("utf-8"), shown, problems)
    except UnicodeDecodeError:
        problems.add(Where(shown), "is not UTF-8", "texts are UTF-8 files")
        return None
