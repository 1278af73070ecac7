"""A small site for the tests of routes: two systems over HTTP, a form, and what flows between them."""

from pathlib import Path
from zoneinfo import ZoneInfo

import adapters
from engine.routing.release import Site, build
from engine.settings.problems import Problems
from engine.settings.systems import Retry

FORM = """
shape: form
find: {patient: patient.id, order: order_no}
fields:
  patient: {required: true, fields: {id: {required: true}}}
  order_no: text
  campus: text
  kind: {type: code, codes: [a, b]}
"""
NOTE = """
shape: note
fields: {to: text, about: text}
"""
RECEIPT = """
shape: receipt
fields: {number: text}
"""
SOURCE = """
profile: desk/source
adapter: http
format: json
incoming:
  form:
    match: type == form
    gives: form
    read: {patient.id: {from: who, required: true}, order_no: order, kind: kind, campus: campus}
  other:
    match: type == other
    gives: note
    read: {to: who}
"""
OFFICE = """
profile: desk/office
adapter: http
format: json
outgoing:
  save:
    takes: form
    gives: receipt
    effect: change
    http: {path: /save}
    request: {who: patient.id, order: order_no}
    reply: {number: no}
    meaning: {code: code, delivered: ["0"], refused: {"1": full}}
  tell:
    takes: note
    effect: change
    http: {path: /tell}
    request: {to: to, about: about}
    meaning: {code: code, delivered: ["0"]}
  undo:
    takes: form
    effect: change
    http: {path: /undo}
    request: {who: patient.id, number: save.reply.number}
    meaning: {code: code, delivered: ["0"]}
  look:
    takes: form
    gives: receipt
    effect: none
    http: {method: GET, path: /look}
    reply: {number: no}
    meaning: {otherwise: delivered}
"""
BETWEEN = """
between: note_of_form
takes: form
gives: note
fields: {to: patient.id, about: order_no}
"""

TEXTS = {
    "mappings/shapes/form.yaml": FORM,
    "mappings/shapes/note.yaml": NOTE,
    "mappings/shapes/receipt.yaml": RECEIPT,
    "mappings/desk/source.yaml": SOURCE,
    "mappings/desk/office.yaml": OFFICE,
    "mappings/between/note_of_form.yaml": BETWEEN,
}


class Loaded(dict):
    """The adapters by name, loaded when they are used."""

    def __missing__(self, name):
        return adapters.load(name)


def site():
    systems = {"source": "desk/source", "office": "desk/office", "desk": "desk/office"}
    known = Loaded({name: adapters.load(name) for name in ("http", "mllp")})
    return Site(systems, known, ZoneInfo("Asia/Shanghai"), Retry())


def texts(routes):
    return {name: text.encode() for name, text in {**TEXTS, "routes.yaml": routes}.items()}


def release(routes):
    problems = Problems()
    made = build(texts(routes), site(), problems)
    assert made is not None, "\n".join(str(one) for one in problems)
    return made


def findings(routes):
    problems = Problems()
    build(texts(routes), site(), problems)
    return [str(one) for one in problems]


def write(folder: Path, routes: str, config: str) -> Path:
    """The same site as a folder."""
    for name, text in {**TEXTS, "routes.yaml": routes, "config/desk.yaml": config}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
