"""The formats by name, each loaded when a profile first names it: a site without XML needs no lxml."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from engine.base.where import did_you_mean
from engine.formats.format import Format

NAMES = {
    "fhir": "engine.formats.fhir:Fhir",
    "hl7": "engine.formats.hl7:Hl7",
    "json": "engine.formats.json:Json",
    "xml": "engine.formats.xml:Xml",
    "delimited": "engine.formats.delimited:Delimited",
    "row": "engine.formats.row:Rows",
}
"""Format name to `module:class`. The class is made with the profile's options for it."""


class UnknownFormat(Exception):
    """A name that no format has; `hint` names the nearest."""

    def __init__(self, name: str) -> None:
        super().__init__(f"format {name!r} is not known")
        self.hint = did_you_mean(name, NAMES)


def make(name: str, options: Mapping[str, Any] | None = None) -> Format:
    """The format with a profile's options.

    Raises UnknownFormat, or pydantic's ValidationError for options that the format does not have.
    """
    if name not in NAMES:
        raise UnknownFormat(name)
    module, _, kind = NAMES[name].partition(":")
    made: Format = getattr(import_module(module), kind)(options or {})
    return made
