"""What the tests of this floor build on: texts to maps, and findings as lines."""

from datetime import datetime
from zoneinfo import ZoneInfo

from engine.base.errors import BusError
from engine.formats.json import Json
from engine.mapping import tables
from engine.mapping.compile import compile_map
from engine.mapping.functions import Setup
from engine.mapping.library import load_texts
from engine.mapping.scope import ShapeReader, WireReader
from engine.mapping.shapes import document
from engine.mapping.texts import ShapeText
from engine.mapping.writers import ShapeWriter, WireWriter
from engine.model import Context
from engine.settings.nodes import parse
from engine.settings.problems import Problems
from engine.settings.texts import validate

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=ZONE)
CONTEXT = Context(received=NOW, now=NOW, values={"token": "t1", "campus": "main"})

BOOKING = """
shape: booking
find: {patient: patient.id}
fields:
  patient:
    required: true
    fields:
      id: {required: true}
      card_no: text
      sex: {type: code, codes: [male, female]}
  fee: money
  channel: text
  note: {length: 5}
  born: date
  paid: boolean
  score: decimal
  count: integer
  at: instant
  tags: {type: list, of: text}
  guardian:
    fields:
      id: {required: true}
      name: text
  items:
    type: list
    fields:
      code: {required: true}
      quantity: integer
      parts: {type: list, fields: {no: text}}
"""

DOCUMENT = {
    "patient": {"id": "P1", "sex": "male"},
    "fee": 1200,
    "channel": "wechat",
    "items": [{"code": "A"}, {"code": "B", "quantity": 2}],
}


def shape(text=BOOKING, problems=None):
    """A shape from its text."""
    mine = Problems() if problems is None else problems
    node = parse(text, "shape.yaml", mine)
    model = validate(ShapeText, node, mine)
    made = document(model, node, mine) if model is not None else None
    assert problems is not None or not mine, said(mine)
    return made


def table(text, name="sex", problems=None):
    mine = Problems() if problems is None else problems
    return tables.read(name, parse(text, "tables.yaml", mine), mine)


def setup(ours=False, **texts):
    return Setup(ZONE, {name: table(text, name) for name, text in texts.items()}, ours)


def said(problems):
    """Findings as lines."""
    return [str(problem) for problem in problems]


def out(text, takes=BOOKING, wire=None, problems=None, made=None):
    """A map from our shape to a wire format."""
    mine = Problems() if problems is None else problems
    reader = ShapeReader(shape(takes) if takes else None)
    made = compile_map("test", parse(text, "map.yaml", mine), reader, WireWriter(wire or Json()), made or setup(), mine)
    assert problems is not None or not mine, said(mine)
    return made


def read(text, gives=BOOKING, wire=None, problems=None, made=None):
    """A map from a wire format to our shape."""
    mine = Problems() if problems is None else problems
    writer = ShapeWriter(shape(gives), ZONE)
    node = parse(text, "map.yaml", mine)
    made = compile_map("test", node, WireReader(wire or Json()), writer, made or setup(ours=True), mine)
    assert problems is not None or not mine, said(mine)
    return made


def library(texts, problems=None, adapters=None, seal_factory=None):
    """A library of texts in memory, with the real adapters."""
    import adapters as installed

    mine = Problems() if problems is None else problems
    found = {name: installed.load(name) for name in installed.NAMES} if adapters is None else adapters
    made = load_texts({name: text.encode() for name, text in texts.items()}, found, mine, ZONE, seal_factory)
    assert problems is not None or not mine, said(mine)
    return made


def refusal_of(run, *arguments):
    """What it gave, and the BusError that it refused with, where it did."""
    try:
        return run(*arguments), None
    except BusError as error:
        return None, error
