"""Schemas and pages: made from the models, they agree with what the models read."""

from pathlib import Path

import jsonschema
import pytest

from engine.base.errors import Code, Then
from engine.contract import Adapter, Options
from engine.settings.error_pages import errors_page, errors_page_zh
from engine.settings.models import Config
from engine.settings.nodes import parse
from engine.settings.pages import adapters_page, blocks, text_page
from engine.settings.problems import Problems
from engine.settings.routes import RoutesText
from engine.settings.schema import editor_schema
from engine.settings.units import Duration

ROOT = Path(__file__).parents[3]


def valid(text, schema):
    node = parse(text, "text.yaml", Problems())
    return jsonschema.Draft202012Validator(schema).is_valid(node.plain())


@pytest.mark.parametrize("name", ["default", "production.example", "sandbox"])
def test_editors_accept_the_settings_that_stand_here(name):
    schema = editor_schema(Config, "config")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert valid((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"), schema)


def test_editors_accept_this_sites_routes_and_all_forms():
    schema = editor_schema(RoutesText, "routes")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert valid((ROOT / "routes.yaml").read_text(encoding="utf-8"), schema)
    for key in ("no", "[a, b]", "{by: no}", "{by: [a], other_content: new}"):
        assert valid(f"routes: {{r: {{from: a.b, to: c.d, key: {key}, lane: x, within: 8s}}}}", schema), key


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Config, "journal: {reserve: 512}"),
        (Config, "journal: {commit: sometimes}"),
        (Config, "systems: {his: {profile: a/b, lisen: 127.0.0.1:1}}"),
        (Config, "systems: {his: {profile: a/b, login: {password: hunter2}}}"),
        (RoutesText, "routes: {r: {from: a.b, to: nothing}}"),
        (RoutesText, "routes: {r: {from: a.b, steps: {x: {to: c.d, within: 8}}}}"),
    ],
)
def test_editors_refuse_what_the_check_refuses(model, text):
    assert not valid(text, editor_schema(model, "x"))


def test_defaults_are_shown_as_they_are_written():
    schema = editor_schema(Config, "config")
    assert schema["$defs"]["Limits"]["properties"]["size"]["default"] == "20MB"
    assert schema["$defs"]["Retry"]["properties"]["for"]["default"] == "1d"


@pytest.mark.parametrize("model", [Config, RoutesText])
def test_every_key_says_what_it_is_for(model):
    for block in blocks(model):
        assert block.says, block.name
        for entry in block.entries:
            assert entry.says, entry.path


def test_the_page_of_a_text_has_each_block_once_with_all_its_keys():
    page = text_page("Settings", "Where things are.", Config)
    assert page.count("## `systems.*.limits`") == 1
    assert "| `limits` | block, as `systems.*.limits` |" in page
    assert (
        "| `total` | `8s` or `24h` | `10s` | Time for one whole call; a call that takes longer is in doubt. |" in page
    )
    assert "| `commit` | `auto`, `loop`, `thread` | `auto` |" in page


def test_the_page_of_errors_has_all_of_them():
    page = errors_page()
    for code in Code:
        assert f"| `{code.name}` | {code.kind.http} | {code.kind.ack} |" in page
        assert f"| `{code.name}` | {code.kind.http} | {code.kind.zh} | {code.kind.then.value[0]} |" in errors_page_zh()


def test_what_is_asked_again_is_what_was_not_done_or_is_not_known():
    again = {code.name for code in Code if code.kind.then in {Then.LATER, Then.SAME_KEY}}
    assert again == {
        "RATE_LIMITED", "BUSY", "BACKEND_UNAVAILABLE", "BACKEND_TIMEOUT", "IN_PROGRESS", "RESULT_UNKNOWN",
    }  # fmt: skip


class _Profile(Options):
    """The block `pigeon:` of a profile."""

    rest: Duration = 60.0
    """How long a pigeon rests."""


class _Operation(Options):
    """How one pigeon flies."""


def test_the_page_of_adapters_shows_their_options():
    pigeon = Adapter("pigeon", "Letters by pigeon", _Profile, _Operation, formats=("hl7",))
    page = adapters_page([pigeon])
    assert "## pigeon" in page
    assert "| `rest` | `8s` or `24h` | `1m` | How long a pigeon rests. |" in page
    assert "Of an operation" not in page
