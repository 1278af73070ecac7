"""Bindings (绑定就诊人): which patients a user of the channels has.

A user is one of an application's: the same id at two applications is two users. Two records decide a binding, so that
both limits hold whoever binds at the same moment: what a user has, and who has a patient. A third is the evidence and
outlives the binding. Catalog: patient.bind, patient.unbind, patient.list.
"""

from typing import Any

from engine.base.errors import Code
from engine.model import Effect, Shape
from engine.registry import proofs
from engine.registry.look import Look
from engine.registry.operation import Asked, Operation, Refusal

_OF_USER = "bindings_of_user"
_OF_PATIENT = "users_of_patient"
_BINDING = "binding"
_KEPT = ("name", "card_no", "card_type", "mobile", "relation")


async def bind(asked: Asked, look: Look) -> Shape | Refusal:
    """Binds a patient. A patient who is bound already stays as he is bound."""
    user, patient = asked.document["user_id"], asked.document["patient_id"]
    mine = await _items(look, _OF_USER, asked.here(*_whose(asked).values()))
    if (known := _named(mine, "patient_id", patient)) is not None:
        return {"bound": True, "user_id": user, **known}
    theirs = await _items(look, _OF_PATIENT, asked.here(patient))
    limits, token = asked.registry.binding, asked.text("proof_token")
    if limits.proof and await proofs.found(look, token, "bind", asked.text("mobile")) is None:
        return Refusal(Code.SMS_CODE_INVALID, "proof_token")
    if limits.proof and limits.mobile == "on_file" and not _is_his(asked):
        return Refusal(Code.SMS_CODE_INVALID, "mobile: the hospital has another number for this patient")
    if len(mine) >= limits.per_user:
        return Refusal(Code.BIND_LIMIT, "per_user")
    if len(theirs) >= limits.per_patient:
        return Refusal(Code.BIND_LIMIT, "per_patient")
    made = _made(asked, first=not mine)
    if made["is_default"]:
        mine = [{**item, "is_default": False} for item in mine]
    if limits.proof and token is not None:
        look.erase(proofs.PROOF, token)
    _keep(look, _OF_USER, asked.here(*_whose(asked).values()), [*mine, made])
    _keep(look, _OF_PATIENT, asked.here(patient), [*theirs, _whose(asked)])
    look.write(_BINDING, made["binding_id"], {"user_id": user, **made}, owner=asked.here(patient))
    return {"bound": True, "user_id": user, **made}


def _is_his(asked: Asked) -> bool:
    """Whether the proven number is the one that the hospital has; where it has none, any is."""
    on_file = asked.text("mobile_on_file")
    return on_file is None or on_file == asked.text("mobile")


async def unbind(asked: Asked, look: Look) -> Shape | Refusal:
    """Ends a binding. Where it was the default, the oldest of the others is it now."""
    user, patient = asked.document["user_id"], asked.document["patient_id"]
    mine = await _items(look, _OF_USER, asked.here(*_whose(asked).values()))
    known = _named(mine, "patient_id", patient)
    if known is None:
        return Refusal(Code.NOT_FOUND, "not_bound")
    theirs = await _items(look, _OF_PATIENT, asked.here(patient))
    await look.one(_BINDING, known["binding_id"])
    left = [item for item in mine if item is not known]
    if known["is_default"] and left:
        left[0] = {**left[0], "is_default": True}
    ended = {**known, "unbound_at": asked.instant(asked.now)}
    _keep(look, _OF_USER, asked.here(*_whose(asked).values()), left)
    _keep(look, _OF_PATIENT, asked.here(patient), [item for item in theirs if item != _whose(asked)])
    until = asked.after(asked.registry.ended)
    look.write(_BINDING, known["binding_id"], {"user_id": user, **ended}, owner=asked.here(patient), until=until)
    return {**ended, "bound": False, "user_id": user}


async def bindings(asked: Asked, look: Look) -> Shape:
    """A user's patients, the default first."""
    user = asked.document["user_id"]
    mine = await _items(look, _OF_USER, asked.here(*_whose(asked).values()))
    return {"user_id": user, "items": sorted(mine, key=lambda item: not item["is_default"])}


async def binding(asked: Asked, look: Look) -> Shape:
    """Whether a patient is bound to a user, and how."""
    user = asked.document["user_id"]
    mine = await _items(look, _OF_USER, asked.here(*_whose(asked).values()))
    known = _named(mine, "patient_id", asked.document["patient_id"])
    return {"bound": False} if known is None else {"bound": True, "user_id": user, **known}


async def require_binding(asked: Asked, look: Look) -> Shape | Refusal:
    """The same, refused where there is no binding: nobody acts for a patient who is not his."""
    found = await binding(asked, look)
    return found if found["bound"] else Refusal(Code.PERMISSION_DENIED, "not_bound")


def _whose(asked: Asked) -> dict[str, str]:
    return {"client": asked.text("client") or "", "user_id": asked.document["user_id"]}


async def _items(look: Look, kind: str, key: str) -> list[dict[str, Any]]:
    return list((await look.one(kind, key) or {"items": ()})["items"])


def _keep(look: Look, kind: str, key: str, items: list[dict[str, Any]]) -> None:
    if items:
        look.write(kind, key, {"items": items})
    else:
        look.erase(kind, key)


def _named(items: list[dict[str, Any]], field: str, value: str) -> dict[str, Any] | None:
    return next((item for item in items if item[field] == value), None)


def _made(asked: Asked, *, first: bool) -> dict[str, Any]:
    return {
        "binding_id": asked.ids.message(),
        "patient_id": asked.document["patient_id"],
        **{name: value for name in _KEPT if (value := asked.text(name)) is not None},
        "is_default": first or bool(asked.document.get("is_default")),
        "bound_at": asked.instant(asked.now),
    }


OPERATIONS = (
    Operation(
        "bind",
        "Binds a patient to a user (绑定就诊人).",
        "binding_try",
        "binding",
        Effect.CHANGE,
        bind,
        (Code.SMS_CODE_INVALID, Code.BIND_LIMIT),
    ),
    Operation("unbind", "Ends a binding (解绑).", "binding_ref", "binding", Effect.CHANGE, unbind, (Code.NOT_FOUND,)),
    Operation("bindings", "The patients of a user.", "bindings_query", "bindings", Effect.NONE, bindings),
    Operation("binding", "Whether a patient is bound to a user.", "binding_ref", "binding", Effect.NONE, binding),
    Operation(
        "require_binding",
        "The same, refused where he is not.",
        "binding_ref",
        "binding",
        Effect.NONE,
        require_binding,
        (Code.PERMISSION_DENIED,),
    ),
)
