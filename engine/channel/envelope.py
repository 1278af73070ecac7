"""The envelope of every answer: `{code, message, data, traceId, backend}` (endpoint-catalog §0.2), and `missing` where
systems of several that were asked did not answer: `[{part, code}]`.

`message` is one sentence for the user, in Chinese unless the caller asks for English. For an error
`data` says, for the developer, what was wrong: `{reason, fields: [{field, reason}]}`, or null. Where one message of the
bus is meant (whose outcome is not known yet, or that stands in the way), its id stands there too, as `taskId`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from engine.base.errors import Backend, BusError, Code
from engine.channel.refusal import Language, Refusal, Words
from engine.contract import Answer
from engine.model import Missing

OK: Final = "OK"
_DONE: Final = Words("成功", "OK")
_STALE: Final = Words("业务系统暂不可用，以下为最近一次的结果", "The system behind is down; this is its last answer.")
_PARTLY: Final = Words("部分系统未应答，以下结果不完整", "Some systems did not answer; this is what the others have.")

_RETRY_AFTER: Final = {
    Code.BUSY: 1,
    Code.IN_PROGRESS: 1,
    Code.RESULT_UNKNOWN: 2,
    Code.BACKEND_UNAVAILABLE: 5,
    Code.BACKEND_TIMEOUT: 5,
    Code.RATE_LIMITED: 1,
}
"""Seconds after which asking again may help, where nothing more exact is known."""


def language_of(accept: str, default: Language) -> Language:
    """The language that `Accept-Language` prefers among ours (RFC 9110 §12.5.4), else the default."""
    best, found = 0.0, default
    for entry in accept.split(","):
        tag, _, parameter = entry.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        weight = _weight(parameter.strip().removeprefix("q="))
        if primary in {"zh", "en"} and weight > best:
            best, found = weight, "zh" if primary == "zh" else "en"
    return found


def success(
    data: Any,
    trace: str,
    backend: Backend | None,
    language: Language,
    *,
    age: int | None = None,
    missing: Sequence[Missing] = (),
) -> Answer:
    """The answer to a call that did what was asked. `age`: seconds since the system behind said it, where it is down
    now; the header `Age` has it (RFC 9111 §5.1). Raises BusError(BACKEND_FORMAT) for text that no JSON carries.
    """
    message = (_STALE if age is not None else _PARTLY if missing else _DONE).say(language)
    try:
        body = _body(OK, message, data, trace, backend, missing)
    except TypeError:  # half of a surrogate pair, out of a charset that was guessed wrongly
        raise BusError(Code.BACKEND_FORMAT, "the reply holds text that is not Unicode") from None
    return Answer((body,), 200, _headers(trace) | ({} if age is None else {"age": str(age)}))


def failure(error: BusError, trace: str, language: Language, messages: Mapping[Code, Words], *, clear: bool) -> Answer:
    """The answer to a call that failed. `clear`: the caller may read what the system behind said, word for word."""
    backend = error.backend
    if backend is not None and not clear:
        backend = Backend(backend.system, backend.code)
    message = _message(error, language, messages)
    headers = _headers(trace)
    if error.code in _RETRY_AFTER:
        headers["retry-after"] = str(_RETRY_AFTER[error.code])
    if isinstance(error, Refusal):
        headers |= error.headers
    body = _body(error.code.name, message, _why(error, language), trace, backend)
    return Answer((body,), error.code.kind.http, headers)


def _message(error: BusError, language: Language, messages: Mapping[Code, Words]) -> str:
    if isinstance(error, Refusal) and error.user is not None:
        return error.user.say(language)
    kind = error.code.kind
    return messages.get(error.code, Words(kind.zh, kind.en)).say(language)


def _why(error: BusError, language: Language) -> dict[str, Any] | None:
    if isinstance(error, Refusal):
        fields = [{"field": fault.field, "reason": fault.what.say(language)} for fault in error.faults]
        reason = error.reason.say(language) if error.reason else None
    else:
        fields = [{"field": error.spot, "reason": error.detail}] if error.spot else []
        reason = error.detail or None
    task = {"taskId": error.task} if error.task else {}
    return {**task, "reason": reason, "fields": fields} if task or reason or fields else None


def _body(
    code: str, message: str, data: Any, trace: str, backend: Backend | None, missing: Sequence[Missing] = ()
) -> bytes:
    said = None
    if backend is not None:
        said = {"system": backend.system, "code": backend.code or None, "message": backend.text or None}
    whole = {"code": code, "message": message, "data": data, "traceId": trace, "backend": said}
    if missing:
        whole["missing"] = [{"part": one.part, "code": one.code} for one in missing]
    return orjson.dumps(whole)


def _headers(trace: str) -> dict[str, str]:
    return {
        "content-type": "application/json; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-trace-id": trace,
    }


def _weight(text: str) -> float:
    try:
        return min(float(text), 1.0) if text else 1.0
    except ValueError:
        return 0.0
