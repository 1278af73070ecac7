"""The verbs that need no bus: what they print, as text and as JSON, and their exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli.main import VERBS, main

ROOT = Path(__file__).parents[3]

ROUTES = """
routes:
  report.list: {to: reports.list, within: 3s}
  result:
    from: [results.lab_result]
    key: {by: [message_no], other_content: new}
    lane: {by: patient.id, name: patient}
    steps:
      store: {to: reports.save}
      notify: {to: messages.send, when: state == final, retry: {for: 12h, then: park}, lane: none}
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/default.yaml").write_text(
        "site: {name: 示例医院}\nsystems: {his: {profile: his/acme, login: {password: {secret: his_password}}}}\n",
        encoding="utf-8",
    )
    (tmp_path / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    (tmp_path / "mappings/shapes").mkdir(parents=True)
    (tmp_path / "mappings/shapes/booking.yaml").write_text(
        "shape: booking\nfind: {patient: patient.id}\n"
        "fields:\n  patient: {type: object, fields: {id: {required: true}}}\n  paid: boolean\n",
        encoding="utf-8",
    )
    return tmp_path


def run(*arguments, env=None):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=env or {})


def test_every_verb_has_help_that_says_what_it_does():
    for verb in VERBS:
        shown = run(verb, "--help")
        assert shown.exit_code == 0, shown.output
        assert "Usage:" in shown.output
        assert len(shown.output.splitlines()) > 5


def test_help_imports_no_verb():
    started = "import sys; import click; print(len(sys.modules)); import engine.cli.main; print(len(sys.modules))"
    counted = subprocess.run([sys.executable, "-c", started], cwd=ROOT, check=True, capture_output=True, text=True)
    before, after = map(int, counted.stdout.split())
    assert after - before < 10, "the verbs are imported when they are used"


def test_settings_are_explained_with_the_place_that_set_them(site):
    shown = run("explain", "--config", "--site", site, env={"HISBUS__SYSTEMS__HIS__URL": "https://his.intra"})
    assert shown.exit_code == 0
    lines = {line.split()[0]: line.split() for line in shown.output.splitlines()}
    assert lines["site.name"][1:] == ["示例医院", "config/default.yaml:1:14"]
    assert lines["systems.his.url"][1:] == ["https://his.intra", "$HISBUS__SYSTEMS__HIS__URL"]
    assert lines["systems.his.login.password"][1:3] == ["secret", "his_password"]
    assert lines["journal.reserve"][1:] == ["512MB", "default"]
    rows = json.loads(run("explain", "--config", "--site", site, "--json").output)
    assert {"path": "stop.grace", "value": "20s", "origin": "default"} in rows


def test_a_read_over_several_systems_is_explained(site):
    parts = "gather: {a: {to: reports.list}, b: {to: his.list}}, merge: {into: reports}, answer: {within: 4s}"
    routes = (
        f"routes: {{report.list: {{{parts}}}, org.doctor.list: {{to: his.doctors, cache: {{for: 10m, stale: 1d}}}}}}"
    )
    (site / "routes.yaml").write_text(routes, encoding="utf-8")
    shown = run("explain", "report.list", "--site", site).output
    assert "answered   after every step, within 4s" in shown
    assert "merged     into reports" in shown
    assert "a part that does not answer is named" in shown
    kept = run("explain", "org.doctor.list", "--site", site).output
    assert "kept       for 10m, given for 1d while the system is down" in kept


def test_what_becomes_of_late_work_is_explained(site):
    steps = "steps: {lock: {to: his.lock}}, on_failure: {release: {to: his.unlock}}"
    route = f"routes: {{appointment.lock: {{{steps}, answer: {{within: 10s, late: undo}}}}}}"
    (site / "routes.yaml").write_text(route, encoding="utf-8")
    shown = run("explain", "appointment.lock", "--site", site).output
    assert "answered   after the last step, within 10s; what is done later is undone" in shown


def test_what_a_correction_does_is_explained(site):
    route = "routes: {bill: {from: his.bill, amends: {by: no, accepted: send}, to: his.pay, refused: park}}"
    (site / "routes.yaml").write_text(route, encoding="utf-8")
    shown = run("explain", "bill", "--site", site).output
    assert "amends     what has the same no and is not accepted; after that: sent as well" in shown


def test_a_route_is_explained_step_by_step(site):
    shown = run("explain", "result", "--site", site)
    assert shown.exit_code == 0
    assert "from       results.lab_result" in shown.output
    assert "store      to reports.save, at once" in shown.output
    assert "notify     to messages.send, after store, if state == final, tried for 12h, then park" in shown.output
    as_json = json.loads(run("explain", "result", "--site", site, "--json").output)
    assert list(as_json["steps"]) == ["store", "notify"]
    assert as_json["steps"]["notify"]["retry"] == {"for": "12h", "then": "park"}


def test_an_unknown_route_is_a_finding_with_the_nearest_name(site):
    shown = run("explain", "resutl", "--site", site)
    assert shown.exit_code == 1
    assert "did you mean 'result'?" in shown.output


def test_findings_as_json_have_their_places(site):
    (site / "routes.yaml").write_text("routes:\n  a.b: {too: c.d}\n", encoding="utf-8")
    shown = run("explain", "a.b", "--site", site, "--json")
    assert shown.exit_code == 1
    found = json.loads(shown.output)
    assert found["ok"] is False
    assert {"file": "routes.yaml", "line": 2, "column": 9, "what": "'too' is not known here"}.items() <= found[
        "findings"
    ][1].items()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["exlain"], 2),
        (["explain"], 2),
        (["explain", "--nonsense"], 2),
        (["describe", "planet"], 2),
        (["describe", "error", "IN_PROGRES"], 2),
        (["retry", "m1", "--site", "{site}"], 2),
        (["retry", "m1", "--reason", "  ", "--site", "{site}"], 2),
        (["retry", "m1", "--reason", "checked", "--site", "{site}"], 3),
        (["status", "--site", "{site}"], 3),
        (["explain", "--config", "--site", "{site}/config"], 3),
        (["explain", "--config", "--site", "{site}", "--env", "nowhere"], 1),
        (["describe", "error"], 0),
    ],
)
def test_exit_codes_of_the_real_program(site, arguments, code):
    program = "import sys; from engine.cli.main import main; sys.argv[0] = 'hisbus'; main()"
    filled = [argument.replace("{site}", str(site)) for argument in arguments]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HISBUS")}
    ended = subprocess.run(
        [sys.executable, "-c", program, *filled], cwd=ROOT, capture_output=True, env=clean, text=True, check=False
    )
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_mistyped_verb_gets_the_nearest_one():
    assert "did you mean 'explain'?" in run("exlain").output


def test_a_refusal_is_json_where_json_is_asked_for(site):
    shown = run("status", "--site", site, "--json")
    assert shown.exit_code == 3
    assert json.loads(shown.output)["error"]["what"] == "no bus is running at this site"


@pytest.mark.parametrize("kind", ["adapter", "function", "shape", "setting", "error"])
def test_everything_can_be_described_and_found_by_its_name(kind, site):
    listed = json.loads(run("describe", kind, "--site", site, "--json").output)
    assert listed
    for one in listed[:: max(1, len(listed) // 5)]:
        shown = run("describe", kind, one["name"], "--site", site)
        assert shown.exit_code == 0, shown.output
        assert one["name"] in shown.output
