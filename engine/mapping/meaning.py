"""What a reply means: transport success is not yet an answer.

Order: HTTP status, "we have nothing" (`absent`), their code, and only then the reply's values. A reply
that cannot be read leaves a change in doubt; for a read it is `BACKEND_FORMAT`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.base.errors import BusError, Code
from engine.base.where import Where, did_you_mean
from engine.contract import Reply
from engine.formats import row
from engine.formats.format import Format, Hints
from engine.mapping.compile import NO_CONTEXT, Map, compile_test, compile_value
from engine.mapping.functions.kind import Setup
from engine.mapping.scope import Reader
from engine.mapping.texts import MeaningText
from engine.model import Context, Effect, Outcome, Verdict
from engine.settings.nodes import Node
from engine.settings.problems import Problems

READ: Final = "read"
VERDICTS = {verdict.value: verdict for verdict in Verdict}
_STATUS = re.compile(r"[1-5](\d\d|xx)\Z", re.ASCII)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z", re.ASCII)
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.ASCII | re.IGNORECASE)
_DEFAULTS = {"2xx": READ, "429": Verdict.UNAVAILABLE.value, "4xx": "rejected"}
"""A 5xx may come from something in front of the system or from the system half-way: in doubt, like all others."""

Read = Callable[[Any, Context], Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """A compiled `meaning:`."""

    status: Mapping[str, str]
    absent: Callable[[Any, Context], bool] | None
    code: Read | None
    text: Read | None
    words: Mapping[str, tuple[Verdict, str]]
    """Their code to what it means and our word for it."""
    pieces: tuple[tuple[str, Verdict, str], ...]
    """Pieces of their text that say more than a code that is no yes."""
    otherwise: Verdict


def rules(text: MeaningText, node: Node | None, reader: Reader, setup: Setup, problems: Problems) -> Rules:
    """The rules of a text; codes that mean two things and words that are none are findings."""
    node = node or Node({}, Where(""))
    for status, word in text.status.items():
        _check_status(status, word, node, problems)
    words: dict[str, tuple[Verdict, str]] = {}
    for code, verdict, word, at in codes(text):
        if code in words:
            problems.add(node.locate(at), f"code {code!r} means two things here")
        if word and not _WORD.match(word):
            problems.add(node.locate(at), f"{word!r} is no word of ours", "letters, digits and _, like slot_taken")
        words[code] = (verdict, word)
    if words and text.code is None:
        problems.add(node.key_where or node.where, "codes are named, but not where they stand", "write code: path")
    _check_words(text, node, problems)
    absent = node.get("absent")
    return Rules(
        text.status,
        None if absent is None else compile_test(absent, reader, problems),
        _value(node.get("code"), reader, setup, problems),
        _value(node.get("text"), reader, setup, problems),
        words,
        pieces(text),
        VERDICTS[text.otherwise],
    )


def understanding(found: Rules, wire: Format, effect: Effect, reply_map: Map | None) -> Callable[[Reply], Outcome]:
    """`Outgoing.understand`: pure, and it never raises."""
    needs_document = bool(found.absent or found.code or found.text or reply_map)

    def understand(reply: Reply) -> Outcome:
        raw = reply.body if reply.rows is None and reply.count is None else row.as_json(reply)
        word = READ if reply.status is None else of_status(found.status, reply.status)
        if word == READ and not needs_document:
            return Outcome(Verdict.DELIVERED, reply=raw)
        try:
            document = _document(reply, wire)
        except BusError:
            document = None
        if word != READ:
            said = _said(found, document)
            return _by_word(word, said, reply.status, raw)
        if document is None:
            return unreadable(effect, raw)
        return _of_document(found, document, effect, reply_map, raw)

    return understand


def _of_document(found: Rules, document: Any, effect: Effect, reply_map: Map | None, raw: bytes) -> Outcome:
    code, text = _said(found, document)
    if found.absent is not None and found.absent(document, NO_CONTEXT):
        return Outcome(Verdict.UNSENT, "absent", code, text, reply=raw)
    verdict, word = Verdict.DELIVERED, ""
    if found.code is not None:
        verdict, word = _meant(found, code, text)
    if verdict is not Verdict.DELIVERED:
        return Outcome(verdict, word or _word_for(verdict), code, text, reply=raw)
    if reply_map is None:
        return Outcome(verdict, "", code, text, reply=raw)
    try:
        return Outcome(verdict, "", code, text, reply_map.run(document, NO_CONTEXT), raw)
    except BusError:
        return unreadable(effect, raw)


def _meant(found: Rules, code: str, text: str) -> tuple[Verdict, str]:
    if code not in found.words:  # a code that nobody knows is as it is, whatever they say beside it
        return found.otherwise, ""
    verdict, word = found.words[code]
    if verdict is Verdict.DELIVERED:
        return verdict, word
    return next(((meant, ours) for piece, meant, ours in found.pieces if piece in text), (verdict, word))


def _document(reply: Reply, wire: Format) -> Any:
    if reply.rows is not None or reply.count is not None:
        return row.document(reply)
    declared = _CHARSET.search(reply.headers.get("content-type", ""))
    return wire.parse(reply.body, Hints(charset=declared[1] if declared else None))


def _said(found: Rules, document: Any) -> tuple[str, str]:
    """Their code and their words for people, where they can be read."""
    return _one(found.code, document), _one(found.text, document)


def _one(read: Read | None, document: Any) -> str:
    if read is None or document is None:
        return ""
    try:
        value = read(document, NO_CONTEXT)
    except BusError:
        return ""
    return "" if value is None or isinstance(value, dict | list) else str(value)


def of_status(status: Mapping[str, str], code: int) -> str:
    """What an HTTP status means: `read`, a verdict or our word for a refusal."""
    for table in (status, _DEFAULTS):
        for key in (str(code), f"{code // 100}xx"):
            if key in table:
                return table[key]
    return Verdict.IN_DOUBT.value


def _by_word(word: str, said: tuple[str, str], status: int | None, raw: bytes) -> Outcome:
    verdict = VERDICTS.get(word, Verdict.REFUSED)
    ours = word if word not in VERDICTS else "" if verdict is Verdict.DELIVERED else f"http_{status}"
    return Outcome(verdict, ours, said[0] or str(status), said[1], reply=raw)


def unreadable(effect: Effect, raw: bytes) -> Outcome:
    """What a reply means that cannot be read."""
    if effect is Effect.NONE:
        return Outcome(Verdict.UNAVAILABLE, Code.BACKEND_FORMAT.name, reply=raw)
    return Outcome(Verdict.IN_DOUBT, "reply_unreadable", reply=raw)


def _word_for(verdict: Verdict) -> str:
    return "rejected" if verdict is Verdict.REFUSED else f"said_{verdict.value}"


def codes(text: MeaningText) -> list[tuple[str, Verdict, str, list[str | int]]]:
    """Every code that a text names, what it means, our word for it, and the keys where it stands."""
    lists = {key: getattr(text, key) for key in ("delivered", "unavailable", "unsent", "in_doubt")}
    found: list[tuple[str, Verdict, str, list[str | int]]] = [
        (code, VERDICTS[key], "", [key, at]) for key, codes in lists.items() for at, code in enumerate(codes)
    ]
    return found + [(code, Verdict.REFUSED, word, ["refused", code]) for code, word in text.refused.items()]


def pieces(text: MeaningText) -> tuple[tuple[str, Verdict, str], ...]:
    """Pieces of their words for people, what each means, and our word for a refusal."""
    verdicts = ((piece, VERDICTS.get(word, Verdict.REFUSED), word) for piece, word in text.words.items())
    return tuple((piece, verdict, word if verdict is Verdict.REFUSED else "") for piece, verdict, word in verdicts)


def _check_words(text: MeaningText, node: Node, problems: Problems) -> None:
    if text.words and text.text is None:
        problems.add(node.locate(["words"]), "words are looked for in 'text', which is not named", "write text: path")
    for piece, word in text.words.items():
        if not piece or not _WORD.match(word):
            problems.add(node.locate(["words", piece]), f"{word!r} is no outcome and no word of ours")


def _check_status(status: str, word: str, node: Node, problems: Problems) -> None:
    where = node.locate(["status", status])
    if not _STATUS.match(status):
        problems.add(where, f"{status!r} is no HTTP status", "write 404, or a class like 5xx")
    if not _WORD.match(word):
        known = [READ, *VERDICTS]
        problems.add(where, f"{word!r} is no outcome and no word of ours", did_you_mean(word, known))


def _value(node: Node | None, reader: Reader, setup: Setup, problems: Problems) -> Read | None:
    return None if node is None else compile_value(node, reader, setup, problems)
