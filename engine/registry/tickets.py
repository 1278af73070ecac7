"""Hand-off tickets (第三方跳转): good once, for a short time, for one partner.

Catalog: handoff.issue, handoff.resolve.
"""

from typing import Any

from engine.base.errors import Code
from engine.model import Effect, Shape
from engine.registry import grants
from engine.registry.look import Look
from engine.registry.operation import Asked, Operation, Refusal

_TICKET = "ticket"
_KEPT = ("partner_id", "target", "patient_id", "scope")


async def issue_ticket(asked: Asked, look: Look) -> Shape | Refusal:
    """A ticket. What the partner will learn of a patient (`scope`) the patient must have granted."""
    if not await _allowed(asked, look, asked.text("patient_id"), asked.text("scope")):
        return Refusal(Code.CONSENT_REQUIRED, "scope")
    ticket, lasts = asked.ids.token(), asked.registry.tickets.lasts
    kept: dict[str, Any] = {name: value for name in _KEPT if (value := asked.text(name)) is not None}
    kept |= {"context": asked.document.get("context") or {}, "issued_at": asked.instant(asked.now)}
    look.write(_TICKET, ticket, {**kept, "campus": asked.campus}, until=asked.after(lasts))
    return {
        "ticket": ticket,
        "partner_id": kept["partner_id"],
        "target": kept["target"],
        "expires_in": int(lasts),
        "expires_at": asked.instant(asked.after(lasts)),
    }


async def resolve_ticket(asked: Asked, look: Look) -> Shape | Refusal:
    """What a ticket stood for; then it is gone. Another partner's ticket looks like none."""
    ticket = asked.document["ticket"]
    kept = await look.one(_TICKET, ticket)
    if kept is None or kept["partner_id"] != asked.document["partner_id"] or kept["campus"] != asked.campus:
        return Refusal(Code.AUTH_EXPIRED, "ticket")
    look.erase(_TICKET, ticket)
    if not await _allowed(asked, look, kept.get("patient_id"), kept.get("scope")):
        return Refusal(Code.CONSENT_REQUIRED, "revoked")
    return {name: value for name, value in kept.items() if name not in ("partner_id", "campus")}


async def _allowed(asked: Asked, look: Look, patient: str | None, scope: str | None) -> bool:
    if scope is None:
        return True
    return patient is not None and bool(await grants.standing(asked, look, patient, scope))


OPERATIONS = (
    Operation(
        "issue_ticket",
        "Makes a one-time ticket for a partner.",
        "ticket_try",
        "ticket",
        Effect.CHANGE,
        issue_ticket,
        (Code.CONSENT_REQUIRED,),
    ),
    Operation(
        "resolve_ticket",
        "Gives what a ticket stood for, once.",
        "ticket_ref",
        "ticket_context",
        Effect.CHANGE,
        resolve_ticket,
        (Code.AUTH_EXPIRED, Code.CONSENT_REQUIRED),
    ),
)
