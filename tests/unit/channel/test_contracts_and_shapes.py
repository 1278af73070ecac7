"""The shipped contracts fit the shipped shapes; a place or word that no shape has is a finding."""

from zoneinfo import ZoneInfo

import pytest
from channel_desk import ROOT, app_contracts, app_texts

import adapters
from engine.channel.check import Ends, check_contracts, check_scopes
from engine.channel.contracts import load_contracts
from engine.mapping.library import load
from engine.settings.layers import load_config
from engine.settings.problems import Problems

REPORTS = "contracts/reports.yaml"
BEHIND = {"report.list": "list", "report.lab.get": "get", "report.exam.get": "get"}


@pytest.fixture(scope="module")
def ends():
    problems = Problems()
    kinds = {name: adapters.load(name) for name in adapters.NAMES}
    library = load(ROOT / "mappings", kinds, problems, ZoneInfo("Asia/Shanghai"))
    outgoing = library.profiles["reports/db"].outgoing
    assert not problems, list(problems)
    return {
        name: Ends(library.documents[outgoing[operation].takes], library.documents[outgoing[operation].gives])
        for name, operation in BEHIND.items()
    }


def findings(ends, old="", new=""):
    texts = app_texts()
    text = texts[REPORTS].decode()
    assert old in text
    problems = Problems()
    contracts = load_contracts("channel/app", texts | {REPORTS: text.replace(old, new, 1).encode()}, problems)
    assert not problems, list(problems)
    check_contracts(contracts, ends, problems)
    return [str(problem) for problem in problems]


def test_the_shipped_contracts_fit_what_stands_behind_them(ends):
    assert set(ends) <= set(app_contracts().operations)
    assert findings(ends) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{at: patient_id,", "{at: patientid,", "'patientid' … did you mean 'patient_id'?"),
        ("caller: {campus: campus}", "caller: {campus: campus_id}", "'campus_id' … did you mean 'campus'?"),
        ("each: reports", "each: report", "'report' … did you mean 'reports'?"),
        ("only: {state:", "only: {stat:", "'stat' … did you mean 'state'?"),
        ("[final, corrected, withdrawn]", "[finale]", "no code 'finale' … did you mean 'final'?"),
        ("CORRECTED: corrected", "CORRECTED: correct", "no code 'correct' … did you mean 'corrected'?"),
        ("{at: title, says: 报告名称}", "{at: titel, says: x}", "'titel' … did you mean 'title'?"),
        ("{at: critical, type: boolean", "{at: critical, type: integer", "'critical' is of kind boolean, not integer"),
        ("{at: from, type: date", "{at: from, type: time", "'from' is of kind date, not time"),
        ("among: [preliminary]", "among: [prelim]", "no code 'prelim' … did you mean 'preliminary'?"),
        ("{at: report.kind, but", "{at: report.knd, but", "'knd' … did you mean 'kind'?"),
        ("{at: value, says: 结果}", "{at: values, says: 结果}", "'values' … did you mean 'value'?"),
        ("without: {flag:", "without: {flags:", "'flags' … did you mean 'flag'?"),
    ],
)
def test_findings(ends, old, new, says):
    found = findings(ends, old, new)
    assert len(found) == 1
    assert all(part in found[0] for part in says.split(" … ")), found
    assert found[0].startswith("mappings/contracts/reports.yaml:")
    assert not found[0].startswith("mappings/contracts/reports.yaml: ")


def test_scopes_of_clients_are_those_that_operations_ask_for(tmp_path):
    (tmp_path / "config").mkdir()
    text = """systems:
  channel:
    profile: channel/app
    listen: 127.0.0.1:0
    clients:
      good: {secret: a, scopes: ["report.*", report.read]}
      typo: {secret: b, scopes: [report.reed, "reports.*"]}
"""
    (tmp_path / "config" / "default.yaml").write_text(text, encoding="utf-8")
    problems = Problems()
    loaded = load_config(tmp_path, None, {}, problems)
    check_scopes(app_contracts(), loaded, "channel", problems)
    found = [str(problem) for problem in problems]
    assert len(found) == 2
    assert "'report.reed' (did you mean 'report.read'?)" in found[0]
    assert "'reports.*'" in found[1]
    assert all("default.yaml:7:" in one for one in found)
