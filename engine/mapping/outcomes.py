"""The outcome tables of profiles, made from their texts: what each reply of each operation becomes.

A profile's own `meaning` has one table; an operation's shows only what it says otherwise. What a call without a reply
becomes is the adapter's matter: its table stands in docs/reference/adapters.md.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from engine.mapping import profile as profiles
from engine.mapping.meaning import READ, VERDICTS, codes, of_status, pieces, unreadable
from engine.mapping.shelf import stem
from engine.mapping.texts import MeaningText, OutgoingText
from engine.model import Effect, Verdict
from engine.settings.nodes import Node
from engine.settings.problems import Problems
from engine.settings.texts import validate

_CLASSES = ("2xx", "3xx", "429", "4xx", "5xx")

_INTRO = """What the replies of each operation become, by the profiles of this repository. What follows from an outcome:
[delivery.md](../delivery.md#what-an-outcome-leads-to). What a call without a reply becomes is the adapter's:
[adapters.md](adapters.md). Their words for people are looked at where their code is named here and is no yes; the first
that stands in them counts."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a system may say, what it becomes, and our word for it. `kind`: `status`, `test`, `code`, `words`,
    or `else`.
    """

    kind: str
    said: str
    verdict: Verdict
    word: str = ""


def operations(name: str, own: Mapping[str, Node], problems: Problems) -> dict[str, OutgoingText]:
    """The outgoing operations of a profile among the nodes of all, with what is laid under them; those with findings
    are left out.
    """
    outgoing = profiles.whole(name, own, problems).get("outgoing")
    found = {}
    for key, node in outgoing.items() if outgoing is not None else ():
        known = {part: entry for part, entry in node.items() if part in OutgoingText.model_fields}
        text = validate(OutgoingText, Node(known, node.where, node.key_where), problems)
        if text is not None:
            found[key] = text
    return found


def rows(meaning: MeaningText) -> Iterator[Row]:
    """What replies become, in the order in which they are looked at."""
    for key in dict.fromkeys((*meaning.status, *_CLASSES)) if meaning.status else ():
        word = of_status(meaning.status, int(key.replace("x", "0")))
        if word != READ:
            yield Row("status", key, VERDICTS.get(word, Verdict.REFUSED), "" if word in VERDICTS else word)
    if meaning.absent is not None:
        yield Row("test", meaning.absent, Verdict.UNSENT, "absent")
    for code, verdict, word, _ in codes(meaning):
        yield Row("code", code, verdict, word)
    for piece, verdict, word in pieces(meaning):
        yield Row("words", piece, verdict, word)
    if meaning.code is not None:
        yield Row("else", "any other code, or none", VERDICTS[meaning.otherwise])
    else:
        yield Row("else", "anything else", Verdict.DELIVERED)


def outcomes_page(texts: Mapping[str, Node]) -> str:
    """The page of all profiles, by the names of their files below `mappings/`."""
    own = {stem(file): node for file, node in texts.items()}
    lines = ["# Outcomes", "", _INTRO, ""]
    for name in sorted(own):
        found = operations(name, own, Problems())
        if found:
            common = profiles.whole(name, own, Problems()).get("meaning")
            shared = validate(MeaningText, common, Problems()) if common is not None else None
            lines += [f"## {name}", "", *_overview(found), "", *_tables(found, shared)]
    return "\n".join(lines)


def _overview(found: Mapping[str, OutgoingText]) -> Iterator[str]:
    yield from ("| operation | effect | in doubt, it is | a reply that cannot be read |", "|---|---|---|---|")
    for name, text in found.items():
        reads = text.reply or text.meaning.code or text.meaning.absent
        nothing = _shown(unreadable(Effect(text.effect), b"").verdict) if reads else "is not looked at"
        yield f"| `{name}` | {text.effect} | {_in_doubt(text)} | {nothing} |"


def _in_doubt(text: OutgoingText) -> str:
    if Effect(text.effect) is Effect.NONE:
        return "sent again: it only looks"
    if text.repeatable:
        return "sent again: twice is once"
    return "parked for a person" if text.ask is None else f"asked about by `{text.ask.by}`"


def _tables(found: Mapping[str, OutgoingText], shared: MeaningText | None) -> Iterator[str]:
    """The table of what all share, then those of what operations say otherwise; equal ones once."""
    if shared is not None:
        yield from ("### All operations", "", *_table(shared, rows(shared)), "")
    same: dict[str, list[str]] = {}
    for name, text in found.items():
        base = set(rows(shared)) if shared is not None else set()
        other = [row for row in rows(text.meaning) if row not in base]
        taken = {row.said for row in base} - {row.said for row in rows(text.meaning)}
        if other or taken:
            table = "\n".join((*_table(text.meaning, other), *(f"\nNot here: `{said}`." for said in sorted(taken))))
            same.setdefault(table, []).append(name)
    for table, names in same.items():
        beside = ", beside or in place of these" if shared is not None else ""
        yield from (f"### {', '.join(f'`{name}`' for name in names)}{beside}", "", table, "")


def _table(meaning: MeaningText, found: Iterable[Row]) -> Iterator[str]:
    if meaning.code is not None:
        beside = f", their words at `{meaning.text}`" if meaning.text is not None else ""
        yield from (f"Their code stands at `{meaning.code}`{beside}.", "")
    yield from ("| they say | becomes | our word |", "|---|---|---|")
    for (kind, verdict, word), alike in groupby(found, key=lambda row: (row.kind, row.verdict, row.word)):
        said = _said(kind, [row.said for row in alike]).replace("|", "\\|")
        yield f"| {said} | {_shown(verdict)} | {f'`{word}`' if word else ''} |"


def _said(kind: str, alike: list[str]) -> str:
    match kind:
        case "status":
            return f"HTTP {', '.join(alike)}"
        case "words":
            return "words: " + ", ".join(f"“{one}”" for one in alike)
        case "else":
            return alike[0]
        case _:
            return f"{'code ' if kind == 'code' else ''}{', '.join(f'`{one}`' for one in alike)}"


def _shown(verdict: Verdict) -> str:
    return verdict.value.replace("_", " ")
