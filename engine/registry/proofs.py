"""Proofs: short-lived tokens which say that a code was right, or a captcha passed. They are used up by what they allow.

Catalog: proofToken of auth.sms.verify, captchaToken of auth.captcha.verify.
"""

from typing import Any

from engine.base.errors import Code
from engine.model import Effect, Shape
from engine.registry.look import Look
from engine.registry.operation import Asked, Operation, Refusal

PROOF = "proof"
_CAPTCHA = "captcha"


def make(asked: Asked, look: Look, scene: str, subject: str | None) -> Shape:
    """A new proof."""
    token, lasts = asked.ids.token(), asked.registry.proofs.lasts
    look.write(PROOF, token, {"scene": scene, "subject": subject}, until=asked.after(lasts))
    made: Shape = {"verified": True, "proof_token": token, "scene": scene, "expires_in": int(lasts)}
    return made if subject is None else {**made, "subject": subject}


async def found(look: Look, token: str | None, scene: str, subject: str | None) -> dict[str, Any] | None:
    """The proof of a token, where it stands, for this scene and for this subject; else None."""
    proof = await look.one(PROOF, token) if token is not None else None
    if proof is None or proof["scene"] != scene or proof["subject"] not in (None, subject):
        return None
    return proof


async def issue_proof(asked: Asked, look: Look) -> Shape:
    """A proof for what another system has just said yes to; that step stands before this one."""
    return make(asked, look, asked.document["scene"], asked.text("subject"))


async def check_proof(asked: Asked, look: Look) -> Shape:
    """Whether a proof stands; it stays."""
    proof = await _brought(asked, look)
    return {"verified": proof is not None, "scene": asked.document["scene"]}


async def use_proof(asked: Asked, look: Look) -> Shape | Refusal:
    """Uses a proof up."""
    scene, token = asked.document["scene"], asked.text("token")
    if await _brought(asked, look) is None or token is None:
        return Refusal(Code.CAPTCHA_REQUIRED if scene == _CAPTCHA else Code.SMS_CODE_INVALID, "token")
    look.erase(PROOF, token)
    return {"verified": True, "scene": scene}


async def _brought(asked: Asked, look: Look) -> dict[str, Any] | None:
    return await found(look, asked.text("token"), asked.document["scene"], asked.text("subject"))


OPERATIONS = (
    Operation(
        "issue_proof", "A proof token for a captcha that was passed.", "proof_try", "proof", Effect.CHANGE, issue_proof
    ),
    Operation("check_proof", "Whether a proof token stands.", "proof_ref", "proof", Effect.NONE, check_proof),
    Operation(
        "use_proof",
        "Uses a proof token up.",
        "proof_ref",
        "proof",
        Effect.CHANGE,
        use_proof,
        (Code.CAPTCHA_REQUIRED, Code.SMS_CODE_INVALID),
    ),
)
