"""What the server says no with: a status, a code of value set issue-type, and words for people."""

from __future__ import annotations

import json
from typing import Any


class No(Exception):
    """A refusal of the whole interaction: nothing of it was done."""

    def __init__(self, status: int, code: str, words: str, expression: str = "") -> None:
        super().__init__(words)
        self.status, self.code, self.words, self.expression = status, code, words, expression

    def outcome(self) -> dict[str, Any]:
        """As an OperationOutcome."""
        issue: dict[str, Any] = {"severity": "error", "code": self.code, "diagnostics": self.words}
        if self.expression:
            issue["expression"] = [self.expression]
        return {"resourceType": "OperationOutcome", "issue": [issue]}


def read(body: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8, in which no name stands twice."""
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_once)
    except ValueError as error:
        raise No(400, "structure", "the body is no JSON in UTF-8, or a name stands twice in it") from error
    if not isinstance(found, dict):
        raise No(400, "structure", "the body is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found
