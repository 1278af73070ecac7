"""A site is lost with its disk, and comes back from two places: the journal's backup, and the keys'. What had gone out
since the backup does not go out again.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.flow.house import House
from tests.flow.kept import verified
from tests.flow.site import eventually, journal_of

PATIENCE = 60.0
PATIENT = "0000000007"


def hisbus(house, *words):
    done = subprocess.run(
        [Path(sys.executable).with_name("hisbus"), *words, "--site", house.site, "--env", "sandbox"],
        env=house.bus.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_lost_site_is_restored_and_nothing_goes_out_twice(tmp_path):
    journal, keys = tmp_path / "one/journal.db", tmp_path / "two/keys"
    journal.parent.mkdir()
    with House(tmp_path / "house") as house:
        done = house.publish(patient="0000000008")
        eventually(lambda: house.scenes(done) == ["REPORT_READY"], PATIENCE, "one is through before the backup")
        house.fault("gateway", "down")
        waiting = [house.publish(patient=PATIENT), house.publish(patient=PATIENT)]
        eventually(lambda: house.bus.open() == 2, PATIENCE, "two wait for the platform: one in line behind the other")
        hisbus(house, "journal", "backup", journal, "--keys", keys)
        house.heal()
        eventually(lambda: house.bus.open() == 0, PATIENCE, "they go out after the backup")

        house.bus.kill()
        for lost in (house.site / "var").glob("journal.db*"):
            shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        assert not journal_of(house.site).exists()
        hisbus(house, "journal", "restore", journal, "--keys", keys)
        found = verified(house.site)
        assert (found.sound, found.messages, found.gone) == (True, 3, 0), "nothing is unreadable: its keys are there"

        house.bus.start()
        eventually(lambda: house.bus.open() == 0, PATIENCE, "what was open in the backup comes to its end")
        assert [house.scenes(report) for report in (done, *waiting)] == [["REPORT_READY"]] * 3
        assert house.bus.said().count('"delivery_doubtful"') >= 2, "they were asked about"
        after = house.publish(patient=PATIENT)
        eventually(lambda: house.scenes(after) == ["REPORT_READY"], PATIENCE, "the restored site goes on")
        assert verified(house.site).sound
