"""Nothing that patients tell applications lies readable on the bus's disk, in its log, its metrics or what it prints."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.flow.booking import Caller, booking, day, orders, person
from tests.flow.house import House
from tests.flow.site import eventually
from tests.flow.test_booking_journey import HERE
from tests.flow.test_nothing_readable import files, forms_of, run, written_by_people

NAMES = ("林小满", "欧阳一一", "赵六六")
MOBILES = ("13800005671", "13800005672", "13800005673")
GUARDIAN = {"name": "林大满", "idNo": "110101190003070010", "mobile": "13800005674", "relation": "父亲"}
REASON = "家中有事改期"
ADDRESS = "某某街道丁香巷17号"
KINDS = ("done_but_no_answer", "done_but_refused", "broken_xml", "wrong_charset", "soap_fault", "half_reply")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, set[str]]]:
    """A house after patients were entered, bound, booked, cancelled and refused, and what was said meanwhile."""
    with House(tmp_path_factory.mktemp("booked"), {"systems.his.breaker.after": "1000"}) as house:
        said = {REASON, ADDRESS, *NAMES, *MOBILES, *(GUARDIAN[name] for name in ("name", "mobile"))}
        caller = Caller(house)
        for name, mobile in zip(NAMES, MOBILES, strict=True):
            said |= lives(house, caller, name, mobile)
        said |= fails(house, caller)
        house.bus.kill()
        house.bus.start()
        caller.enter("钱多多", MOBILES[0])
        run(house, "list", "--limit", "200")
        run(house, "journal", "backup", str(house.site / "var/backup.db"))
        yield house, said | {"钱多多"}


def lives(house: House, caller: Caller, name: str, mobile: str) -> set[str]:
    """One patient's way, well and in trouble; gives what was told of him and to him."""
    someone = person(name, mobile) | {"detailAddress": ADDRESS, "guardian": GUARDIAN}
    patient = caller.did("POST", "/patients", someone)["patientId"]
    caller.did("POST", "/patients/search", {key: someone[key] for key in ("idType", "idNo", "name")})
    ticket = caller.did("POST", "/auth/sms", {"mobile": mobile, "scene": "bind"})["ticket"]
    (code,) = eventually(lambda: house.codes(mobile), 60.0, "the code has come")
    proof = caller.did("POST", "/auth/sms/verify", {"ticket": ticket, "code": code})["proofToken"]
    bind = {key: someone[key] for key in ("name", "idType", "idNo", "mobile")} | {
        "proofToken": proof,
        "relation": "本人",
    }
    caller.did("POST", f"/users/U{mobile}/patients", bind)
    grant = {"patientId": patient, "scope": "ems", "purpose": REASON}
    caller.did("POST", "/grants", grant)
    jump = {"partnerId": "demo-app", "target": "ems", "patientId": patient, "scope": "ems"}
    hand_off = caller.did("POST", "/handoffs", jump)["ticket"]
    caller.did("POST", "/handoffs/resolve", {"ticket": hand_off})
    booked = [caller.book(patient, caller.open(ahead))["appointmentId"] for ahead in (2, 3)]
    caller.did("POST", f"/appointments/{booked[0]}/cancel", {"reason": REASON})
    caller.ask("POST", f"/appointments/{booked[1]}/checkin", HERE)
    caller.did("GET", f"/patients/{patient}/appointments?from={day(0)}&to={day(9)}")
    return {someone["idNo"], proof, ticket, hand_off, f"U{mobile}"}


def fails(house: House, caller: Caller) -> set[str]:
    """What the HIS answers half, wrongly or never, and what nobody can read."""
    told: set[str] = set()
    for kind in KINDS:
        for trade in ("SavePatientCard", "GetPatInfo", "BookService"):
            house.fault(f"his.{trade}", kind, times=1)
        someone = person(NAMES[0], MOBILES[0])
        told.add(someone["idNo"])
        caller.ask("POST", "/patients", someone)
        caller.ask("POST", "/patients/search", {key: someone[key] for key in ("idType", "idNo", "name")})
        house.heal()
        patient = caller.enter(NAMES[1], MOBILES[1])
        lock = caller.lock(patient, caller.open(4))
        house.fault("his.BookService", kind, times=1)
        caller.ask("POST", "/appointments", booking(lock["lockId"], patient))
        house.heal()
    for path, body in (
        (f"/patients/{quote(NAMES[0])}", None),
        (f"/users/{quote(NAMES[0])}/patients", None),
        ("/patients/search", {"idType": NAMES[0], "idNo": MOBILES[0], NAMES[0]: MOBILES[0]}),
        ("/appointments/lock", {"patientId": NAMES[0], "scheduleId": MOBILES[0]}),
    ):
        status, _ = caller.ask("POST" if body else "GET", path, body)
        assert status >= 400
    house.quiet(60.0)
    return told


def sought(house: House, said: set[str]) -> dict[bytes, str]:
    """What patients told and were told, with the HIS's numbers of their bookings, in every form."""
    texts, every = written_by_people(house), orders(house)
    numbers = {number for order in every for number in (order["code"], order["lock_serial"]) if number}
    return forms_of(value for value in said | numbers if value not in texts)


def findings(house: House, said: set[str]) -> set[tuple[str, str]]:
    """(where, what) of everything that stands there and must not."""
    forms = sought(house, said)
    return {(name, value) for name, content in files(house).items() for form, value in forms.items() if form in content}


def test_the_search_would_find_it(told: tuple[House, set[str]]) -> None:
    """The HIS keeps what the bus must not."""
    house, said = told
    kept = b"".join(file.read_bytes() for file in house.hospital.folder.rglob("*") if file.is_file())
    assert len({value for form, value in sought(house, said).items() if form in kept}) > 20


def test_nothing_is_found(told: tuple[House, set[str]]) -> None:
    house, said = told
    assert findings(house, said) == set()


def test_nothing_is_found_when_the_bus_has_stopped(told: tuple[House, set[str]]) -> None:
    house, said = told
    assert house.bus.stop() == 0
    house.bus.start()
    assert findings(house, said) == set()
