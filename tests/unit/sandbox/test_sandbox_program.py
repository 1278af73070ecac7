"""The sandbox as a program: started, driven from the command line, killed, started again, stopped."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import cli

HERE = Path(__file__).resolve().parents[3]
SOURCES = sorted((HERE / "sandbox").rglob("*.py"))


class Program:
    def __init__(self, data: Path, *more: str) -> None:
        self.began = time.monotonic()
        words = ["-m", "sandbox", "--data", str(data), "--base-port", "0", "--bus-mllp", "127.0.0.1:9", *more]
        self.process = subprocess.Popen([sys.executable, *words], cwd=HERE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.lines: list[str] = []
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("ready"):
                break
        self.began = time.monotonic() - self.began
        self.url = self.lines[0].split()[0].rstrip("/")

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        code = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    if program.process.poll() is None:
        program.stop(signal.SIGKILL)


def run(program: Program, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, object]:
    code = cli.main(["--at", program.url, "--json", *words])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


def test_it_says_where_everything_is(program: Program) -> None:
    *pages, senders = [line.split("://")[0] for line in program.lines[:-1]]
    assert (set(pages), senders) == ({"http"}, "mllp")
    assert all(len(line.split(None, 1)) == 2 for line in program.lines[:-1]), "each address has something to try"
    assert program.began < 8


def test_the_command_line_reaches_the_warehouse_and_the_regulator(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    _, made = run(program, capsys, "warehouse", "add", "consultation", "--wrong", "long", "--day", "yesterday")
    assert run(program, capsys, "warehouse", "correct", made["id"])[1]["version"] == 2
    assert run(program, capsys, "warehouse", "correct", made["id"], "answered=0")[1]["changed"] == ["answered"]
    assert run(program, capsys, "warehouse", "load", "5", "--table", "consultation")[1]["added"] == 5
    newest = run(program, capsys, "warehouse", "rows", "consultation", "--day", "yesterday", "--limit", "6")[1]["rows"]
    assert newest[-1]["consultation_id"] == made["id"], "five came after it"
    assert len(run(program, capsys, "warehouse", "counts")[1]["rows"]) == 7
    (today,) = run(program, capsys, "regulator", "days")[1]["rows"]
    run(program, capsys, "regulator", "paint", today["day"], "green")
    assert run(program, capsys, "regulator", "days")[1]["rows"] == [{**today, "colour": "green"}]
    assert run(program, capsys, "regulator", "compare") == (0, {"summary": {}, "rows": []})
    assert run(program, capsys, "regulator", "records", "--name", "X")[1]["count"] == 0


def test_the_command_line_reaches_every_act(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    code, made = run(program, capsys, "publish", "lab", "--sender", "lis-main", "--preliminary")
    assert code == 0
    report = made["report"]
    assert made["status"] == "P"
    for act in ("final", "correct", "late-old-version", "withdraw", "resend"):
        assert run(program, capsys, act, report)[0] == 0, act
    assert run(program, capsys, "resend", report, "--new-id")[0] == 0
    assert run(program, capsys, "burst", "4", "--connections", "2", "--batch", "2")[1]["reports"] == 4
    assert run(program, capsys, "restart-numbering")[1]["next_control_id"] == "1"
    fault = run(program, capsys, "faults", "add", "gateway", "delay", "--amount", "3", "--times", "2")[1]
    assert run(program, capsys, "faults")[1]["active"] == [fault]
    assert run(program, capsys, "faults", "clear", str(fault["id"]))[1] == {"removed": 1}
    assert run(program, capsys, "patients", "--limit", "3")[1]["count"] == 3
    assert run(program, capsys, "reports", "--limit", "1")[1]["count"] == 1
    assert run(program, capsys, "ledger", "sent")[0] == 0
    assert run(program, capsys, "ledger", "gateway")[1]["count"] == 0
    code, compared = run(program, capsys, "compare")
    assert (code, set(compared["summary"])) == (0, {"optional"}), "nothing was acknowledged, nothing is missing"
    assert len(run(program, capsys, "health")[1]["senders"]) == 7
    assert run(program, capsys, "correct", "L0")[0] == 1
    assert cli.main(["--at", "http://127.0.0.1:9", "health"]) == 3
    assert cli.main(["--at", program.url, "patients", "--limit", "2"]) == 0
    assert "0000000002" in capsys.readouterr().out


def test_faults_are_listed_for_people(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--at", program.url, "faults", "add", "gateway", "silence"]) == 0
    capsys.readouterr()
    assert cli.main(["--at", program.url, "faults"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].split()[1:3] == ["gateway", "silence"]
    assert max(map(len, said)) < 180, "a line to read, not a dump"
    kinds = [line for line in said if line.startswith("  soap_fault")]
    assert len(kinds) == 2, "once for the HIS, once for all its trades"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(program: Program, number: int) -> None:
    assert program.stop(number) == 0


def test_killed_it_forgets_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = Program(tmp_path)
    _, made = run(first, capsys, "publish", "lab", "--sender", "lis-main")
    first.stop(signal.SIGKILL)
    second = Program(tmp_path)
    try:
        health = run(second, capsys, "health")[1]
        assert {s["name"]: s["waiting"] for s in health["senders"]}["lis-main"] == 1
        assert run(second, capsys, "reports", "--limit", "1")[1]["rows"][0]["id"] == made["report"]
        assert second.began < 4, "a town is built once"
    finally:
        assert second.stop(signal.SIGTERM) == 0


def test_its_secret_is_made_once_and_is_nobody_elses(program: Program, tmp_path: Path) -> None:
    secret = tmp_path / "gateway.secret"
    assert len(secret.read_text().strip()) == 64
    if os.name == "posix":
        assert secret.stat().st_mode & 0o077 == 0


def test_a_taken_port_is_said(program: Program, tmp_path: Path) -> None:
    port = program.url.rsplit(":", 1)[1]
    words = [sys.executable, "-m", "sandbox", "--data", str(tmp_path / "other"), "--base-port", port]
    done = subprocess.run(words, cwd=HERE, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 3
    assert "cannot start" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(HERE)))
def test_it_shares_no_code_with_the_bus(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {name.split(".")[0] for name in names} & {"engine", "adapters", "tests"}
