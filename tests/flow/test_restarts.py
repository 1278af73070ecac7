"""The bus is stopped, killed and started again under load: nothing is lost and nobody is told twice."""

import time

import pytest

from tests.flow.house import House
from tests.flow.site import eventually

COUNT = 200


def under_load(house: House, sender: str) -> list[str]:
    """Many reports, of which the bus has some and its destinations fewer."""
    house.fault("gateway", "delay", amount=0.05)
    house.post("/burst", count=COUNT, connections=8, sender=sender)
    time.sleep(0.2)
    rows = house.look("/reports", sender=sender, limit=COUNT)["rows"]
    return [row["id"] for row in rows]


def unfinished(house: House, sender: str) -> int:
    """Messages that wait at the sender, and those that the bus has taken and not delivered."""
    (row,) = (one for one in house.look("/health")["senders"] if one["name"] == sender)
    return int(row["waiting"]) + house.bus.open()


@pytest.mark.parametrize("sender", ["lis-main", "pacs-lake"])
def test_a_graceful_stop_loses_nothing(house: House, sender: str) -> None:
    reports = under_load(house, sender)
    assert house.bus.stop() == 0
    assert unfinished(house, sender) > 0  # it was stopped in the middle
    house.bus.start()
    house.quiet()
    assert house.verdicts(*reports) == {"ok": COUNT}
    assert house.complaints() == set()


def test_a_kill_loses_nothing(house: House) -> None:
    reports = under_load(house, "lis-main")
    house.bus.kill()
    assert unfinished(house, "lis-main") > 0
    house.bus.start()
    time.sleep(0.1)
    house.bus.kill()
    house.bus.start()
    house.quiet()
    assert house.verdicts(*reports) == {"ok": COUNT}


def test_what_waits_for_a_system_that_is_down_outlives_the_bus(house: House) -> None:
    house.fault("gateway", "down")
    report = house.publish("exam")
    for _ in range(2):
        assert house.bus.stop() == 0
        house.bus.start()
    eventually(lambda: house.shown(report), what="the report is shown")
    assert house.scenes(report) == []
    house.heal()
    house.quiet()
    assert house.scenes(report) == ["REPORT_READY"]
