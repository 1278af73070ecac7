"""Acknowledgements (HL7 v2.8.2 chapter 2, §2.9): pure, and possible for bytes that are no message.

Original mode answers once: AA, AE or AR. Enhanced mode, asked for by MSH-15 or MSH-16, answers twice:
first whether the message is kept (CA, CE, CR), then what became of it (AA, AE, AR), each only where
its sender wants it. Delimiters, character set, version and processing id are the request's.
"""

from engine.base.errors import BusError, Code
from engine.formats.format import PathError
from engine.formats.hl7_escapes import escape
from engine.formats.hl7_grammar import parse_path
from engine.formats.hl7_header import Header, header_of
from engine.formats.hl7_reader import Reading

_CONDITIONS = {
    100: "Segment sequence error",
    101: "Required field missing",
    102: "Data type error",
    103: "Table value not found",
    104: "Value too long",
    200: "Unsupported message type",
    201: "Unsupported event code",
    202: "Unsupported processing id",
    203: "Unsupported version id",
    204: "Unknown key identifier",
    205: "Duplicate key identifier",
    206: "Application record locked",
    207: "Application internal error",
}
"""Table 0357."""

_WISHES = frozenset({"AL", "NE", "ER", "SU"})
"""Table 0155."""

_KEPT = frozenset({
    Code.NOT_FOUND, Code.PATIENT_NOT_FOUND, Code.STATE_CONFLICT, Code.BACKEND_REJECTED, Code.BACKEND_UNAVAILABLE,
    Code.BACKEND_TIMEOUT, Code.BACKEND_FORMAT, Code.RESULT_UNKNOWN,
})  # fmt: skip
"""Errors that come after the message is on disk: enhanced mode says CA, then AE."""

_LONGEST_ID = 20
"""MSH-10 before v2.7."""
_LONGEST_DETAIL = 250
_DEFAULT_VERSION = "2.5.1"


def acknowledge(
    raw: bytes, error: BusError | None, now: str, control_id: str, reading: Reading | None = None
) -> tuple[bytes, ...]:
    """What to send, in order; nothing where the sender wants nothing.

    `error` None means kept (and, where the route answers later, done). `now` is an HL7 time stamp.
    `control_id` becomes MSH-10, its last 20 characters. `reading` is how the sender's messages are read.
    """
    request = header_of(raw, reading or Reading())
    own_id = control_id[-_LONGEST_ID:]
    accept, application = (_condition(request.field(number)) for number in (15, 16))
    verdict = error.code.kind.ack if error else "AA"
    if not accept and not application:
        return (_frame(request, verdict, error, now, own_id),)
    kept = error is None or error.code in _KEPT
    frames = []
    if _wanted(accept, fine=kept):
        commit = "CA" if kept else "C" + verdict[1]
        frames.append(_frame(request, commit, None if kept else error, now, own_id))
    # Where the commit's refusal is not wanted, the application's says it: a message is not dropped in silence.
    if (kept or not frames) and _wanted(application, fine=error is None):
        second = own_id[: _LONGEST_ID - 1] + "a" if frames else own_id
        frames.append(_frame(request, verdict, error, now, second, no_answer=True))
    return tuple(frames)


def _condition(word: str) -> str:
    """A word of table 0155; anything else is none: a header that ran into the next segment is answered too."""
    return word.upper() if word.upper() in _WISHES else ""


def _wanted(condition: str, *, fine: bool) -> bool:
    """Table 0155; an empty one beside a filled one is NE."""
    return condition == "AL" or (condition == "SU" and fine) or (condition == "ER" and not fine)


def _frame(
    request: Header, verdict: str, error: BusError | None, now: str, own_id: str, *, no_answer: bool = False
) -> bytes:
    separator, codec = request.marks.field, request.marks.codec
    says = "NE" if no_answer else ""
    header = (
        "MSH", request.marks.encoding,
        request.field(5), request.field(6), request.field(3), request.field(4),
        now, "", _message_type(request), own_id, request.field(11) or "P", request.field(12) or _DEFAULT_VERSION,
        "", "", says, says, "", request.field(18),
    )  # fmt: skip
    for text in (error.code.kind.zh, error.code.kind.en) if error else ("",):
        segments = [header, ("MSA", verdict, request.field(10), escape(text, request.marks))]
        if error:
            segments.append(_err(request, error, text))
        try:
            return "".join(_segment(segment, separator) for segment in segments).encode(codec)
        except UnicodeEncodeError:  # the sender's character set has no hanzi
            continue
    raise AssertionError("the English words are ASCII, and the request's own fields came out of its codec")


def _segment(fields: tuple[str, ...], separator: str) -> str:
    return separator.join(fields).rstrip(separator) + "\r"


def _message_type(request: Header) -> str:
    event = request.part(9, 2)
    if not event or request.version < (2, 4):  # analysers of that age know no structure, and no more than ACK
        return "ACK"
    return request.marks.component.join(("ACK", event, "ACK"))


def _err(request: Header, error: BusError, text: str) -> tuple[str, ...]:
    """ERR as v2.5 made it; before that, place and code stand together in ERR-1."""
    marks = request.marks
    place = _location(error.spot)
    code = (str(error.condition), _CONDITIONS.get(error.condition, _CONDITIONS[207]), "HL70357")
    if () < request.version < (2, 5):
        place = [*place[:3], *[""] * (3 - len(place))]
        return "ERR", marks.component.join((*place, marks.subcomponent.join(code)))
    detail = escape(_detail(error)[:_LONGEST_DETAIL], marks)
    location = marks.component.join(escape(part, marks) for part in place)
    return "ERR", "", location, marks.component.join(code), "E", "", "", detail, escape(text, marks)


def _location(spot: str) -> list[str]:
    """An ERL's components (segment, its number, field, repetition, component, subcomponent), as far as known."""
    if "^" in spot:
        return spot.split("^")[:6]
    try:
        path = parse_path(spot)
    except PathError:
        return []
    number = path.which if isinstance(path.which, int) else 1
    if not path.field:
        return [path.segment, str(number)]
    place = [path.segment, str(number), str(path.field)]
    repetition = path.repetition if isinstance(path.repetition, int) else 1
    return place if path.plain else [*place, str(repetition), str(path.component or 1)]


def _detail(error: BusError) -> str:
    return error.detail if not error.spot or _location(error.spot) else f"{error.spot}: {error.detail}"
