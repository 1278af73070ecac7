"""reload, releases and rollback of a real bus in a process of its own, and SIGHUP."""

import signal
import time

import pytest
from test_running_bus import Site

PROFILE = "mappings/sms/http.yaml"


@pytest.fixture(scope="module")
def bus(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("released"), 9)
    site.run("journal", "init", "--make-key")
    process, _ = site.start()
    yield site, process
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert '"level": "error"' not in log


def change(site, old, new, name=PROFILE):
    file = site.folder / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_from_a_mistake_to_a_release_and_back(bus):
    site, process = bus
    first = site.json("status")["release"]
    change(site, "takes: note", "takes: nite")
    refused = site.run("reload", code=1)
    assert f"{PROFILE}:7:5" in refused.stdout
    assert "did you mean 'note'?" in refused.stdout
    assert site.json("status")["release"] == first
    change(site, "takes: nite", "takes: note")
    change(site, 'delivered: ["0"]', 'delivered: ["0", "00"]')
    change(site, "{after: 1000}", "{after: 999}", "config/default.yaml")
    done = site.json("reload", "--reason", "they answer 00 since today")
    assert done["renewed"] == ["sms"]
    assert done["release"] != done["before"]
    site.run("rollback", code=2)
    said = site.run("rollback", "--reason", "they answer 0 again").stdout
    assert f"release {first} is in force" in said
    assert f"on disk are other texts, those of release {done['release'][:12]}" in said
    left, kept = site.json("releases")
    assert (left["release"], left["in_force"]) == (done["release"], "")
    assert left["note"] == "on disk; left by rollback: they answer 0 again"
    assert (kept["release"][:12], kept["in_force"], kept["open"]) == (first, "bus", 0)
    assert kept["by"].startswith("rollback by ")

    change(site, '"0", "00"', '"0", "000"')
    process.send_signal(signal.SIGHUP)
    for _ in range(600):
        if (now := site.json("status"))["release"] != first:
            break
        time.sleep(0.1)
    assert now["release"] == now["on_disk"]
    site.run("releases", left["release"][:12], "--to", str(site.folder / "left"))
    assert '"0", "00"' in (site.folder / "left" / PROFILE).read_text(encoding="utf-8")
    site.run("releases", left["release"][:12], "--to", str(site.folder / "left"), code=3)
