"""The night upload, once, on processes: every claim of `scripts/night`, and that nothing of a patient is in the log."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.flow.site import secret
from tests.night.night import night

PRIVATE = "select patient_id_no, patient_mobile from revisit union select patient_name, doctor_id_no from consultation"


def test_the_night_upload(tmp_path: Path) -> None:
    told: list[str] = []
    assert night(tmp_path, told.append) == [], "\n".join(told)
    log = (tmp_path / "site.log").read_text("utf-8")
    assert "delivery_parked" in log
    with closing(sqlite3.connect(tmp_path / "hospital/warehouse.db")) as warehouse:
        private = {word for row in warehouse.execute(PRIVATE) for word in row if word}
    assert len(private) > 10
    assert not [word for word in private | {secret(tmp_path / "site", "regulator_secret")} if word in log]
