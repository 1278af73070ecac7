"""`send` and `call` against listeners that share no code with the bus."""

import hashlib
import hmac
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from engine.cli.main import main

SECRET = "an-invented-secret-for-the-demo-app"
PROFILE = """
profile: channel/app
adapter: http
contracts:
  base: /api/v1
  operations:
    report.lab.get:
      says: One laboratory report.
      method: GET
      path: /reports/lab/{reportId}
      scope: report.read
      effect: none
      request: {path: {reportId: report_id}, query: {lang: lang}}
      reply: {fields: {reportId: report_id}}
    report.mark:
      says: Marks a report as read.
      method: POST
      path: /reports/mark
      scope: report.read
      effect: change
      key: required
      request:
        body:
          reportId: report_id
          copies: {at: copies, type: integer}
          reader: {at: reader, type: object, fields: {name: {at: name, says: whoever reads}, tags: {at: tags, type: list}}}
      reply: {fields: {reportId: report_id}}
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "mappings/channel").mkdir(parents=True)
    (tmp_path / "mappings/results").mkdir()
    (tmp_path / "mappings/channel/app.yaml").write_text(PROFILE, encoding="utf-8")
    (tmp_path / "mappings/results/oru.yaml").write_text("profile: results/oru\nadapter: mllp\n", encoding="utf-8")

    def at(port):
        (tmp_path / "config/default.yaml").write_text(
            "systems:\n"
            f"  results: {{profile: results/oru, listen: '127.0.0.1:{port}'}}\n"
            f"  channel: {{profile: channel/app, listen: '127.0.0.1:{port}', clients: {{demo: {{secret: demo}}}}}}\n",
            encoding="utf-8",
        )
        return tmp_path

    return at


def run(*arguments):
    shown = CliRunner().invoke(main, [str(each) for each in arguments], env={"HISBUS_SECRET_DEMO": SECRET})
    assert "Traceback" not in shown.output
    return shown


@pytest.fixture
def mllp_peer():
    """Answers each frame with what the test says; keeps what it got."""
    listener = socket.create_server(("127.0.0.1", 0))
    got, answers = [], [b"MSH|^~\\&|BUS\rMSA|AA|1\r"]

    def serve():
        connection, _ = listener.accept()
        with connection:
            read = b""
            while b"\x1c\r" not in read:
                read += connection.recv(65536)
            got.append(read)
            for answer in answers:
                connection.sendall(b"\x0b" + answer[:5])  # in pieces, as networks do
                time.sleep(0.02)
                connection.sendall(answer[5:] + b"\x1c\r")
            connection.recv(1)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1], got, answers
    listener.close()


def test_a_file_is_sent_as_one_frame_and_the_acknowledgement_shown(site, mllp_peer, tmp_path):
    port, got, _ = mllp_peer
    (tmp_path / "oru.hl7").write_bytes(b"MSH|^~\\&|LIS\nPID|1\n")
    shown = run("send", "results", tmp_path / "oru.hl7", "--site", site(port), "--json")
    assert shown.exit_code == 0, shown.output
    assert got == [b"\x0bMSH|^~\\&|LIS\rPID|1\r\x1c\r"]
    assert json.loads(shown.stdout) == {"taken": True, "answers": ["MSH|^~\\&|BUS\rMSA|AA|1\r"]}


def test_a_refusal_is_exit_code_1_also_when_it_is_the_second_answer(site, mllp_peer, tmp_path):
    port, _, answers = mllp_peer
    answers.append(b"MSH|^~\\&|BUS\rMSA|AE|2\rERR|||207\r")
    (tmp_path / "oru.hl7").write_bytes(b"MSH|1\rMSH|2\r")
    shown = run("send", "results", tmp_path / "oru.hl7", "--site", site(port))
    assert shown.exit_code == 1
    assert "MSA|AA|1" in shown.stdout
    assert "MSA|AE|2" in shown.stdout


def test_nobody_there_is_exit_code_3(site, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (tmp_path / "oru.hl7").write_bytes(b"MSH|\r")
    shown = run("send", "results", tmp_path / "oru.hl7", "--site", site(port))
    assert shown.exit_code == 3
    assert f"127.0.0.1:{port} cannot be reached" in shown.output


def test_silence_ends_with_the_wait(site, mllp_peer, tmp_path):
    port, _, answers = mllp_peer
    answers.clear()
    (tmp_path / "oru.hl7").write_bytes(b"MSH|\r")
    shown = run("send", "results", tmp_path / "oru.hl7", "--site", site(port), "--wait", "0.3")
    assert shown.exit_code == 3
    assert "no answer within 0.3 s" in shown.output


@pytest.fixture
def http_peer():
    """Verifies the signature by the written rule, not by the bus's code."""
    calls = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            digest = hashlib.sha256(body).hexdigest()
            stamp, nonce = self.headers["X-Timestamp"], self.headers["X-Nonce"]
            signed = f"{self.command}\n{self.path}\n{stamp}\n{nonce}\n{digest}"
            right = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
            fine = hmac.compare_digest(right, self.headers["X-Signature"]) and abs(time.time() - int(stamp)) < 5
            calls.append((self.command, self.path, dict(self.headers), body))
            answer = json.dumps({"code": "OK" if fine else "SIGN_INVALID"}).encode()
            self.send_response(200 if fine else 401)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _answer  # noqa: N815 - http.server looks for these names

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], calls
    server.shutdown()
    server.server_close()


