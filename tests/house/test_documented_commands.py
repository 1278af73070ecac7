"""What `docs/operations.md` tells an operator to type, and both READMEs a newcomer, works as it stands; the guide names
all that the bus says.

A ```sh block is run when the line above it is `<!-- run -->` or `<!-- run: … -->`, whose words come first:
they make the state that the block is about. All run in one shell, in order. `test_command_blocks.py` sees to it that
no other block stands there without a reason.
"""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.base import metrics
from tests.flow.house import House
from tests.flow.programs import clean_environment
from tests.flow.site import ROOT

GUIDE = ROOT / "docs/operations.md"
INSTALLATION = ROOT / "docs/installation.md"
REGULATOR = ROOT / "docs/regulator.md"
VISIT = ROOT / "docs/sandbox-his.md"
BLOCK = re.compile(r"^<!-- run(?:: ([^\n]*))? -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE = 350
LEVELS = {"debug", "info", "warning", "error", "log"}


@pytest.fixture
def desk(tmp_path):
    """A shell's environment beside a running bus, and the folder it works in."""
    with House(tmp_path / "house", {"rules.checkin.before": "72h"}) as house:  # as the page about a visit wants it
        folder = tmp_path / "desk"
        (folder / "backup").mkdir(parents=True)
        yield (
            folder,
            clean_environment(
                {
                    **_settings(house),
                    "HISBUS_SITE": str(house.site),
                    "HISBUS_ENV": "sandbox",
                    "BUS": f"http://127.0.0.1:{house.bus.http}",
                    "BACKUP": str(folder / "backup"),
                    "SANDBOX_URL": house.hospital.page,
                    "PYTHONPATH": str(ROOT),
                    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                }
            ),
        )


def _settings(house):
    """The bus's own; but without the client that asks for what this site does not offer, as the check says."""
    return {name: value for name, value in house.bus.environment.items() if not name.endswith("__CLIENTS")}


@pytest.mark.timeout(400)
def test_every_command_of_the_operators_guide_runs(desk):
    """And those of the installation guide that a bus is for (tests/house/test_bundle.py has the first, which installs),
    and of the page about supervision platforms.
    """
    folder, environment = desk
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    assert len(blocks) >= 6, "the guide's blocks are not found any more"
    _, *beside_a_bus = BLOCK.findall(INSTALLATION.read_text(encoding="utf-8"))
    assert len(beside_a_bus) == 2
    another_province = BLOCK.findall(REGULATOR.read_text(encoding="utf-8"))
    assert len(another_province) == 1
    _run([*blocks, ("rm -rf $BACKUP/* $BACKUP-keys", ""), *beside_a_bus, *another_province], folder, environment)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_every_command_that_a_newcomer_is_shown_runs(desk, name):
    folder, environment = desk
    blocks = BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    assert len(blocks) == 2, "the README's blocks are not found any more"
    if name == "README.md":  # the visit goes on where it ends
        blocks += BLOCK.findall(VISIT.read_text(encoding="utf-8"))
        assert len(blocks) == 4
    said = _run([(before, _beside(commands)) for before, commands in blocks], folder, environment)
    assert '"state": "CANCELLED"' in said
    assert "REPORT_READY" in subprocess.run(
        [sys.executable, "-m", "sandbox.cli", "ledger", "gateway"],
        env=environment, capture_output=True, text=True, timeout=PATIENCE, check=True,
    ).stdout  # fmt: skip


def _beside(commands):
    """A README's commands, without the one that starts a bus of its own (tests/rush has it), and as patient as a person:
    what was sent a moment ago may be on its way.
    """
    shown = "\n".join(line for line in commands.splitlines() if not line.startswith("scripts/rush"))
    shown = re.sub(
        r"^scripts/sandbox compare.*$", "until scripts/sandbox compare; do sleep 0.2; done", shown, flags=re.MULTILINE
    )
    return shown.replace("scripts/hisbus", "hisbus").replace("scripts/sandbox", "sandbox")


def _run(blocks, folder, environment):
    """What the commands of all blocks said, run in one shell, in order; each must end well."""
    lines = ["set -eu", f'sandbox() {{ {sys.executable} -m sandbox.cli "$@"; }}']
    for before, commands in blocks:
        lines += [before or ":", "set -x", commands, "{ set +x; } 2>/dev/null"]
    done = subprocess.run(
        ["sh", "-c", "\n".join(lines)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"the last command failed:\n{done.stderr[-3000:]}\n{done.stdout[-2000:]}"
    return done.stdout


@pytest.mark.parametrize("name", [GUIDE.name, "operations.zh-CN.md"])
def test_the_guide_names_every_metric_and_every_event(name):
    guide = GUIDE.with_name(name).read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)(?:\{[\w,]*\})?`", guide))
    exported = {_exported(family) for family in metrics.REGISTRY.collect()}
    words = _event_words()
    events = {word for word in words if not word.endswith("_")}
    assert len(events) > 40
    assert exported <= named
    assert events <= named
    begun = tuple(word for word in words if word.endswith("_"))  # the rest is a state's name
    told = _rows(guide, "## Log", "## 日志")
    assert {word for word in told if word not in events and not word.startswith(begun)} == set()
    assert _rows(guide, "## Metrics", "## 指标与告警") == exported


def _rows(guide, *heads):
    """The words in the first column of the first table of a section."""
    section = next(part for head in heads for part in guide.split(f"{head}\n")[1:])
    table = re.search(r"^\|.*?\n\|-.*?\n((?:\|.*\n)+)", section, re.MULTILINE)
    return {word for line in table[1].splitlines() for word in re.findall(r"`(\w+)", line.split("|")[1])}


def _exported(family):
    return family.name + ("_total" if family.type == "counter" else "")


def _event_words():
    """The first words of all log calls of the engine, where they are written out, or their beginnings."""
    calls = (
        node
        for file in (ROOT / "engine").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS
        and ast.unparse(node.func.value) in {"_log", "get('library')"}
    )  # fmt: skip
    words = (word for call in calls for event in call.args for word in ast.walk(event))
    return {word.value for word in words if isinstance(word, ast.Constant)}
