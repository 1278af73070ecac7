"""What `docs/new-vendor.md` tells an integrator to type and to write works as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.flow.programs import clean_environment
from tests.flow.site import ROOT, copy_site
from tests.flow.vendors import PAGE, yaml_blocks

BLOCK = re.compile(r"^<!-- run(?:: ([^\n]*))? -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONNECT = "from pathlib import Path; from tests.flow.vendors import connect_neusoft; connect_neusoft(Path('site'))"


@pytest.fixture
def desk(tmp_path):
    """A folder with the vendor's WSDL and a site that does not know it yet."""
    site = copy_site(tmp_path / "site")
    (tmp_path / "acme.wsdl").write_bytes((site / "mappings/his/neusoft.wsdl").read_bytes())
    return tmp_path


def shell(desk, *lines):
    environment = {
        "HISBUS_SITE": "site",
        "HISBUS_ENV": "sandbox",
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(
        ["sh", "-c", "\n".join(["set -eux", f'connect() {{ {sys.executable} -c "{CONNECT}"; }}', *lines])],
        cwd=desk, env=clean_environment(environment), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_every_command_of_the_walk_through_runs(desk):
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == PAGE.read_text(encoding="utf-8").count("```sh"), "a command that nobody runs"
    done = shell(desk, *(line for before, commands in blocks for line in (before or ":", commands)))
    assert done.returncode == 0, f"the last command failed:\n{done.stderr[-3000:]}\n{done.stdout[-2000:]}"
    assert "64 of 64 examples as they say" in done.stdout
    assert "profile: his/neusoft" in (desk / "site/config/sandbox.yaml").read_text(encoding="utf-8")


def test_the_texts_of_the_walk_through_are_a_profile(desk):
    top, operation, _ = (yaml.safe_load(block) for block in yaml_blocks())
    head = {"profile": "his/acme", "adapter": "soap", "soap": {"wsdl": "neusoft.wsdl"}, "format": "xml"}
    (desk / "site/mappings/his/acme.yaml").write_text(
        yaml.safe_dump(head | top | operation, allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    done = shell(desk, "hisbus test his/acme")
    assert (done.returncode, "1 of 1 examples" in done.stdout) == (0, True), done.stdout + done.stderr


def test_no_adapter_and_no_engine_knows_the_vendor():
    code = [file for folder in ("engine", "adapters") for file in (ROOT / folder).rglob("*.py")]
    assert len(code) > 100
    assert [file for file in code if re.search("neusoft|asmx_|BookingService", file.read_text(encoding="utf-8"))] == []
