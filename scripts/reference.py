#!/usr/bin/env python3
"""Writes docs/reference from the code: JSON Schemas for editors and the pages of settings, routes, mappings,
adapters, functions and errors. `--check` writes nothing and fails where a file on disk is stale.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from engine.mapping.reference import markdown as functions_page

import adapters
from engine.channel.contracts import Contracts, load_contracts
from engine.channel.pages import operations_page
from engine.channel.texts import ContractsText
from engine.mapping import texts
from engine.sealing.sign import SealText
from engine.settings.models import Config
from engine.settings.pages import adapters_page, errors_page, text_page
from engine.settings.problems import Problems, TextsRefused
from engine.settings.routes import RoutesText
from engine.settings.schema import editor_schema

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("docs/reference")
MADE = "<!-- Made by scripts/reference.py from the code: change it there. -->\n\n"

TEXTS = {
    "config": (Config, "Settings", "What stands in `config/`: where things are here."),
    "routes": (RoutesText, "Routes", "What stands in `routes.yaml`: what flows."),
    "profile": (texts.ProfileText, "Profiles", "What stands in `mappings/<role>/<vendor>.yaml`: how a system speaks."),
    "shape": (texts.ShapeText, "Shapes", "What stands in `mappings/shapes/`: our own documents."),
    "table": (texts.TableText, "Tables", "What stands in `mappings/tables/`: codes of theirs and words of ours."),
    "contracts": (ContractsText, "Contracts", "What stands under `contracts:` in the channel's profile."),
    "seal": (SealText, "Signatures", "What stands under `seal:` in a profile, or in one of its operations."),
}


def pages() -> Iterator[tuple[Path, str]]:
    """Every file of the folder with its contents."""
    for name, (model, title, intro) in TEXTS.items():
        schema = json.dumps(editor_schema(model, f"hisbus {name}"), ensure_ascii=False, indent=2)
        yield FOLDER / f"{name}.schema.json", schema + "\n"
        yield FOLDER / f"{name}.md", MADE + text_page(title, intro, model)
    yield FOLDER / "adapters.md", MADE + adapters_page(adapters.load(name) for name in sorted(adapters.NAMES))
    yield FOLDER / "functions.md", MADE + functions_page()
    yield FOLDER / "errors.md", MADE + errors_page()
    yield FOLDER / "api.md", MADE + operations_page(_contracts())


def _contracts() -> Contracts:
    problems = Problems()
    file = "mappings/channel/app.yaml"
    contracts = load_contracts((ROOT / file).read_text(encoding="utf-8"), file, problems)
    if contracts is None:
        raise TextsRefused(problems)
    return contracts


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
