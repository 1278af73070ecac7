"""What a patient does by an application, in the words of the unified API; and what the HIS knows of it."""

import secrets
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from tests.flow.house import House
from tests.flow.site import eventually

CLINIC = "1001"
_ZONE = ZoneInfo("Asia/Shanghai")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_number = count(250)


def identity_number(born: str = "19090909") -> str:
    """An identity number of nobody (a woman's), another one each time."""
    body = f"110101{born}{2 * next(_number) % 1000:03d}"
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]


def day(ahead: int) -> str:
    """A day from today, on the hospital's wall."""
    return (datetime.now(_ZONE).date() + timedelta(days=ahead)).isoformat()


class Caller:
    """The demo application at one house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._app = house.app()

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and envelope. A POST or PATCH without a key of its own gets a new one."""
        if key is None and method in ("POST", "PATCH"):
            key = secrets.token_hex(12)
        return self._app.call(method, f"/api/v1{path}", body, key=key)

    def did(self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Any:
        """The data of what was done or found."""
        status, said = self.ask(method, path, body, key)
        assert status == 200, (method, path, status, said)
        return said["data"]

    def refused(self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> str:
        """The code of what was not."""
        status, said = self.ask(method, path, body, key)
        assert status >= 400, (method, path, status, said)
        return str(said["code"])

    def enter(self, name: str = "林小满", mobile: str = "13800001234") -> str:
        """A new patient with everything that a booking asks for; gives his number."""
        made = self.did("POST", "/patients", person(name, mobile))
        return str(made["patientId"])

    def open(self, ahead: int, total: int = 24, **more: Any) -> str:
        """One more schedule of the clinic, so many days from now; gives its id as the API names it."""
        opened = self.house.post("/his/schedules", department=CLINIC, day=day(ahead), total=total, **more)
        return f"{safe(opened['schedule'])}_7E{opened['day']}"

    def lock(self, patient: str, schedule: str) -> Any:
        """A number of the first half hour with one free."""
        slots = self.did("GET", f"/schedules/{schedule}/slots")
        slot = next(one["slotId"] for one in slots if one["remain"])
        return self.did("POST", "/appointments/lock", {"patientId": patient, "scheduleId": schedule, "slotId": slot})

    def book(self, patient: str, schedule: str) -> Any:
        lock = self.lock(patient, schedule)
        return self.did("POST", "/appointments", booking(lock["lockId"], patient))

    def state(self, appointment: str) -> str:
        return str(self.did("POST", f"/appointments/{appointment}/recheck")["hisState"])


def person(name: str, mobile: str) -> dict[str, Any]:
    return {
        "name": name, "idType": "ID_CARD", "idNo": identity_number(), "sex": "F", "birthDate": "1909-09-09",
        "mobile": mobile, "nationality": "156", "ethnicity": "01", "currentAddress": "广东省深圳市福田区",
        "detailAddress": "某路1号",
    }  # fmt: skip


def booking(lock: str, patient: str) -> dict[str, str]:
    return {"lockId": lock, "patientId": patient, "payType": "SELF", "visitType": "BOOKING"}


def safe(code: str) -> str:
    """An id of the HIS as it stands in our URLs."""
    return code.replace("|", "_7C")


def orders(house: House, **wanted: str) -> list[dict[str, Any]]:
    """What the HIS's own ledger has, newest first."""
    rows: list[dict[str, Any]] = house.look("/his/orders", limit="5000", **wanted)["rows"]
    return rows


def becomes(caller: Caller, appointment: str, state: str) -> None:
    eventually(lambda: caller.state(appointment) == state, 60.0, f"{appointment} becomes {state}")
