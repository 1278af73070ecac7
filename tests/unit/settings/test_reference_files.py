"""docs/reference is made from the code: stale files and texts that an editor would refuse are found here."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from engine.settings.nodes import parse
from engine.settings.problems import Problems

ROOT = Path(__file__).parents[3]
MAPPINGS = ROOT / "mappings"
KINDS = {"shapes": "shape", "tables": "table", "between": "between", "contracts": "operations"}


def texts():
    for file in sorted((ROOT / "config").glob("*.yaml")):
        yield file, "calendar" if file.stem.endswith(".calendar") else "config"
    yield ROOT / "routes.yaml", "routes"
    yield from ((file, "scenario") for file in sorted((ROOT / "tests/routes").glob("*.yaml")))
    for file in sorted(MAPPINGS.rglob("*.yaml")):
        yield file, KINDS.get(file.parent.name, "profile")


def test_no_page_and_no_schema_is_stale():
    checked = subprocess.run(
        [sys.executable, "scripts/reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(("file", "kind"), [pytest.param(*each, id=each[0].name) for each in texts()])
def test_editors_accept_every_text_that_stands_here(file, kind):
    schema = json.loads((ROOT / f"docs/reference/{kind}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    text = file.read_text(encoding="utf-8")
    found = list(jsonschema.Draft202012Validator(schema).iter_errors(parse(text, file.name, Problems()).plain()))
    assert not found, [f"{'.'.join(map(str, one.path))}: {one.message[:200]}" for one in found]
    assert f"reference/{kind}.schema.json" in text, "its first line tells editors where its schema is"
