"""A site whose journal a former program left under load, killed with -9: the new program refuses it, is told by a person
to bring it forward, and goes on with everything in it, under the texts by which it was accepted.
"""

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from tests.flow.house import House
from tests.flow.programs import clean_environment
from tests.flow.site import ask_journal, eventually, journal_of
from tests.former import journals

PATIENCE = 60.0


def put_former(site):
    """As if it had been killed a moment ago: what is waited for is counted from then."""
    journals.put_sqlite(journal_of(site))
    shutil.copytree(journals.keys("sqlite"), journal_of(site).with_name("journal.db.keys"))
    (site / "var/secrets/journal_key").write_bytes(journals.MASTER)
    later = int(time.time() * 1e6) - journals.LEFT
    with closing(sqlite3.connect(journal_of(site))) as journal:
        journal.execute("update deliveries set due = due + ?1, first_due = first_due + ?1", (later,))
        journal.execute("update attempts set at = at + ?1, ended = ended + ?1", (later,))
        journal.commit()


def hisbus(site, *words):
    return subprocess.run(
        [Path(sys.executable).with_name("hisbus"), *words, "--site", site, "--env", "sandbox"],
        env=clean_environment({}), capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def open_states(site):
    rows = ask_journal(site, "select state, count(*) from deliveries where holds or state = 'parked' group by state")
    return dict(rows)


def test_a_new_program_takes_over_what_a_former_one_left(tmp_path):
    house = House(tmp_path / "house")
    put_former(house.site)
    refused = hisbus(house.site, "run")
    assert refused.returncode == 3
    assert "hisbus journal upgrade" in refused.stderr
    assert "hisbus journal upgrade" in hisbus(house.site, "list").stderr
    done = hisbus(house.site, "journal", "upgrade", tmp_path / "before.db")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("schema 1 to ")
    with house:
        eventually(lambda: open_states(house.site) == {"parked": 1}, PATIENCE, "all but what is a person's has ended")
        ended = ask_journal(house.site, "select distinct state from deliveries where state <> 'parked'")
        assert ended == [("delivered",)]
        report = house.publish(patient="0000000010")
        eventually(lambda: house.scenes(report) == ["REPORT_READY"], PATIENCE, "new reports go through")
    assert hisbus(house.site, "journal", "verify").stdout.startswith("sound: 12 messages")
