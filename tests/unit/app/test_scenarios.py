"""Scenarios: those of the repository hold, and one that does not says where and what."""

import json
import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.app.check import check
from engine.app.scenarios.loading import files_of, load
from engine.app.scenarios.player import play
from engine.base.ids import SystemIds
from engine.cli.main import main
from engine.cli.site import Adapters
from engine.delivery import send
from engine.delivery.decide import RetryAt
from engine.settings.problems import Problems

ROOT = Path(__file__).parents[3]
SECRETS = ("JOURNAL_KEY", "GATEWAY_SECRET", "DEMO_APP_SECRET", "NORTH_APP_SECRET", "REGULATOR_SECRET")
ENVIRON = {f"HISBUS_SECRET_{name}": "0123456789abcdef" * 2 for name in SECRETS}
SCENARIO = """\
scenario: a final result
at: 2026-11-20T09:30:00+08:00
events:
  - send:
      to: results
      message: |
        MSH|^~\\&|LIS||HIP||20261120093000||ORU^R01|LIS0001|P|2.4||||||UNICODE UTF-8
        PID|1|P1|||^张三||19000307|M|||||^^^^^^13800001234
        OBR|1|O1|R1|CBC^血常规||||||||||||||||||20261120092500||检验|F
        OBX|1|NM|WBC^白细胞||12.5|10\\S\\9/L|3.5-9.5|H|||F
    answer: {MSA-1: AA, MSA-2: LIS0001}
  - expect: reports.save
    with: {report_id: R1, state: final}
    reply: {count: 1}
  - expect: messages.send
    with: {params: {name: 张三}, msgId: $id}
    silence: true
  - nothing: messages
  - state: {store: delivered, notify: doubtful}
  - expect: fhir.save_report
    reply: {resourceType: Bundle, type: transaction-response}
  - advance: 61s
  - expect: messages.find
    address: {msgId: $id}
    reply: {code: "1404", msg: 消息不存在}
  - expect: messages.send
    with: {msgId: $id}
    reply: {code: "0", msg: 成功, data: {serialNo: GW1}}
  - state: {notify: delivered}
  - kept: {result: 1}
"""
FHIR = SCENARIO[SCENARIO.index("  - expect: fhir") : SCENARIO.index("  - advance")]


@pytest.fixture(scope="module")
def checked():
    problems = Problems()
    found = check(ROOT, "sandbox", ENVIRON, Adapters(), SystemIds(), problems)
    assert found is not None, [str(problem) for problem in problems]
    return found


@pytest.fixture
def loaded(tmp_path, checked):
    """The scenario with one piece of its text changed, and the findings."""

    def changed(old="", new="", text=SCENARIO):
        assert old in text
        (tmp_path / "x.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
        problems = Problems()
        return load(tmp_path / "x.yaml", tmp_path, checked, problems), [str(problem) for problem in problems]

    return changed


@pytest.fixture
def played(loaded, checked):
    """What differs when the changed scenario is played."""

    def differing(old="", new="", text=SCENARIO):
        scenario, findings = loaded(old, new, text)
        assert not findings
        return [str(one) for one in play(scenario, ROOT, checked, Adapters()).differences]

    return differing


@pytest.mark.parametrize("file", files_of(ROOT), ids=lambda file: file.stem)
def test_the_scenarios_of_the_repository(file, checked):
    problems = Problems()
    scenario = load(file, ROOT, checked, problems)
    assert scenario is not None, [str(problem) for problem in problems]
    assert [str(one) for one in play(scenario, ROOT, checked, Adapters()).differences] == []


def test_the_scenario_of_the_guide(played):
    guide = (ROOT / "docs/mapping.md").read_text(encoding="utf-8")
    assert played(text=re.search(r"```yaml\n(# yaml-language-server.*?)```", guide, re.DOTALL)[1]) == []


def test_it_holds_as_it_is_written(played):
    assert played() == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("MSA-1: AA", "MSA-1: AE", ["x.yaml:11:14: MSA-1: expected 'AE', got 'AA' (MSH|"]),
        ("state: final", "state: corrected", ["x.yaml:13:27: state: expected 'corrected', got 'final'"]),
        ("name: 张三", "name: 李四", ["x.yaml:16:12: params.name: expected '李四', got '张三'"]),
        ("name: 张三", "nome: 张三", ["x.yaml:16:12: params.nome: expected '张三', got None"]),
        ("expect: messages.send", "expect: messages.find", ["x.yaml:15:5: expected messages.find, got messages.send"]),
        (
            "  - expect: messages.send\n    with: {params",
            "  - expect: reports.save\n    with: {params",
            ["x.yaml:15:5: reports.save is not called (waiting: messages.send, fhir.save_report)"],
        ),
        ("advance: 61s", "advance: 1s", ["x.yaml:23:5: messages.find is not called (next at 2026-11-20 09:30:01.5"]),
        ("notify: doubtful", "notify: sending", ["x.yaml:19:31: result.notify: expected 'sending', got 'doubtful'"]),
        ("kept: {result: 1}", "kept: {refused: 1}", ["x.yaml:30:12: refused: expected 1, got 0", "result: expected 0"]),
        (
            "address: {msgId: $id}",
            "address: {msgId: $other, x: $id}",
            ["x.yaml:24:30: x: expected '$id', got nothing"],
        ),
        ("  - nothing: messages\n", "  - nothing: messages\n    # one line more\n", []),
    ],
)
def test_what_differs_is_said_with_its_place(played, old, new, says):
    found = played(old, new)
    assert len(found) == len(says)
    assert all(said in one for one, said in zip(found, says, strict=True)), found


