"""A real bus in a process of its own, and the verbs that act on it: every exit code is the program's."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = "import sys; sys.argv[0] = 'hisbus'; from engine.cli.main import main; main()"

TEXTS = {
    "routes.yaml": """
routes:
  result:
    from: lis.result
    key: no
    lane: patient.id
    steps:
      tell: {to: sms.send}
""",
    "mappings/shapes/note.yaml": """
shape: note
find: {patient: patient.id}
fields:
  no: {required: true}
  patient: {type: object, fields: {id: {required: true}}}
  text: text
""",
    "mappings/lis/oru.yaml": """
profile: lis/oru
adapter: mllp
format: hl7
incoming:
  result:
    match: MSH-9.1 == ORU
    gives: note
    read: {no: MSH-10, patient.id: PID-3.1, text: OBX-5}
    examples:
      - name: a value
        message: |
          MSH|^~\\&|LIS|H|BUS|H|20261120||ORU^R01|7|P|2.5
          PID|1||P7
          OBX|1|ST|a||fine
        gives: {no: "7", patient: {id: P7}, text: fine}
""",
    "mappings/sms/http.yaml": """
profile: sms/http
adapter: http
format: json
outgoing:
  send:
    takes: note
    effect: change
    http: {method: POST, path: /send}
    request: {id: no, text: text}
    meaning: {code: code, delivered: ["0"], refused: {"1": not_wanted}}
    examples:
      - name: a note
        given: {no: "7", patient: {id: P7}, text: fine}
        request: {id: "7", text: fine}
        reply: {code: "0"}
""",
}


class Gateway:
    """A peer that keeps a ledger, and says what the test wants."""

    def __init__(self):
        self.ledger = []
        self.says = "0"
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                gateway.ledger.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                answer = json.dumps({"code": gateway.says}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Site:
    """A site's folder, and the real program run on it."""

    def __init__(self, folder, gateway):
        self.folder = folder
        for name, text in TEXTS.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        self.configure(gateway)

    def configure(self, gateway):
        (self.folder / "config").mkdir(exist_ok=True)
        (self.folder / "config/default.yaml").write_text(
            "secrets: [{files: var/secrets}]\n"
            "systems:\n"
            "  lis: {profile: lis/oru, listen: '127.0.0.1:0'}\n"
            f"  sms: {{profile: sms/http, url: 'http://127.0.0.1:{gateway}', breaker: {{after: 1000}}}}\n",
            encoding="utf-8",
        )

    @property
    def environ(self):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("HISBUS")}
        return clean | {"HISBUS_SITE": str(self.folder)}

    def run(self, *arguments, code=0):
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode == code, f"{arguments}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        assert "Traceback" not in ended.stderr
        return ended

    def json(self, *arguments, code=0):
        return json.loads(self.run(*arguments, "--json", code=code).stdout)

    def start(self):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "run", "--json"],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said = ""
        while not said.endswith("}\n}\n"):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said += line
        return process, json.loads(said)["listeners"]

    def message(self, number, patient="P1"):
        file = self.folder / f"{number}.hl7"
        file.write_text(
            f"MSH|^~\\&|LIS|H|BUS|H|20261120||ORU^R01|{number}|P|2.5\nPID|1||{patient}\nOBX|1|ST|a||hello\n",
            encoding="utf-8",
        )
        return str(file)

    def sent(self, number, **more):
        self.run("send", "lis", self.message(number, **more))
        return self.json("list", "--limit", "1")[0]["id"]

    def state(self, message, wanted):
        """Waits until the only delivery of a message is as wanted."""
        for _ in range(100):
            step = self.json("trace", message)["steps"][0]
            if step["state"] == wanted:
                return step
            time.sleep(0.1)
        raise AssertionError(step)


@pytest.fixture(scope="module")
def gateway():
    gateway = Gateway()
    yield gateway
    gateway.server.shutdown()
    gateway.server.server_close()


@pytest.fixture
def fresh(tmp_path, gateway):
    """A site of its own, without a bus."""
    gateway.ledger.clear()
    gateway.says = "0"
    site = Site(tmp_path, gateway.port)
    site.run("journal", "init", "--make-key")
    return site


@pytest.fixture(scope="module")
def running(tmp_path_factory, gateway):
    """One bus for the tests that leave it as it was; its log must be without errors at the end."""
    site = Site(tmp_path_factory.mktemp("bus"), gateway.port)
    site.run("journal", "init", "--make-key")
    process, site.listeners = site.start()
    yield site
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    for line in log.splitlines():
        if line.startswith("{"):
            assert json.loads(line)["level"] != "error", line


@pytest.fixture
def site(running, gateway):
    gateway.ledger.clear()
    gateway.says = "0"
    return running


def test_the_key_is_private_and_never_replaced(fresh):
    key = fresh.folder / "var/secrets/journal_key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_text(encoding="utf-8")
    assert len(before) == 64
    assert "stays" in fresh.run("journal", "init", "--make-key").stderr
    assert key.read_text(encoding="utf-8") == before


def test_check_test_and_try_need_no_bus(fresh):
    assert fresh.json("check")["ok"] is True
    assert "2 of 2 examples" in fresh.run("test").stdout
    shown = fresh.json("try", "lis.result", fresh.message(5))
    assert {"target": "patient.id", "source": "PID-3.1", "value": "P1"} in shown["fields"]
    (fresh.folder / "note.json").write_text('{"no": "5", "patient": {"id": "P1"}}', encoding="utf-8")
    assert json.loads(fresh.json("try", "sms.send", str(fresh.folder / "note.json"))["result"]) == {"id": "5"}
    fresh.run("try", "sms.sennd", str(fresh.folder / "note.json"), code=2)


