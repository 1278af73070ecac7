"""A message on its way to the FHIR server: read by the profile of the senders, built by that of the repository."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from mapping_desk import NOW, ZONE

import adapters
from engine.base.errors import BusError
from engine.formats.format import Hints
from engine.formats.hl7 import Hl7
from engine.mapping.library import Library, load_texts
from engine.model import Context
from engine.settings.problems import Problems

MAPPINGS = Path(__file__).parents[3] / "mappings"
ROOT = "http://hospital.example/id"
CONTEXT = Context(received=NOW, now=NOW, values={"token": "t1", "campus": "main", "root": ROOT})


@cache
def library() -> Library:
    """The two profiles with their shapes and tables."""
    files = [MAPPINGS / "results/oru.yaml", MAPPINGS / "fhir/r4.yaml", MAPPINGS / "between/report_version.yaml"]
    files += [*MAPPINGS.glob("shapes/*.yaml"), *MAPPINGS.glob("tables/*.yaml")]
    texts = {file.relative_to(MAPPINGS).as_posix(): file.read_bytes() for file in files}
    problems = Problems()
    found = load_texts(texts, {name: adapters.load(name) for name in ("mllp", "fhir")}, problems, ZONE)
    assert not problems, list(map(str, problems))
    return found


def report(message: bytes) -> dict[str, Any]:
    """The message as our document. Raises BusError as a refusal would."""
    return dict(library().profiles["results/oru"].incoming["result"].read(Hl7().parse(message, Hints()), CONTEXT))


def bundle(document: dict[str, Any], newest: dict[str, Any] | None = None) -> dict[str, Any]:
    """What goes to the server; `newest` is what the route's step of that name was answered."""
    reply = {"newest": True} if newest is None else newest
    save = library().profiles["fhir/r4"].outgoing["save_report"]
    body = save.build({**document, "newest": {"reply": reply}}, CONTEXT).body
    assert isinstance(body, bytes)
    made: dict[str, Any] = json.loads(body)
    return made


def resources(made: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Those of one type."""
    return [entry["resource"] for entry in made["entry"] if entry["resource"]["resourceType"] == kind]


__all__ = ["BusError", "bundle", "library", "report", "resources"]