def test_a_call_that_no_event_expects_is_a_difference(played):
    found = played(SCENARIO[SCENARIO.index("  - expect: messages.send") :], FHIR)
    assert found == ["x.yaml:1:1: messages.send waits, and no event expects it"]
    here = SCENARIO[: SCENARIO.index("  - expect: messages.send")] + FHIR + "  - nothing: [reports, messages]\n"
    assert played(text=here)[0] == "x.yaml:17:5: messages.send waits here"


def test_a_call_is_not_left_waiting_past_its_limit(played):
    here = SCENARIO[: SCENARIO.index("  - expect: reports.save")] + FHIR
    assert played(text=here + "  - advance: 9s\n")[-1].endswith("messages.send waits, and no event expects it")
    # Both reach it in the same instant: which is said first means nothing.
    assert sorted(played(text=here + "  - advance: 11s\n  - state: {notify: doubtful}\n")) == [
        f"x.yaml:14:5: {call} reached its limit unanswered (expect it before time moves on)"
        for call in ("messages.send", "reports.save")
    ]


def test_a_name_stands_for_the_same_value_everywhere(played):
    found = played("with: {params: {name: 张三}, msgId: $id}", "with: {mobile: $id}")
    assert [one.split(" got")[0] for one in found] == [
        "x.yaml:24:15: msgId: expected '13800001234',",
        "x.yaml:27:12: msgId: expected '13800001234',",
    ]


def test_both_answers_of_the_enhanced_mode(played):
    enhanced = SCENARIO.replace("2.4||||||UNICODE", "2.4|||AL|AL||UNICODE")
    answers = "answer: [{MSA-1: CA, MSH-9.1: ACK}, {MSA-1: AA}]"
    assert played("answer: {MSA-1: AA, MSA-2: LIS0001}", answers, enhanced) == []
    assert "x.yaml:11:5: expected one answer, got 2 answers" in played(text=enhanced)[0]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("scenario:", "scenaria:", "x.yaml:1:1: 'scenaria' is not known here (did you mean 'scenario'?)"),
        ("- send:", "- sent:", "x.yaml:4:5: 'sent' is no event (did you mean 'send'?)"),
        ("to: results", "to: result", "x.yaml:5:7: the system that sends 'result' is not known"),
        ("message: |", "massage: |", "x.yaml:6:7: 'massage' is not known here (did you mean 'message'?)"),
        ("to: results", "to: results\n      file: a.hl7", "one thing is sent (write message: or file:)"),
        ("MSA-1: AA", "MSA_1: AA", "x.yaml:11:14: 'MSA_1' is no HL7 path"),
        ("to: results", "to: results\n      charset: latin1", "x.yaml:7:7: this cannot be written in latin1"),
        ("to: results", "to: results\n      charset: utf8000", "x.yaml:6:7: 'utf8000' is no character set"),
        ("reports.save", "report.save", "x.yaml:12:5: the system 'report' is not known (did you mean 'reports'?)"),
        ("reports.save", "reports.safe", "the operation of reports 'safe' is not known (did you mean 'save'?)"),
        ("with: {report_id", "whith: {report_id", "x.yaml:13:5: 'whith' is not known here (did you mean 'with'?)"),
        ("params: {name: 张三}", "params.: 1", "x.yaml:16:12: 'params.' is no path"),
        ("reply: {count: 1}", "reply: {rowcount: 1}", "a database answers rows (write {count: 1} or"),
        ("silence: true", "silence: true\n    unavailable: true", "x.yaml:15:5: one thing becomes of a call"),
        ("    silence: true\n", "", "x.yaml:15:5: one thing becomes of a call (write reply:"),
        ("silence: true", "silence: false", "x.yaml:17:5: 'False' is no value of 'silence'"),
        ("nothing: messages", "nothing: message", "the system 'message' is not known (did you mean 'messages'?)"),
        ("advance: 61s", "advance: 61", "x.yaml:22:5: a duration needs its unit"),
        ("notify: doubtful", "notfy: doubtful", "the step 'notfy' is not known (did you mean 'notify'?)"),
        ("notify: doubtful", "notify: doubtfull", "'doubtfull' is no value of 'notify' (did you mean 'doubtful'?)"),
        ("kept: {result: 1}", "kept: {results: 1}", "the route 'results' is not known (did you mean 'result'?)"),
        ("09:30:00+08:00", "9.30", "x.yaml:2:1: '2026-11-20T9.30' is no instant"),
    ],
)
def test_what_is_not_there_is_a_finding(loaded, old, new, says):
    scenario, findings = loaded(old, new)
    assert scenario is None
    assert any(says in finding for finding in findings), findings


