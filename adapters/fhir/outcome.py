"""What a server's answer proves. Of an OperationOutcome only codes of the standard are repeated, never its texts."""

import json
from collections.abc import Mapping
from typing import Any

from engine.contract import InDoubt, Refused, Reply, Unavailable

_CODES = frozenset({
    "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired", "forbidden",
    "suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found", "deleted", "too-long",
    "code-invalid", "extension", "too-costly", "business-rule", "conflict", "transient", "lock-error", "no-store",
    "exception", "timeout", "incomplete", "throttled",
})  # fmt: skip
"""Value set issue-type of FHIR R4, without `informational` and what is below it."""
NOT_DONE = frozenset({"transient", "lock-error", "no-store", "throttled"})
"""The server itself says that it did nothing and that the same may come again; transactions are done whole or not at
all. `timeout`, `incomplete`, `exception` do not say how far it got.
"""
_SEVERE = ("fatal", "error")


def judged(reply: Reply, answers: tuple[int, ...], unread: tuple[int, ...]) -> Reply:
    """The reply where the profile's `meaning` is to read it. Raises Unavailable, Refused or InDoubt for all else."""
    status = reply.status or 0
    if 200 <= status < 300 or status in answers:
        return reply
    code = issue(reply.body)
    if status in unread or code in NOT_DONE:
        raise Unavailable(code or f"http_{status}")
    if 400 <= status < 500:
        raise Refused(code or f"http_{status}", reply)
    raise InDoubt(code or f"http_{status}", reply)


def issue(body: bytes) -> str:
    """The code of the first severe issue of an OperationOutcome; empty for everything else."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, Mapping) or document.get("resourceType") != "OperationOutcome":
        return ""
    issues = document.get("issue")
    return next(filter(None, map(_severe, issues if isinstance(issues, list) else [])), "")


def _severe(entry: Any) -> str:
    if not isinstance(entry, Mapping) or entry.get("severity") not in _SEVERE:
        return ""
    code = entry.get("code")
    return code if isinstance(code, str) and code in _CODES else ""
