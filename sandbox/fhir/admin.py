"""What port 9000 shows of the clinical data repository."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sandbox.fhir.compare import compare
from sandbox.fhir.shelf import TYPES

if TYPE_CHECKING:
    from sandbox.fhir.server import Repository
    from sandbox.store import Store


class Desk:
    """The looks at `/fhir/…`."""

    def __init__(self, repository: Repository, store: Store) -> None:
        self._shelf = repository.shelf
        self._store = store

    def counts(self, _wanted: dict[str, str]) -> dict[str, Any]:
        """How many resources there are of each type, how many versions they have, and in which status they are."""
        rows = []
        for kind in TYPES:
            kept = self._shelf.all(kind)
            statuses = Counter(str(one.content.get("status", "")) for one in kept)
            shown = ", ".join(f"{status or '-'} {count}" for status, count in sorted(statuses.items()))
            rows.append(
                {"type": kind, "resources": len(kept), "versions": sum(one.version for one in kept), "status": shown}
            )
        return {"count": len(rows), "rows": rows}

    def compare(self, wanted: dict[str, str]) -> dict[str, Any]:
        """Every report with a verdict; `verdict` picks."""
        found = compare(self._store, self._shelf)
        if verdict := wanted.get("verdict"):
            found["rows"] = [row for row in found["rows"] if row["verdict"] == verdict]
        return found