def test_a_call_is_signed_and_its_values_are_encoded(site, http_peer):
    port, calls = http_peer
    shown = run(
        "call", "report.lab.get", "reportId=R/1 二", "lang=zh", "--campus", "north", "--site", site(port), "--json"
    )
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout) == {"code": "OK"}
    method, path, headers, _ = calls[0]
    assert (method, path) == ("GET", "/api/v1/reports/lab/R%2F1%20%E4%BA%8C?lang=zh")
    assert headers["X-App-Id"] == "demo"
    assert headers["X-Campus"] == "north"


def test_a_change_carries_its_key_and_its_body(site, http_peer):
    port, calls = http_peer
    shown = run("call", "report.mark", "--body", '{"reportId": "R1"}', "--site", site(port))
    assert shown.exit_code == 0, shown.output
    _, _, headers, body = calls[0]
    assert json.loads(body) == {"reportId": "R1"}
    assert headers["Content-Type"] == "application/json"
    assert f"Idempotency-Key: {headers['Idempotency-Key']}" in shown.stderr


def test_a_body_is_made_of_values_too(site, http_peer):
    port, calls = http_peer
    values = ["reportId=R1", "copies=2", "reader.name=张三", 'reader.tags=["a"]']
    shown = run("call", "report.mark", *values, "--key", "key-00000001", "--site", site(port))
    assert shown.exit_code == 0, shown.output
    _, _, headers, body = calls[0]
    assert json.loads(body) == {"reportId": "R1", "copies": 2, "reader": {"name": "张三", "tags": ["a"]}}
    assert headers["Idempotency-Key"] == "key-00000001"


def test_what_can_be_called_is_described(site):
    shown = run("describe", "call", "report.mark", "--site", site(1))
    assert "POST /api/v1/reports/mark" in shown.output
    assert "body  reader.name" in shown.output
    assert "whoever reads" in shown.output
    listed = json.loads(run("describe", "call", "--site", site(1), "--json").stdout)
    assert [one["name"] for one in listed] == ["report.lab.get", "report.mark"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["report.mark", "copies=two"], "copies is of type integer"),
        (["report.mark", "reader.nam=x"], "did you mean 'reader.name'?"),
        (["report.mark", "copies=2", "--body", "{}"], "not both"),
        (["report.lab.gt"], "did you mean 'report.lab.get'?"),
        (["report.lab.get"], "give reportId=…"),
        (["report.lab.get", "reprtId=1"], "did you mean 'reportId'?"),
        (["report.lab.get", "reportId=1", "--as", "dem"], "did you mean 'demo'?"),
    ],
)
def test_wrong_usage_says_what_was_meant(site, arguments, says):
    shown = run("call", *arguments, "--site", site(1))
    assert shown.exit_code == 2
    assert says in shown.output
