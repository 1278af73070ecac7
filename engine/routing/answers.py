"""The decisive answer of a message: made from the end of a step, kept by the journal, given to every repeat of its key.

It is stored in the commit that decides it, and only what is stored is ever told (docs/delivery.md, "Who waits").
"""

from typing import Any

import orjson

from engine.base.errors import Backend, BusError, Code
from engine.model import FINAL, Outcome, Served, State, Then, Verdict
from engine.routing.plan import Route

_PASSED = (State.DELIVERED, State.SKIPPED)


def decided(route: Route, index: int, outcome: Outcome | None, then: Then) -> bytes | None:
    """The answer that a step's end decides; None where it decides nothing. `then` is whole: with what follows.

    The step that is waited for answers with its reply, or with nothing where it was skipped. Of this step and those it
    needs the first that fails is the answer; the journal keeps the first.
    """
    answer = route.answer
    step = route.step(index)
    if answer is None or step is None or index not in answer.waited or then.state not in FINAL:
        return None
    if then.state in _PASSED and then.add:
        return _failure(Code.BACKEND_TIMEOUT, "done after its time: it is undone", step.system, outcome)
    if then.state not in _PASSED:
        code, why = _why(then, outcome)
        return _failure(code, why, step.system, outcome)
    if index != answer.step:
        return None
    said = outcome or Outcome(Verdict.DELIVERED)
    return _stored({"value": said.value or {}}, step.system, said)


def read(stored: bytes, task: str) -> Served:
    """The answer again. Raises it where it is an error; `task`: the message's id."""
    said: dict[str, Any] = orjson.loads(stored)
    backend = Backend(said["system"], said["code"], said["text"])
    if "error" in said:
        raise BusError(_known(said["error"]), said["detail"], backend=backend)
    return Served(said["value"], backend.system, backend.code, backend.text, task=task)


def _why(then: Then, outcome: Outcome | None) -> tuple[Code, str]:
    """The code of a step that failed, and a word for the developer."""
    said = outcome.code if outcome is not None else then.why
    if said in Code.__members__:
        return Code[said], ""
    if outcome is None or outcome.verdict is Verdict.REFUSED:
        return Code.BACKEND_REJECTED, said
    if then.state is State.REFUSED:
        return Code.NOT_FOUND, said
    return Code.BACKEND_TIMEOUT if outcome.verdict is Verdict.IN_DOUBT else Code.BACKEND_UNAVAILABLE, said


def _failure(code: Code, detail: str, system: str, outcome: Outcome | None) -> bytes:
    return _stored({"error": code.name, "detail": detail}, system, outcome)


def _stored(said: dict[str, Any], system: str, outcome: Outcome | None) -> bytes:
    code, text = (outcome.backend_code, outcome.backend_text) if outcome else ("", "")
    return orjson.dumps({**said, "system": system, "code": code, "text": text})


def _known(name: str) -> Code:
    """A code as an older program stored it."""
    return Code[name] if name in Code.__members__ else Code.BACKEND_REJECTED