def test_all_findings_come_at_once(loaded):
    _, findings = loaded(text=SCENARIO.replace("reports.save", "reports.safe").replace("61s", "61"))
    assert len(findings) == 1, "what cannot be read at all comes first"
    _, findings = loaded(text=SCENARIO.replace("reports.save", "reports.safe").replace("notify:", "notfy:"))
    assert len(findings) == 3


def test_a_file_is_sent_as_it_is(loaded, played, tmp_path):
    message = SCENARIO[SCENARIO.index("      message") : SCENARIO.index("    answer")]
    text = SCENARIO.replace(message, "      file: result.hl7\n")
    assert "there is no file 'result.hl7' beside this text" in loaded(text=text)[1][0]
    lines = [line.strip() for line in message.splitlines()[1:]]
    (tmp_path / "result.hl7").write_bytes(("\r".join(lines) + "\r").encode())
    assert played(text=text) == []


def test_the_engine_that_is_played_is_the_real_one(played, monkeypatch):
    """An engine that sends again what is in doubt would fail: the scenario sees it at the first event that can."""
    real = send.decide

    def careless(facts, outcome):
        following = real(facts, outcome)
        return RetryAt(following.when) if hasattr(following, "when") else following

    monkeypatch.setattr(send, "decide", careless)
    assert played()[0] == "x.yaml:19:31: result.notify: expected 'doubtful', got 'ready'"


def test_a_day_passes_at_once_and_nothing_is_left_behind(played, checked, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    begun = time.process_time()
    assert played("  - kept: {result: 1}", "  - advance: 30d\n  - nothing: [reports, messages]") == []
    assert time.process_time() - begun < 60  # a second of work, and no waiting
    assert list((tmp_path / "temporary").iterdir()) == []


def test_two_plays_are_the_same(loaded, checked):
    scenario, _ = loaded("notify: delivered", "notify: parked")
    first, second = (play(scenario, ROOT, checked, Adapters()) for _ in range(2))
    assert first == second
    assert not first.fine


def test_a_backlog_of_hours_does_not_close_the_door(played):
    """The clock jumps: what is hours late at that instant is no overload. The two jumps let the bus look just then."""
    sent = SCENARIO[SCENARIO.index("  - send:") : SCENARIO.index("  - expect: reports")]
    again = sent.replace("LIS0001", "LIS0002").replace("R1|CBC", "R2|CBC").replace("P1", "P2")
    down = "  - expect: reports.save\n    {}\n"
    save, unavailable = down.format("reply: {count: 1}"), down.format("unavailable: true")
    tell = '  - expect: messages.send\n    reply: {code: "0", msg: 成功}\n'
    head = SCENARIO[: SCENARIO.index("  - send:")]
    text = (
        head
        + sent
        + unavailable
        + tell
        + FHIR
        + "  - advance: 600ms\n  - advance: 5h\n"
        + again
        + save * 2
        + tell
        + FHIR
    )
    assert played(text=text) == []


def run(*arguments):
    environ = {**ENVIRON, "HISBUS_SITE": str(ROOT), "HISBUS_ENV": "sandbox"}
    return CliRunner().invoke(main, ["test", *(str(one) for one in arguments)], env=environ)


def test_the_verb_plays_one_file(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    fine = run(file)
    assert (fine.exit_code, fine.stdout) == (0, "1 of 1 scenarios as they say\n")
    file.write_text(SCENARIO.replace("state: final", "state: corrected"), encoding="utf-8")
    differs = run(file)
    assert differs.exit_code == 1
    assert f"{file}:1:1: a final result\n    {file}:13:27: state: expected 'corrected', got 'final'" in differs.stdout
    told = json.loads(run(file, "--json").stdout)
    assert told["ok"] is False
    assert told["scenarios"][0]["differences"] == [
        {"file": str(file), "line": 13, "column": 27, "what": "state: expected 'corrected', got 'final'", "hint": ""}
    ]
    file.write_text(SCENARIO.replace("reply:", "replay:", 1), encoding="utf-8")
    found = json.loads(run(file, "--json").stdout)
    assert [one["hint"] for one in found["findings"]][:1] == ["did you mean 'reply'?"]


def test_the_verb_knows_profiles_files_and_folders():
    assert re.fullmatch(r"(\d+) of \1 examples as they say\n", run("gateway/message").stdout)
    assert run("tests/routes/message_refused.yaml").stdout == "1 of 1 scenarios as they say\n"
    unknown = run("tests/routes/message_refuse.yaml")
    assert unknown.exit_code == 2
    assert "did you mean 'tests/routes/message_refused.yaml'?" in unknown.stderr
