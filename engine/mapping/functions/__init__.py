"""The closed list of mapping functions. Adding one: a documented maker with an example, in its module."""

from engine.mapping.functions import codes, dates, documents, embed, horolog, ids, masks, money, names, texts
from engine.mapping.functions.kind import FUNCTIONS, UNFIT, Apply, Example, Function, Setup, Unfit, WordError

__all__ = [
    "FUNCTIONS",
    "UNFIT",
    "Apply",
    "Example",
    "Function",
    "Setup",
    "Unfit",
    "WordError",
    "codes",
    "dates",
    "documents",
    "embed",
    "horolog",
    "ids",
    "masks",
    "money",
    "names",
    "texts",
]