def test_an_example_that_is_not_so_is_named_with_its_field(fresh):
    file = fresh.folder / "mappings/sms/http.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace('"7", text: fine}\n        reply', '"8", text: fine}\n        reply'),
        "utf-8",
    )
    shown = fresh.run("test", "sms/http", code=1).stdout
    assert "mappings/sms/http.yaml:13:9" in shown
    assert "request.id: expected '8', got '7'" in shown


def test_what_check_refuses_run_refuses_with_the_same_words(fresh):
    file = fresh.folder / "routes.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("sms.send", "sms.sned"), encoding="utf-8")
    (fresh.folder / "var/secrets/journal_key").unlink()
    checked = fresh.run("check", code=1)
    assert "did you mean 'send'?" in checked.stdout
    assert "the secret 'journal_key' is nowhere" in checked.stdout
    ran = fresh.run("run", code=1)
    assert set(ran.stdout.splitlines()) <= set(checked.stdout.splitlines())


def test_a_message_is_sent_traced_and_exported(site, gateway):
    message = site.sent(1)
    site.state(message, "delivered")
    assert gateway.ledger == [{"id": "1", "text": "hello"}]
    traced = site.json("trace", message)
    assert traced["steps"] == [{"step": "tell", "system": "sms", "state": "delivered", "why": "", "code": ""}]
    assert [one["outcome"] for one in traced["attempts"]] == ["delivered"]
    assert "hello" not in json.dumps(traced)
    assert [line["id"] for line in site.json("list", "--find", "patient=P1")] == [message]
    assert site.json("list", "--find", "patient=P9") == []
    assert [line["id"] for line in site.json("list", "--state", "delivered", "--limit", "1")] == [message]
    exported = json.loads(site.run("journal", "export", message).stdout)
    assert "hello" in exported["raw"]
    assert site.json("status")["listeners"] == site.listeners


def test_acts_have_reasons_and_are_kept(site, gateway):
    gateway.says = "?"  # neither yes nor no: in doubt, and nothing to ask with, so a person decides
    message = site.sent(2, patient="P2")
    site.state(message, "parked")
    gateway.says = "0"
    site.run("retry", message, code=2)
    done = site.json("retry", message, "--reason", "the gateway has nothing of it", "--step", "tell")
    assert done["step"] == "tell"
    site.state(message, "delivered")
    assert len(gateway.ledger) == 2
    acts = site.json("trace", message)["acts"]
    assert [(act["verb"], act["reason"]) for act in acts] == [("retry", "the gateway has nothing of it")]
    refused = site.json("drop", message, "--reason", "too late", code=3)["error"]
    assert (refused["what"], refused["hint"]) == ("there is nothing to drop: tell is delivered", "STATE_CONFLICT")
    assert site.json("park", "nobody", "--reason", "x", code=3)["error"]["hint"] == "NOT_FOUND"


def test_drop_ends_a_delivery_for_good(site, gateway):
    gateway.says = "?"
    message = site.sent(3, patient="P3")
    site.state(message, "parked")
    assert site.json("drop", message, "--reason", "told by telephone")["state"] == "given_up"
    assert len(gateway.ledger) == 1


def test_settle_ends_a_delivery_as_they_have_it(site, gateway):
    gateway.says = "?"
    message = site.sent(9, patient="P3")
    site.state(message, "parked")
    site.run("settle", message, "--reason", "their page shows it", code=2)
    said = site.folder / "said.json"
    said.write_text('{"code": "1"}', encoding="utf-8")
    seen = ("settle", message, "--reason", "their page shows it", "--as", "delivered")
    assert "it means refused not_wanted" in site.json(*seen, "--reply", str(said), code=3)["error"]["what"]
    assert site.json(*seen)["state"] == "delivered"
    assert len(gateway.ledger) == 1
    traced = site.json("trace", message)
    assert [(act["verb"], act["reason"]) for act in traced["acts"]] == [("settle", "their page shows it")]
    assert [(one["n"], one["outcome"]) for one in traced["attempts"]] == [(1, "in_doubt"), (0, "delivered")]
    assert traced["steps"][0]["why"] == "settled"


def test_a_second_writer_is_refused_and_reading_goes_on(site):
    message = site.sent(4)
    site.state(message, "delivered")
    second = site.run("run", code=3)
    assert "is running" in second.stderr
    assert "is running" in site.run("journal", "init", code=3).stderr
    assert re.match(r"sound: [1-9]\d* messages", site.run("journal", "verify").stdout)
    assert set(site.json("journal", "prune")) >= {"bodies", "messages", "keys"}
    copied = site.json("journal", "backup", str(site.folder / "copy.db"), "--keys", str(site.folder / "copy.keys"))
    assert copied["new_keys"] >= 1
    site.run("journal", "backup", str(site.folder / "copy.db"), code=3)


def test_killed_and_started_again_it_goes_on(fresh, gateway):
    process, _ = fresh.start()
    message = fresh.sent(8)
    fresh.state(message, "delivered")
    process.kill()
    process.communicate()
    assert (fresh.folder / "var/control.sock").exists()
    process, _ = fresh.start()
    fresh.run("send", "lis", fresh.message(8))  # the same again: known, and not delivered twice
    assert fresh.json("list")[0]["id"] == message
    assert len(gateway.ledger) == 1
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    # reading and pruning need no bus
    fresh.run("status", code=3)
    assert fresh.json("trace", message)["id"] == message
    assert fresh.json("journal", "verify")["sound"] is True
    assert fresh.json("journal", "prune")["messages"] == 0
