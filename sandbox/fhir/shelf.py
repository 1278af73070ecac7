"""Resources with all their versions, found by id or by identifier. Every resource is held against R4's models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from sandbox.fhir.words import No

if TYPE_CHECKING:
    from sandbox.store import Store

TYPES = (
    "Patient", "Encounter", "ServiceRequest", "Specimen", "Observation", "DiagnosticReport", "Practitioner",
    "Organization",
)  # fmt: skip
SCHEMA = """
create table if not exists fhir_versions (
  type text not null, id text not null, version integer not null, call integer not null, at text not null,
  content text not null, primary key (type, id, version));
create table if not exists fhir_tokens (
  type text not null, id text not null, system text not null, value text not null);
create index if not exists fhir_token on fhir_tokens (type, value);
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """One version of a resource; `state` says what the interaction did: 201 made, 200 is (perhaps changed)."""

    type: str
    id: str
    version: int
    at: str
    content: dict[str, Any]
    state: int = 200

    @property
    def location(self) -> str:
        return f"{self.type}/{self.id}/_history/{self.version}"

    def shown(self) -> dict[str, Any]:
        meta = {"versionId": str(self.version), "lastUpdated": self.at}
        return self.content | {"id": self.id, "meta": self.content.get("meta", {}) | meta}


class Shelf:
    """The tables of the server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.define(SCHEMA)

    def newest(self, kind: str, number: str) -> Kept | None:
        row = self._store.one(
            "select * from fhir_versions where type = ? and id = ? order by version desc limit 1", kind, number
        )
        return Kept(kind, number, row["version"], row["at"], json.loads(row["content"])) if row else None

    def all(self, kind: str) -> list[Kept]:
        """The newest version of every resource of a type, oldest resource first."""
        rows = self._store.all("select id from fhir_versions where type = ? and version = 1 order by rowid", kind)
        return [kept for row in rows if (kept := self.newest(kind, row["id"]))]

    def found(self, kind: str, query: str) -> list[Kept]:
        """What a search by identifier finds: `identifier=system|value`, the only one that there is here."""
        pairs = parse_qsl(query, keep_blank_values=True)
        if len(pairs) != 1 or pairs[0][0] != "identifier":
            raise No(400, "not-supported", "only a search by one identifier is supported")
        system, mark, value = _unescaped(pairs[0][1])
        if not mark or not system or not value:
            raise No(400, "invalid", "an identifier is searched for by system|value")
        rows = self._store.all(
            "select id from fhir_tokens where type = ? and system = ? and value = ?", kind, system, value
        )
        return [kept for row in rows if (kept := self.newest(kind, row["id"]))]

    def only(self, kind: str, query: str) -> Kept | None:
        """The one that a condition means; more than one is a refusal (R4 http.html#cond-update)."""
        found = self.found(kind, query)
        if len(found) > 1:
            raise No(412, "multiple-matches", f"{len(found)} resources {kind} match the condition")
        return found[0] if found else None

    def keep(self, kind: str, number: str, content: dict[str, Any], call: int, at: str) -> Kept:
        """A new resource, or a new version where something changed."""
        before = self.newest(kind, number)
        if before is not None and before.content == content:
            return before
        version = before.version + 1 if before else 1
        self._store.insert(
            "fhir_versions", type=kind, id=number, version=version, call=call, at=at,
            content=json.dumps(content, ensure_ascii=False),
        )  # fmt: skip
        self._store.run("delete from fhir_tokens where type = ? and id = ?", kind, number)
        identifiers = content.get("identifier", [])
        for one in identifiers if isinstance(identifiers, list) else [identifiers]:
            self._store.insert(
                "fhir_tokens", type=kind, id=number, system=one.get("system", ""), value=one.get("value", "")
            )
        return Kept(kind, number, version, at, content, 200 if before else 201)


def checked(content: Any, kind: str) -> dict[str, Any]:
    """A resource of that type, valid by R4's models."""
    if kind not in TYPES:
        raise No(404, "not-supported", f"resources {kind} are not kept here")
    if not isinstance(content, dict) or content.get("resourceType") != kind:
        raise No(400, "invalid", f"the resource is no {kind}")
    try:
        get_fhir_model_class(kind).model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        spot = ".".join(str(one) for one in (kind, *first["loc"]))
        raise No(422, "invariant", str(first["msg"]), spot) from error
    return {name: value for name, value in content.items() if name != "id"}


def _unescaped(token: str) -> tuple[str, str, str]:
    """(system, `|`, value) with the escapes of search values undone (R4 search.html#escaping)."""
    parts, place = [""], 0
    while place < len(token):
        if token[place] == "\\" and place + 1 < len(token):
            place += 1
            parts[-1] += token[place]
        elif token[place] == "|":
            parts.append("")
        else:
            parts[-1] += token[place]
        place += 1
    if len(parts) != 2:
        return parts[0], "", ""
    return parts[0], "|", parts[1]
