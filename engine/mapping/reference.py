"""The mapping reference, made from the code: the grammar, and every function with its examples."""

from collections.abc import Iterable
from typing import Any

from engine.formats.registry import NAMES as FORMATS
from engine.mapping import functions, grammar
from engine.mapping.functions import FUNCTIONS, Function
from engine.mapping.functions.kind import UNFIT
from engine.mapping.scope import TIMES, VALUES

_MODULES = {
    functions.texts: "Text",
    functions.codes: "Codes and numbers",
    functions.dates: "Dates and instants",
    functions.money: "Money",
    functions.names: "Names and telephone numbers",
    functions.documents: "Identity numbers",
    functions.masks: "Masking",
    functions.embed: "One thing inside another",
}

_PATHS = {
    "our shapes, json, row": '`patient.id`, `items(0).code`, `items(code=A).value`, `"a b".c`; `.` is the value itself',
    "hl7": "`PID-5.2`, `PID-3(2).1`, `PID-3(5=MR).1`, `OBX(3)-5`, `OBX-5(*)`, `PID-5.*`",
    "xml": "`Response/Body/Item(0)/Name`, `Item(Code=A)/Name`, `Item/@id`, `Note/text()`; `.` is its own text",
    "fhir": "to build: `Patient.name(0).text`, `Observation.valueQuantity.value`; to read: as json",
    "delimited": "`NAME` or `3` (from 1), `lines(2).NAME`",
}

_FORMS = """| written as | what it does |
|---|---|
| `target: path` | the value of the path; left out where there is none |
| `target: path or path or =text` | the first that has a value; a fixed text begins with `=` |
| `target: path & ' ' & path` | texts one after the other; nothing where one of the paths has none |
| `target: path \\| function(word, word)` | the value through functions, one after the other |
| `target: =text`, `target: 5`, `target: true` | a value that stands for itself |
| `target: {from: path, when: test}` | left out where the test is false |
| `target: {from: path, required: true}` | the message is refused without a value |
| `target: {each: path, when: test, fields: {…}}` | a list; inside, paths are the repeat's own, `/path` the root's |
| `target: {each: path, distinct: field, fields: {…}}` | entries told apart by that text: a second gets `.2` |
| `target: {each: path, from: path}` | a list of plain values |
| `target: {when: test, fields: {…}}` | fields that stand or fall together |

Empty text is nothing. An explicit null of HL7 (`""`) is a value: it stops `or`, passes functions by, and is written
as null. A required field of a shape is required of the map; one that the map does not fill is a finding."""


def markdown() -> str:
    """The whole page."""
    return "\n".join([*_head(), *_tests(), *_known(), *_functions()])


def _head() -> Iterable[str]:
    yield "# Mapping reference\n"
    yield "A map is a list of `target: source`. The guide is [mapping.md](../mapping.md).\n"
    yield "## Fields\n"
    yield _FORMS + "\n"
    yield "## Paths\n"
    yield "| format | paths |\n|---|---|"
    for name, paths in _PATHS.items():
        yield f"| {name} | {paths} |"
    yield f"\nFormats: {', '.join(f'`{name}`' for name in sorted(FORMATS))}.\n"
    yield "## Grammar\n"
    lines = (grammar.__doc__ or "").strip().split("\n")[2:]
    code = [line[4:] for line in lines if line.startswith("    ")]
    yield "```\n" + "\n".join(code) + "\n```\n"
    yield " ".join(line for line in lines if line and not line.startswith("    ")) + "\n"


def _tests() -> Iterable[str]:
    yield "## Tests\n"
    yield f"Operators: {', '.join(f'`{each}`' for each in grammar.OPERATORS)}."
    yield "`status == final`, `OBX-2 in (NM, SN)`, `note exists`; parts are joined by `and`, all must hold. A word"
    yield "equals the text, the number and the truth value that it writes. `<` and its kin compare numbers as numbers,"
    yield "all else as text, right for dates in ISO form. Nothing is never less, never equal; `!=` holds for it.\n"


def _known() -> Iterable[str]:
    yield "## What the bus knows\n"
    yield f"`$received` and `$now` are instants; {', '.join(f'`${name}`' for name in VALUES)} are texts, and so are the"
    yield "names that a profile lists under `settings:`. Where our shape has no such field the `$` may be left out"
    yield f"({', '.join(f'`{name}`' for name in (*TIMES, *VALUES))}). In a map of a step, `store.outcome` and"
    yield "`store.reply.id` are what an earlier step came to and was answered.\n"


def _functions() -> Iterable[str]:
    yield "## Functions\n"
    yield f"{len(FUNCTIONS)} functions, a closed list. Each is pure, is not called with nothing unless it says so, and"
    yield "refuses what it cannot map: the message is then refused with the name of the field, never with the value.\n"
    for module, title in _MODULES.items():
        yield f"### {title}\n"
        for function in FUNCTIONS.values():
            if function.make.__module__ == module.__name__:
                yield from _function(function)


def _function(function: Function) -> Iterable[str]:
    yield f"#### `{function.signature}`\n"
    yield function.says + "\n"
    yield "| given | written as | gives |\n|---|---|---|"
    for example in function.examples:
        yield f"| {_shown(example.given)} | `\\| {example.call}` | {_shown(example.gives)} |"
    yield ""


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if value == UNFIT:
        return "*refused*"
    return "`" + (value if isinstance(value, str) else repr(value)).replace("|", "\\|") + "`"
