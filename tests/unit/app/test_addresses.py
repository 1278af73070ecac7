"""An address that its adapter cannot have is a finding of the check, not the end of a start."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import adapters
from engine.app.check import check
from engine.base.ids import SystemIds
from engine.settings.problems import Problems

ROOT = Path(__file__).parents[3]
KINDS = {name: adapters.load(name) for name in adapters.NAMES}


@pytest.fixture
def said(tmp_path):
    """The findings of the shipped site with one line of its settings changed."""
    for name in ("config", "mappings"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "routes.yaml", tmp_path)
    config = tmp_path / "config/sandbox.yaml"
    text = config.read_text("utf-8")
    secrets = ["journal_key", *re.findall(r"secret: (\w+)", text)]
    environ = {f"HISBUS_SECRET_{name.upper()}": "0123456789abcdef" * 2 for name in secrets}

    def findings(old="", new="", kinds=KINDS):
        assert old in text
        config.write_text(text.replace(old, new, 1), encoding="utf-8")
        problems = Problems()
        check(tmp_path, "sandbox", environ, kinds, SystemIds(), problems)
        return [str(problem) for problem in problems]

    return findings


def test_the_shipped_addresses_can_all_be(said):
    assert said() == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("url: http://127.0.0.1:9001", "url: http://127.0.0.1:9001/?wsdl"),
        ("url: http://127.0.0.1:9001", "url: http://user:word@127.0.0.1:9001"),
        ("url: sqlite:///var/reports.db", "url: no url at all"),
    ],
)
def test_an_address_that_cannot_be_has_its_line(said, old, new):
    (finding,) = said(old, new)
    assert re.match(r"config/sandbox\.yaml:\d+:5: .*needs a url like", finding)
    assert "word@" not in finding


def test_a_library_that_is_not_installed_is_a_finding(said):
    def missing(link):
        raise ModuleNotFoundError(name="oracledb")

    findings = said(kinds=KINDS | {"sql": replace(KINDS["sql"], destination=missing)})
    assert ["this needs oracledb, which is not installed" in one for one in findings] == [True] * 2  # of two databases
