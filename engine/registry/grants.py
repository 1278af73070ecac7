"""Grants and consents (授权、知情同意): what a patient allows, for what, until when, and the evidence of it.

Catalog: grant.create, grant.revoke, consent.sign; the law wants version, time, channel and withdrawal kept
(security-and-compliance §3).
"""

import hashlib
from datetime import datetime
from typing import Any

import orjson

from engine.base.clock import to_micros
from engine.base.errors import Code
from engine.model import Effect, Shape
from engine.registry.look import Look
from engine.registry.operation import Asked, Operation, Refusal

_GRANT = "grant"
_LATEST = "grant_of"
"""The last grant of a patient for one scope and one version of a text."""
_ASKED = ("patient_id", "scope", "purpose", "valid_to", "template_id", "template_version", "signed_at", "channel")
_TOLD = ("grant_id", "valid_to", "evidence_hash")
_SAME = ("purpose", "valid_to", "channel")


async def grant(asked: Asked, look: Look) -> Shape:
    """Keeps a grant. One that stands already, for the same and until the same day, is given again."""
    place = _place(asked, asked.document)
    latest = await look.one(_LATEST, place)
    before = await look.one(_GRANT, latest["grant_id"]) if latest else None
    if before and stands(before, asked.now) and all(before.get(key) == asked.text(key) for key in _SAME):
        return before
    made = {name: value for name in _ASKED if (value := asked.text(name)) is not None}
    made = {"signed_at": asked.instant(asked.now), **made}
    made |= {"grant_id": asked.ids.message(), "granted_at": asked.instant(asked.now)}
    made["evidence_hash"] = evidence(made)
    ends = _ends(made)
    until = None if ends is None else max(ends, asked.now) + asked.after(asked.registry.ended) - asked.now
    look.write(_GRANT, made["grant_id"], made, owner=asked.here(made["patient_id"]), until=until)
    look.write(_LATEST, place, {"grant_id": made["grant_id"]}, until=until)
    return made


async def revoke(asked: Asked, look: Look) -> Shape | Refusal:
    """Ends a grant; one that has ended so stays as it is."""
    patient = asked.text("patient_id")
    found = await look.one(_GRANT, asked.document["grant_id"])
    if found is None or patient not in (None, found["patient_id"]):
        return Refusal(Code.NOT_FOUND, "grant_id")
    if "revoked_at" in found:
        return found
    ended = {**found, "revoked_at": asked.instant(asked.now)}
    until = asked.after(asked.registry.ended)
    look.write(_GRANT, found["grant_id"], ended, owner=asked.here(found["patient_id"]), until=until)
    return ended


async def granted(asked: Asked, look: Look) -> Shape:
    """Whether a grant stands, and the one that stands longest."""
    found = await standing(asked, look, asked.document["patient_id"], asked.document["scope"])
    kept = [
        one
        for one in found
        if all(asked.text(key) in (None, one.get(key)) for key in ("template_id", "template_version"))
    ]
    if not kept:
        return {"granted": False}
    best = max(kept, key=lambda one: _ends(one) or float("inf"))
    return {"granted": True} | {name: best[name] for name in _TOLD if name in best}


async def require_grant(asked: Asked, look: Look) -> Shape | Refusal:
    """The same, refused where none stands."""
    found = await granted(asked, look)
    return found if found["granted"] else Refusal(Code.CONSENT_REQUIRED, "scope")


async def standing(asked: Asked, look: Look, patient: str, scope: str) -> list[dict[str, Any]]:
    """A patient's grants for a scope that stand now."""
    found = await look.of(_GRANT, asked.here(patient))
    return [one for one in found if one["scope"] == scope and stands(one, asked.now)]


def stands(one: dict[str, Any], now: int) -> bool:
    """Whether a grant is neither revoked nor over."""
    ends = _ends(one)
    return "revoked_at" not in one and (ends is None or ends > now)


def evidence(one: dict[str, Any]) -> str:
    """SHA-256 of what was granted: JSON, keys in order, without the hash itself and a later end."""
    told = {name: value for name, value in one.items() if name not in ("evidence_hash", "revoked_at")}
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _ends(one: dict[str, Any]) -> int | None:
    valid_to = one.get("valid_to")
    return None if valid_to is None else to_micros(datetime.fromisoformat(valid_to))


def _place(asked: Asked, one: Any) -> str:
    return asked.here(one["patient_id"], one["scope"], one.get("template_id"), one.get("template_version"))


OPERATIONS = (
    Operation("grant", "Keeps a grant (授权) or a consent (知情同意).", "grant_try", "grant", Effect.CHANGE, grant),
    Operation("revoke", "Ends a grant (撤销授权).", "grant_ref", "grant", Effect.CHANGE, revoke, (Code.NOT_FOUND,)),
    Operation("granted", "Whether a patient allows something.", "grant_query", "granted", Effect.NONE, granted),
    Operation(
        "require_grant",
        "The same, refused where he does not.",
        "grant_query",
        "granted",
        Effect.NONE,
        require_grant,
        (Code.CONSENT_REQUIRED,),
    ),
)
