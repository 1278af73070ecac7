"""What the bus writes is taken by a server that knows nothing of it: a re-send makes nothing twice, a correction updates."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import adapters
from engine.contract import Call, Limits, Link, Refused, Unavailable
from engine.formats.fhir import Fhir
from sandbox.faults import ANSWERING, FaultBoard
from sandbox.fhir.server import Repository
from sandbox.port import Port
from sandbox.store import Store

ADAPTER = adapters.load("fhir")
Save = Callable[[dict[str, Any]], Awaitable[list[dict[str, Any]]]]


def report(status: str = "final", value: str = "12.5", **patient: Any) -> dict[str, Any]:
    """What a map of a report builds."""
    identifier = {"system": "urn:h:patient", "value": "P|1, $x"}
    return {
        "Bundle": {"type": "transaction"},
        "Patient": {"@write": "create", "identifier": [identifier], "name": [{"text": "张三"}], **patient},
        "Observation": [
            {
                "identifier": [{"system": "urn:h:result", "value": f"R1.{code}"}],
                "status": status,
                "code": {"text": code},
                "subject": {"reference": "Patient"},
                "valueString": value,
            }
            for code in ("WBC", "CRP")
        ],
        "DiagnosticReport": {
            "identifier": [{"system": "urn:h:report", "value": "R1"}],
            "status": status,
            "code": {"text": "血常规"},
            "subject": {"reference": "Patient"},
            "result": [{"reference": "Observation"}],
        },
    }


class Server:
    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "hospital.db")
        self.faults = FaultBoard({"fhir": ("fhir", ANSWERING)}, 1)
        self.port = Port("fhir", "127.0.0.1", 0, self.store, self.faults)
        self.repository = Repository(self.store)

    def newest(self, kind: str) -> list[dict[str, Any]]:
        return [kept.shown() for kept in self.repository.shelf.all(kind)]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path)
    await made.port.start(made.repository.serve, made.repository.busy)
    yield made
    await made.port.stop()
    made.store.close()


@pytest.fixture
async def save(server: Server) -> AsyncIterator[Save]:
    url = f"http://127.0.0.1:{server.port.port}/fhir"
    limits = Limits(connect=20.0, total=60.0)
    assert ADAPTER.destination is not None
    client: Any = ADAPTER.destination(Link("fhir", ADAPTER.profile_options(), url=url, limits=limits))

    async def save(tree: dict[str, Any]) -> list[dict[str, Any]]:
        reply = await client.send(Call("save", ADAPTER.operation_options(), Fhir().render(tree), "t", 60.0))
        return [entry["response"] for entry in json.loads(reply.body)["entry"]]

    yield save
    await client.close()


async def test_a_report_is_taken_with_its_references(server: Server, save: Save) -> None:
    assert {one["status"] for one in await save(report())} == {"201 Created"}
    patient = server.newest("Patient")[0]
    observations = [f"Observation/{one['id']}" for one in server.newest("Observation")]
    kept = server.newest("DiagnosticReport")[0]
    assert kept["subject"] == {"reference": f"Patient/{patient['id']}"}
    assert [one["reference"] for one in kept["result"]] == observations


async def test_the_same_report_again_makes_nothing_and_changes_nothing(server: Server, save: Save) -> None:
    first = [one["etag"] for one in await save(report())]
    again = await save(report())
    assert [one["etag"] for one in again] == first
    assert {one["status"] for one in again} == {"200 OK"}
    assert [len(server.newest(kind)) for kind in ("Patient", "Observation", "DiagnosticReport")] == [1, 2, 1]


async def test_a_correction_updates_and_leaves_what_the_server_knows_of_the_patient(server: Server, save: Save) -> None:
    await save(report(gender="male"))
    await save(report(status="corrected", value="13.1"))
    assert [one["valueString"] for one in server.newest("Observation")] == ["13.1", "13.1"]
    assert [one["status"] for one in server.newest("DiagnosticReport")] == ["corrected"]
    assert server.newest("Patient")[0]["gender"] == "male"


async def test_what_is_withdrawn_is_marked(server: Server, save: Save) -> None:
    await save(report())
    await save(report(status="entered-in-error"))
    assert {one["status"] for one in server.newest("Observation")} == {"entered-in-error"}


async def test_a_refusal_names_the_standards_code_and_leaves_nothing(server: Server, save: Save) -> None:
    with pytest.raises(Refused, match="invariant"):
        await save(report(gender="male", birthDate="7.3.1900"))
    assert server.newest("Patient") == []


async def test_a_busy_server_is_unavailable(server: Server, save: Save) -> None:
    server.faults.add({"system": "fhir", "kind": "refusal", "times": 1})
    with pytest.raises(Unavailable, match="throttled"):
        await save(report())
    assert {one["status"] for one in await save(report())} == {"201 Created"}
