"""Codes sent by message (短信验证码): made here, sent by a later step of the route, verified here.

Figures: security-and-compliance §5.2. A phone is one phone at every campus, and so are its limits. A new code for a
number makes its last one void, so that the day's guesses are `per_day` x `tries`. Catalog: auth.sms.send and
auth.sms.verify.
"""

import hashlib
import hmac

from engine.base.errors import Code
from engine.model import Effect, Shape
from engine.registry import proofs
from engine.registry.look import Look
from engine.registry.operation import Asked, Operation, Refusal

_CODE = "code"
_SENT = "codes_sent"
_DAY = 86_400.0


async def issue_code(asked: Asked, look: Look) -> Shape | Refusal:
    """A new code. RATE_LIMITED where the number had one a moment ago, or too many today."""
    mobile, scene, limits = asked.document["mobile"], asked.document["scene"], asked.registry.codes
    before = await look.one(_SENT, mobile) or {"at": [], "ticket": None}
    recent = [at for at in before["at"] if at > asked.after(-_DAY)]
    if recent and recent[-1] > asked.after(-limits.pause):
        return Refusal(Code.RATE_LIMITED, "pause")
    if len(recent) >= limits.per_day:
        return Refusal(Code.RATE_LIMITED, "per_day")
    if before["ticket"] is not None and await look.one(_CODE, before["ticket"]) is not None:
        look.erase(_CODE, before["ticket"])
    ticket, code = asked.ids.token(), asked.ids.digits(limits.digits)
    kept = {"mobile": mobile, "scene": scene, "code": _hashed(ticket, code), "left": limits.tries}
    look.write(_CODE, ticket, {**kept, "until": asked.after(limits.lasts)}, until=asked.after(limits.lasts))
    sent = {"at": [*recent, asked.now], "ticket": ticket}
    look.write(_SENT, mobile, sent, until=asked.after(_DAY))
    return {
        "ticket": ticket,
        "code": code,
        "mobile": mobile,
        "scene": scene,
        "expires_in": int(limits.lasts),
        "resend_in": int(limits.pause),
    }


async def verify_code(asked: Asked, look: Look) -> Shape | Refusal:
    """A proof for the right code. A wrong one is counted, and the last of them ends the ticket."""
    ticket = asked.document["ticket"]
    kept = await look.one(_CODE, ticket)
    if kept is None:
        return Refusal(Code.SMS_CODE_INVALID, "expired")
    if not hmac.compare_digest(kept["code"], _hashed(ticket, asked.document["code"])):
        if kept["left"] > 1:
            look.write(_CODE, ticket, {**kept, "left": kept["left"] - 1}, until=kept["until"])
        else:
            look.erase(_CODE, ticket)
        return Refusal(Code.SMS_CODE_INVALID, "wrong")
    look.erase(_CODE, ticket)
    return proofs.make(asked, look, kept["scene"], kept["mobile"])


def _hashed(ticket: str, code: str) -> str:
    return hmac.new(ticket.encode(), code.encode(), hashlib.sha256).hexdigest()


OPERATIONS = (
    Operation(
        "issue_code",
        "Makes a code for a mobile number, for a later step to send.",
        "code_try",
        "code_ticket",
        Effect.CHANGE,
        issue_code,
        (Code.RATE_LIMITED,),
    ),
    Operation(
        "verify_code",
        "Gives a proof token for the right code.",
        "code_check",
        "proof",
        Effect.CHANGE,
        verify_code,
        (Code.SMS_CODE_INVALID,),
    ),
)
