#!/usr/bin/env python3
"""Writes docs/reference from the code: JSON Schemas for editors and the pages of settings, routes, mappings,
adapters, outcomes, functions, errors, commands and the unified API; puts samples into the guides that show them.
`--check` writes nothing and fails where a file on disk is stale.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from included import with_files
from pydantic import BaseModel

import adapters
from engine.app.scenarios.text import ScenarioText
from engine.channel.contracts import Contracts, load_contracts
from engine.channel.openapi import document
from engine.channel.pages import operations_page
from engine.channel.texts import ContractsText, PartText
from engine.cli.pages import commands_page
from engine.formats.hl7 import Hl7Options
from engine.formats.json import JsonOptions
from engine.formats.row import RowOptions
from engine.formats.xml import XmlOptions
from engine.mapping import texts
from engine.mapping.library import is_profile
from engine.mapping.outcomes import outcomes_page
from engine.mapping.reference import markdown as functions_page
from engine.registry.reference import markdown as local_systems_page
from engine.sealing.sign import SealText
from engine.settings.calendar import CalendarText
from engine.settings.error_pages import errors_page, errors_page_zh
from engine.settings.models import Config
from engine.settings.nodes import Node, load
from engine.settings.pages import adapters_page, text_page
from engine.settings.problems import Problems, TextsRefused
from engine.settings.routes import RoutesText
from engine.settings.schema import DIALECT, editor_schema

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("docs/reference")
MADE = "<!-- Made by scripts/reference.py from the code: change it there. -->\n\n"

TEXTS: dict[str, tuple[type[BaseModel], str, str]] = {
    "config": (Config, "Settings", "What stands in `config/`: where things are here."),
    "routes": (RoutesText, "Routes", "What stands in `routes.yaml`: what flows."),
    "calendar": (CalendarText, "Calendar", "What stands in the file that `site.calendar` names: days off (调休)."),
    "profile": (texts.ProfileText, "Profiles", "What stands in `mappings/<role>/<vendor>.yaml`: how a system speaks."),
    "contracts": (ContractsText, "Contracts", "What stands under `contracts:` in the channel's profile."),
    "operations": (PartText, "Operations", "What stands in `mappings/contracts/`: the operations of one domain."),
    "seal": (SealText, "Signatures", "What stands under `seal:` in a profile, or in one of its operations."),
    "between": (texts.BetweenText, "Maps between shapes", "What stands in `mappings/between/`."),
    "scenario": (
        ScenarioText,
        "Scenarios",
        "What stands in `tests/routes/`: flows with memory.",
    ),
    "shape": (texts.ShapeText, "Shapes", "What stands in `mappings/shapes/`: our own documents."),
}


FORMATS: dict[str, type[BaseModel]] = {"hl7": Hl7Options, "json": JsonOptions, "row": RowOptions, "xml": XmlOptions}

CODES = {"type": "string"}
TABLES = {
    "$schema": DIALECT,
    "title": "hisbus table",
    "description": "Code tables by name: our word to their code, or to their codes with the one that is sent first.",
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "additionalProperties": {"anyOf": [CODES, {"type": "array", "items": CODES, "minItems": 1}]},
    },
}


def pages() -> Iterator[tuple[Path, str]]:
    """Every file of the folder with its contents."""
    for name, (model, title, intro) in TEXTS.items():
        yield FOLDER / f"{name}.schema.json", _written(_schema(name, model))
        yield FOLDER / f"{name}.md", MADE + text_page(title, intro, model)
    yield FOLDER / "table.schema.json", _written(TABLES)
    yield FOLDER / "adapters.md", MADE + adapters_page(adapters.load(name) for name in sorted(adapters.NAMES))
    yield FOLDER / "outcomes.md", MADE + outcomes_page(_profiles())
    yield FOLDER / "commands.md", MADE + commands_page()
    yield FOLDER / "functions.md", MADE + functions_page()
    yield FOLDER / "local-systems.md", MADE + local_systems_page()
    yield FOLDER / "errors.md", MADE + errors_page()
    yield FOLDER / "errors.zh-CN.md", MADE + errors_page_zh()
    contracts = _contracts()
    yield FOLDER / "api.md", MADE + operations_page(contracts)
    yield FOLDER / "openapi.json", _written(document(contracts))
    for guide in ("channel-api.md", "channel-api.zh-CN.md"):
        yield Path("docs") / guide, with_files(ROOT / "docs" / guide)


def _profiles() -> dict[str, Node]:
    problems = Problems()
    folder = ROOT / "mappings"
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.yaml"))}
    nodes = {name: load(path, problems) for name, path in files.items() if is_profile(name)}
    if problems:
        raise TextsRefused(problems)
    return {name: node for name, node in nodes.items() if node is not None}


def _contracts() -> Contracts:
    problems = Problems()
    folder = ROOT / "mappings"
    texts = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.yaml")}
    contracts = load_contracts("channel/app", texts, problems)
    if contracts is None:
        raise TextsRefused(problems)
    return contracts


def _schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    schema = editor_schema(model, f"hisbus {name}")
    if name == "profile":
        _let_null_take_away(schema)
        meaning = schema["$defs"]["MeaningText"]["properties"]  # the profile's own is laid under each operation's
        meaning |= {key: {"anyOf": [entry, {"type": "null"}]} for key, entry in meaning.items()}
        _put_parts(schema)
    return schema


def _put_parts(schema: dict[str, Any]) -> None:
    """The blocks of a profile that adapters, formats, seals and contracts read with models of their own."""
    profile, outgoing = schema["properties"], schema["$defs"]["OutgoingText"]["properties"]
    for name in sorted(adapters.NAMES):
        adapter = adapters.load(name)
        profile[name] = _part(schema, f"{name}-profile", adapter.profile_options)
        outgoing[name] = _part(schema, f"{name}-operation", adapter.operation_options)
    for name, model in FORMATS.items():
        profile[name] = _part(schema, f"{name}-format", model)
    profile["contracts"] = _part(schema, "contracts", ContractsText)
    seal = {"anyOf": [{"type": "string"}, _part(schema, "seal", SealText)]}
    profile["seal"] = outgoing["seal"] = seal


def _let_null_take_away(node: Any) -> None:
    """A value of a map may be null where another text, or the profile's own, is laid under it: the key goes then."""
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _let_null_take_away(value)
    if isinstance(node, dict) and isinstance(node.get("additionalProperties"), dict):
        node["additionalProperties"] = {"anyOf": [node["additionalProperties"], {"type": "null"}]}


def _part(schema: dict[str, Any], name: str, model: type[BaseModel]) -> dict[str, str]:
    """Puts a model's schema beside the others, its blocks under names of their own, and refers to it."""
    part = editor_schema(model, "")
    blocks = part.pop("$defs", {})
    text = json.dumps({name: part} | {f"{name}-{block}": content for block, content in blocks.items()})
    for block in blocks:
        text = text.replace(f'"#/$defs/{block}"', f'"#/$defs/{name}-{block}"')
    schema["$defs"] |= json.loads(text)
    del schema["$defs"][name]["$schema"], schema["$defs"][name]["title"]
    return {"$ref": f"#/$defs/{name}"}


def _written(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--check", action="store_true", help="only say which files are stale")
    check = asked.parse_args().check
    stale = []
    for path, text in pages():
        file = ROOT / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(path)
            if not check:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path} {'is stale: run scripts/reference.py' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
