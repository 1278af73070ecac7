"""The check of a whole site says where contracts, routes and clients disagree."""

import shutil
from pathlib import Path

import pytest

import adapters
from engine.app.check import check
from engine.app.offers import contracts_of
from engine.base.ids import SystemIds
from engine.registry.systems import OPERATIONS
from engine.settings.problems import Problems

ROOT = Path(__file__).parents[3]
SECRETS = ("JOURNAL_KEY", "GATEWAY_SECRET", "DEMO_APP_SECRET", "NORTH_APP_SECRET", "REGULATOR_SECRET")


@pytest.fixture
def site(tmp_path):
    """A copy of the shipped site."""
    for name in ("config", "mappings"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "routes.yaml", tmp_path)
    return tmp_path


def findings(site, file=None, old="", new=""):
    if file is not None:
        text = (site / file).read_text("utf-8")
        assert old in text
        (site / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    problems = Problems()
    environ = {f"HISBUS_SECRET_{name}": "0123456789abcdef" * 2 for name in SECRETS}
    kinds = {name: adapters.load(name) for name in adapters.NAMES}
    checked = check(site, "sandbox", environ, kinds, SystemIds(), problems)
    assert (checked is None) == bool(problems)
    return [str(problem) for problem in problems]


def test_the_shipped_site_has_none(site):
    assert findings(site) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (
            "routes.yaml",
            "report.lab.get:",
            "report.lab.gets:",
            ("routes.yaml:", "'report.lab.gets'", "'report.lab.get'?"),
        ),
        (
            "routes.yaml",
            "report.lab.get: {to: reports.get, within: 3s}",
            "report.lab.get: {to: reports.get, within: 3s, cache: 1m}",
            ("routes.yaml:", "'report.lab.get' answers is about one patient", "leave 'cache' out"),
        ),
        ("config/sandbox.yaml", '"report.*"', '"repot.*"', ("sandbox.yaml:", "'repot.*'")),
        (
            "mappings/contracts/reports.yaml",
            "{at: report.specimen",
            "{at: report.specimn",
            ("reports.yaml:", "'specimen'?"),
        ),
        (
            "mappings/contracts/patients.yaml",
            "name: {at: name, longest: 100",
            "name: {at: name, longest: 101",
            ("patients.yaml:", "'name' may have 101 characters, 'name' has room for 100"),
        ),
        ("mappings/contracts/reports.yaml", "scope: report.read", "scoop: report.read", ("reports.yaml:", "'scope'?")),
        ("mappings/shapes/report_found.yaml", "findings: text", "finding: text", ("'findings'", "'finding'?")),
    ],
)
def test_findings(site, file, old, new, says):
    found = findings(site, file, old, new)
    assert any(all(part in one for part in says) for one in found), found


def test_contracts_that_cannot_be_read_leave_the_routes_alone(site):
    found = findings(site, "mappings/contracts/reports.yaml", "scope: report.read", "scoop: report.read")
    assert not [one for one in found if one.startswith("routes.yaml")]


def test_a_forgotten_environment_is_named(site):
    problems = Problems()
    kinds = {name: adapters.load(name) for name in adapters.NAMES}
    assert check(site, None, {}, kinds, SystemIds(), problems) is None
    assert any("HISBUS_ENV: sandbox" in one.hint for one in problems)


def test_what_local_systems_refuse_is_named_by_the_operations_they_serve(site):
    environ = {f"HISBUS_SECRET_{name}": "0123456789abcdef" * 2 for name in SECRETS}
    kinds = {name: adapters.load(name) for name in adapters.NAMES}
    checked = check(site, "sandbox", environ, kinds, SystemIds(), Problems())
    contracts = contracts_of(checked.release, "channel/app", Problems())
    refuses = {
        (system, one.name): {code.name for code in one.refuses} for system, ones in OPERATIONS.items() for one in ones
    }
    missing = {
        (name, f"{step.system}.{step.operation}"): unnamed
        for name, contract in contracts.operations.items()
        for step in checked.release.routes[name].steps
        if (unnamed := refuses.get((step.system, step.operation), set()) - {code.name for code in contract.errors})
    }
    assert missing == {}
