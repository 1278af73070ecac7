"""What an adapter makes of a profile's files when a release is made, and what it finds wrong in them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from engine.base.where import Where, did_you_mean
from engine.contract import Adapter, Finding
from engine.model import Outgoing
from engine.settings.nodes import Node
from engine.settings.problems import Problems


def beside(texts: Mapping[str, bytes], folder: PurePosixPath) -> dict[str, bytes]:
    """The files of a release below a folder, by their names from there."""
    return {
        PurePosixPath(name).relative_to(folder).as_posix(): content
        for name, content in texts.items()
        if PurePosixPath(name).is_relative_to(folder)
    }


def prepared(
    adapter: Adapter,
    options: Any,
    outgoing: Mapping[str, Outgoing],
    files: Mapping[str, bytes],
    node: Node,
    problems: Problems,
) -> dict[str, Outgoing]:
    """The operations with what their adapter made of them. Options that could not be read have their findings."""
    operations = {name: each.options for name, each in outgoing.items()}
    if adapter.prepare is None or options is None or None in operations.values():
        return dict(outgoing)
    made = adapter.prepare(options, operations, files)
    for finding in made.findings:
        hint = did_you_mean(finding.word, finding.known) if finding.known else finding.hint
        problems.add(_place(finding, adapter.name, node), finding.what, hint)
    return {name: replace(each, options=made.operations.get(name, each.options)) for name, each in outgoing.items()}


def _place(finding: Finding, block: str, node: Node) -> Where:
    above = ("outgoing", finding.operation) if finding.operation is not None else ()
    return node.locate((*above, block, *finding.keys))
