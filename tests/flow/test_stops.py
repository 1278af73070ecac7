"""停诊 by every way it can come: pushed, pushed twice, found by asking when the push is lost; nothing is done twice."""

from collections.abc import Iterator

import pytest

from tests.flow.booking import Caller, orders
from tests.flow.house import House
from tests.flow.site import eventually


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose bus asks for stops every second."""
    house = House(tmp_path_factory.mktemp("stops"))
    routes = house.site / "routes.yaml"
    text = routes.read_text(encoding="utf-8")
    assert "schedule: {every: 3m, missed: run_once}" in text
    routes.write_text(text.replace("every: 3m", "every: 1s"), encoding="utf-8")
    with house:
        yield house


@pytest.fixture
def caller(clinic: House) -> Iterator[Caller]:
    yield Caller(clinic)
    clinic.heal()


def code(schedule: str) -> str:
    """The HIS's own id of a schedule."""
    return schedule.partition("_7E")[0].replace("_7C", "|")


def told(clinic: House, patient: str) -> list[str]:
    return [row["scene"] for row in clinic.look("/ledger/gateway", patient=patient, limit=5000)["rows"]]


def pushes(clinic: House) -> list[str]:
    return [row["state"] for row in clinic.look("/his/pushes")["rows"]]


def test_a_lost_push_is_made_up_for_by_asking(clinic: House, caller: Caller) -> None:
    clinic.fault("his-push", "down")
    patient, schedule = caller.enter("欧阳一"), caller.open(4)
    appointment = caller.book(patient, schedule)["appointmentId"]
    clinic.post("/his/stop", schedule=code(schedule), reason="医生外出")
    eventually(lambda: caller.state(appointment) == "CANCELLED", 60.0, "the bus has asked")
    assert pushes(clinic)[0] == "waiting"
    clinic.heal()
    eventually(lambda: pushes(clinic)[0] == "acked", 60.0, "the push comes after all")
    clinic.quiet(60.0)
    assert told(clinic, patient) == ["SCHEDULE_STOPPED"]
    assert [order["state"] for order in orders(clinic, patient=patient)] == ["cancelled"]


def test_a_push_that_comes_twice_is_done_once(clinic: House, caller: Caller) -> None:
    clinic.fault("his-push", "double")
    patient, schedule = caller.enter("欧阳二"), caller.open(5)
    appointment = caller.book(patient, schedule)["appointmentId"]
    clinic.post("/his/stop", schedule=code(schedule), reason="医生外出")
    eventually(lambda: caller.state(appointment) == "CANCELLED", 60.0, "it is cancelled")
    eventually(lambda: pushes(clinic)[0] == "acked", 60.0, "the push is acknowledged")
    clinic.quiet(60.0)
    assert told(clinic, patient) == ["SCHEDULE_STOPPED"]


def test_with_a_substitute_the_booking_stands(clinic: House, caller: Caller) -> None:
    patient, schedule = caller.enter("欧阳三"), caller.open(6)
    appointment = caller.book(patient, schedule)["appointmentId"]
    doctor = clinic.look("/his/schedules", department="1001", limit=50)["rows"]
    substitute = next(row["doctor"] for row in doctor if row["doctor"])
    clinic.post("/his/stop", schedule=code(schedule), reason="临时调班", replacement=substitute)
    eventually(lambda: told(clinic, patient) == ["SCHEDULE_REPLACED"], 60.0, "the patient is told")
    clinic.quiet(60.0)
    assert caller.state(appointment) == "BOOKED"
    assert told(clinic, patient) == ["SCHEDULE_REPLACED"]
