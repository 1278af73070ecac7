"""The bundle is made, installed in an empty folder where no package index can be reached, and started there; what is in
it is what was put there, and its papers name all of it.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.flow.programs import Around, Bus, clean_environment
from tests.flow.site import ROOT, SECRETS, eventually
from tests.peers.proxy import free_port

PATIENCE = 120
RESULT = (
    "MSH|^~\\&|LIS||HIP||20261120092600||ORU^R01|LIS0001|P|2.4||||||UNICODE UTF-8\r"
    "PID|1|P1|P1^^^H44&桃源院区||ZHANG^张三||19000307000000|M|||||^^^^^^13800001234\r"
    "PV1|1|O|^^^1001&Z内科||||||||||||||||V1\r"
    "ORC|RE|O1|R1||CM||||||||||||1001^内科\r"
    "OBR|1|O1|R1|CBC^血常规|||20261120083000||||||||静脉血|1001^^李医生||||||20261120092500||检验|F\r"
    "OBX|1|NM|WBC^白细胞||12.50|10\\S\\9/L|3.5-9.5|↑|||F\r"
)
GUIDE = ROOT / "docs/installation.md"
OPTIONS = "--no-service --prefix {folder}/opt --site {folder}/srv --secrets {folder}/srv/var/secrets --env sandbox"
NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
"""No package index: also where this machine names one in pip's settings."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """For this machine, without the clients of other databases; its portable Python is a way to this one."""
    folder = tmp_path_factory.mktemp("bundle")
    portable = tmp_path_factory.mktemp("python") / "python.tar.gz"
    with tarfile.open(portable, "w:gz") as archive:
        way = tarfile.TarInfo("python/bin/python3")
        way.type, way.linkname = tarfile.SYMTYPE, os.path.realpath(sys.executable)
        archive.addfile(way)
    command = [sys.executable, ROOT / "scripts/bundle.py", "--to", folder, "--extras", "", "--python", portable]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.strip()


def alone():
    """The beginning of a command that has no network, where the machine lets us make it so."""
    words = ["unshare", "--net", "--map-root-user"]
    able = (
        shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    )
    return words if able else []


def install(bundle, folder, *words):
    """`install.sh` in an empty folder, where no package index can be reached."""
    return run_apart([bundle / "install.sh", *OPTIONS.format(folder=folder).split(), *words])


def run_apart(command, **more):
    return subprocess.run(
        [*alone(), *command],
        env=clean_environment(NOWHERE), capture_output=True, text=True, timeout=PATIENCE, check=False, **more,
    )  # fmt: skip


def as_documented(bundle, folder):
    """The commands of the installation guide, where the archive lies; `sudo` puts everything below the folder."""
    (shown, *_) = re.findall(
        r"<!-- run -->\n```sh\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert "install.sh" in shown
    folder.mkdir()
    for file in bundle.parent.glob("*.tar.gz*"):
        (folder / file.name).symlink_to(file)
    return run_apart(["sh", "-euc", f'sudo() {{ "$@" {OPTIONS.format(folder=folder)}; }}\n{shown}'], cwd=folder)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_installs_without_an_index_starts_and_carries_a_message(bundle, tmp_path):
    place = tmp_path / "server"
    done = as_documented(bundle, place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(place.glob("opt/python/*/python/bin/python3")), "the bundle's own Python was taken"
    program, site = place / "opt/current/bin/hisbus", place / "srv"
    for name in SECRETS:
        (site / "var/secrets" / name).touch(mode=0o600)
        (site / "var/secrets" / name).write_text(hashlib.sha256(name.encode()).hexdigest(), encoding="ascii")
    bus = Bus(site, free_port(), free_port(), Around(), program=(str(program),))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE)
        bus.environment |= NOWHERE | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000"}
        _works(bus, program, tmp_path)
        assert [systemd.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]
    where = [program.with_name("python"), "-c", "import engine; print(engine.__file__)"]
    came_from = subprocess.run(where, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert came_from.startswith(str(tmp_path)), "the program is the installed one"
    _verify_unit(place / "opt/current/share/hisbus.service")
    again = install(bundle, place)
    assert "there already" in again.stdout
    assert again.returncode == 0


def _works(bus, program, tmp_path):
    """It starts, takes a result, stores it, and stops as it should."""
    (tmp_path / "result.hl7").write_text(RESULT, encoding="utf-8")

    def run(*words):
        command = [program, *words, "--site", bus.site, "--env", "sandbox"]
        return subprocess.run(
            command, env=bus.environment, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True
        ).stdout

    bus.begin()
    try:
        eventually(bus.ready, PATIENCE, "the installed bus accepts")
        assert "MSA|AA|LIS0001" in run("send", "results", tmp_path / "result.hl7")
        eventually(lambda: "reports delivered" in run("list"), PATIENCE, "the result is stored")
        assert bus.stop() == 0
    finally:
        bus.close()


def _verify_unit(unit):
    """As systemd reads it, where it is."""
    text = unit.read_text(encoding="utf-8")
    assert "@PREFIX@" not in text
    assert "@SITE@" not in text
    if shutil.which("systemd-analyze"):
        said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (0, "")


def test_a_damaged_bundle_and_a_wrong_interpreter_are_refused_before_anything_is_changed(bundle, tmp_path):
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy, copy_function=os.link)
    extra = copy / "wheels/more-1-py3-none-any.whl"
    extra.touch()
    assert "were not put there" in install(copy, tmp_path).stderr
    extra.unlink()
    routes = copy / "site/routes.yaml"
    routes.unlink()  # a link: the bundle's own file stays as it is
    routes.write_text("routes: {}\n", encoding="utf-8")
    assert "damaged" in install(copy, tmp_path).stderr
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    other.chmod(0o755)
    assert "wants Python" in install(bundle, tmp_path, "--python", other).stderr
    assert not (tmp_path / "opt").exists()
    assert not (tmp_path / "srv").exists()


def test_its_papers_name_every_package(bundle):
    wheels = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (bundle / "wheels").iterdir()}
    bill = json.loads((bundle / "sbom.cdx.json").read_text(encoding="utf-8"))  # held against its schema when it is made
    (python,) = (part for part in bill["components"] if part["type"] == "platform")
    assert python["hashes"][0]["content"] == hashlib.sha256((bundle / "python.tar.gz").read_bytes()).hexdigest()
    parts = [bill["metadata"]["component"], *(part for part in bill["components"] if part != python)]
    assert sorted(part["hashes"][0]["content"] for part in parts) == sorted(wheels.values())
    pinned = (bundle / "requirements.txt").read_text(encoding="utf-8")
    table = (bundle / "licences/README.md").read_text(encoding="utf-8")
    for part in parts:
        assert f"| {part['name']} | {part['version']} |" in table
        assert part["name"] == "pip" or f"{part['name']}=={part['version']} --hash=sha256:" in pinned
    assert (bundle / "licences/aiohttp").is_dir()
    needed = {entry["ref"]: entry.get("dependsOn", []) for entry in bill["dependencies"]}
    assert any(one.startswith("pkg:pypi/aiohttp@") for one in needed[bill["metadata"]["component"]["bom-ref"]])


def test_the_container_file_is_as_its_linter_wants_it():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "deploy/Containerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
