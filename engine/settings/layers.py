"""The layers of a site's settings: `config/default.yaml` < `config/<environment>.yaml` < `HISBUS__A__B`.

Layers are merged as values after parsing, never as text, and each value keeps the place that set it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.base.where import Where
from engine.settings import nodes
from engine.settings.models import Config
from engine.settings.nodes import Node
from engine.settings.problems import Problems
from engine.settings.texts import validate

BUILT_IN = "default"
"""The place of a value that no text sets."""

_PREFIX = "HISBUS__"


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of the settings, as it would be written, with the place that set it."""

    path: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, and where each came from."""

    config: Config
    node: Node

    def where(self, *path: str | int) -> Where:
        """The place of a setting, for findings: `where("systems", "his", "url")`."""
        return self.node.locate(path)

    def origin(self, path: str) -> str:
        """What set the value at `systems.his.url`: `file:line:column`, `$HISBUS__…` or `default`."""
        found: Node | None = self.node
        for part in path.split("."):
            elements = found.elements() if found is not None else ()
            index = int(part) if part.isdigit() else -1
            found = elements[index] if 0 <= index < len(elements) else found.get(part) if found is not None else None
        return str(found.where) if found is not None else BUILT_IN

    def settings(self) -> Iterator[Setting]:
        """Every value in force, in the order of the reference; secrets are names."""
        shown = self.config.model_dump(mode="json", by_alias=True)
        for path, value in _leaves(shown, ""):
            yield Setting(path, value, self.origin(path))


def load_config(site: Path, environment: str | None, environ: Mapping[str, str], problems: Problems) -> Loaded | None:
    """The settings of the site in folder `site`. None when they cannot be used: `problems` says why.

    `environment` names `config/<environment>.yaml` (`$HISBUS_ENV`); None reads `default.yaml` alone.
    """
    before = len(problems)
    merged = Node({}, Where("config/default.yaml"))
    for layer in _layers(site, environment, problems):
        merged = merge(merged, layer)
    for name, text in sorted(environ.items()):
        if name.startswith(_PREFIX):
            merged = merge(merged, _from_variable(name, text, merged, problems))
    config = validate(Config, merged, problems)
    return Loaded(config, merged) if config is not None and len(problems) == before else None


def merge(below: Node, above: Node) -> Node:
    """`above` over `below`: mappings are merged key by key, everything else is replaced whole."""
    if not (isinstance(below.value, dict) and isinstance(above.value, dict)):
        return above
    entries = dict(below.value)
    for key, node in above.value.items():
        entries[key] = merge(entries[key], node) if key in entries else node
    return Node(entries, above.where, above.key_where)


def _layers(site: Path, environment: str | None, problems: Problems) -> Iterator[Node]:
    default, folder = "config/default.yaml", site / "config"
    if (site / default).exists() and (layer := nodes.load(site / default, problems, default)) is not None:
        yield layer
    if environment is None:
        return
    yield _nested(["site", "environment"], environment, Where("$HISBUS_ENV"))
    file = f"config/{environment}.yaml"
    if not (site / file).exists():
        known = [path.stem for path in folder.glob("*.yaml") if "." not in path.stem]
        problems.unknown(Where("$HISBUS_ENV"), "the environment", environment, known)
    elif (layer := nodes.load(site / file, problems, file)) is not None:
        yield layer


def _from_variable(name: str, text: str, merged: Node, problems: Problems) -> Node:
    path: list[str] = []
    found: Node | None = merged
    for part in name.removeprefix(_PREFIX).split("__"):
        key = _as_written(part.lower(), found)
        path.append(key)
        found = found.get(key) if found is not None else None
    where = Where(f"${name}")
    if not text.startswith(("[", "{", '"', "'")):
        return _nested(path, nodes.scalar(text), where)
    parsed = nodes.parse(text, str(where), problems)
    return _nested(path, parsed.value if parsed is not None else None, where)


def _as_written(part: str, parent: Node | None) -> str:
    """The key of the texts that a variable's part means: variables know neither case nor `-` nor `.`."""
    for key, _ in parent.items() if parent is not None else ():
        if key.lower().replace("-", "_").replace(".", "_") == part:
            return key
    return part


def _nested(path: list[str], value: Any, where: Where) -> Node:
    node = Node(value, where, where)
    for key in reversed(path):
        node = Node({key: node}, where, where)
    return node


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value and set(value) != {"secret"}:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}.{index}")
    else:
        yield path, value
