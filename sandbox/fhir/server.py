"""The server behind the port: transactions, reading, searching by identifier; what is wrong gets its outcome."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.fhir import transaction
from sandbox.fhir.shelf import TYPES, Kept, Shelf
from sandbox.fhir.words import No, read
from sandbox.port import Asked, Reply

if TYPE_CHECKING:
    from sandbox.store import Store

BASE = "/fhir"
TYPE = "application/fhir+json"


class Repository:
    """What stands behind the port of the clinical data repository."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.shelf = Shelf(store)

    async def serve(self, asked: Asked) -> Reply:
        try:
            return self._serve(asked)
        except No as no:
            return _reply(no.status, no.outcome(), no.code, no.words)

    @staticmethod
    def busy(_asked: Asked) -> Reply:
        no = No(503, "throttled", "busy: nothing was done")
        return _reply(no.status, no.outcome(), no.code, no.words)

    def _serve(self, asked: Asked) -> Reply:
        path, _, query = asked.path.partition("?")
        if path != BASE and not path.startswith(f"{BASE}/"):
            raise No(404, "not-found", "the server is at /fhir")
        parts = path.removeprefix(BASE).strip("/").split("/")
        if asked.method == "POST" and parts == [""]:
            return self._transaction(asked)
        if asked.method != "GET":
            raise No(405, "not-supported", "what is written is written in transactions")
        if parts[0] not in TYPES or len(parts) > 2:
            raise No(404, "not-supported", "there is no such address")
        if len(parts) == 2:
            return self._read(*parts)
        found = [{"resource": kept.shown()} for kept in self.shelf.found(parts[0], query)]
        return _reply(200, {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": found}, "ok")

    def _transaction(self, asked: Asked) -> Reply:
        kind = asked.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind != TYPE:
            raise No(415, "structure", f"Content-Type is {TYPE}")
        bundle = read(asked.body)
        at = datetime.fromtimestamp(asked.now / times.SECOND, UTC).isoformat(timespec="milliseconds")
        with self._store.together():
            found = transaction.entries(bundle, self.shelf)
            made = transaction.write(found, self.shelf, self._number, asked.id, at)
        whole = "return=representation" in asked.headers.get("Prefer", "")
        answers = [_answer(kept, whole=whole) for kept in made]
        return _reply(200, {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}, "ok")

    def _read(self, kind: str, number: str) -> Reply:
        kept = self.shelf.newest(kind, number)
        if kept is None:
            raise No(404, "not-found", f"there is no such {kind}")
        reply = _reply(200, kept.shown(), "ok")
        reply.headers["ETag"] = f'W/"{kept.version}"'
        return reply

    def _number(self) -> str:
        return str(self._store.count("fhir"))


def _answer(kept: Kept, *, whole: bool) -> dict[str, Any]:
    status = HTTPStatus(kept.state)
    response = {
        "status": f"{status.value} {status.phrase}",
        "location": kept.location,
        "etag": f'W/"{kept.version}"',
        "lastModified": kept.at,
    }
    return {"response": response, "resource": kept.shown()} if whole else {"response": response}


def _reply(status: int, document: dict[str, Any], code: str, note: str = "") -> Reply:
    body = json.dumps(document, ensure_ascii=False).encode()
    return Reply(status=status, body=body, code=code, note=note, type=f"{TYPE}; charset=utf-8")
