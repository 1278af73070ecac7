"""FHIR R4 as JSON: places are checked by type when texts are loaded, several resources become a transaction.

Reading is JSON's: `entry(0).response.status`, `issue(0).code`. A place to build begins with its resource:
`Patient.name(0).text`; docs/fhir.md has the grammar.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from engine.base.errors import BusError, Code
from engine.base.where import did_you_mean
from engine.formats import dotted, fhir_bundle, fhir_paths
from engine.formats.format import PathError, Target
from engine.formats.json import Json, dump

_OF_BUNDLES = ("type", "timestamp", "identifier", "meta")


class Fhir(Json):
    """The format `fhir`. It has no options: the block `fhir:` of a profile is the adapter's."""

    name = "fhir"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - formats are made alike
        super().__init__()

    def target(self, path: str, within: str = "") -> Target:
        above = dotted.keys(within) if within else ()
        keys = (*above, *dotted.keys(path))
        kind, below = fhir_bundle.kind_of(str(keys[0])), keys[1:]
        inside = max(len(above) - 1, 0)
        if not fhir_paths.is_resource(kind):
            raise PathError(f"{kind!r} is no resource of FHIR R4", "a place begins with its resource: Patient.gender")
        if kind == "Bundle" and (not below or below[0] not in _OF_BUNDLES):
            raise PathError(f"{path!r} is made by itself", f"of a Bundle write {', '.join(_OF_BUNDLES)}")
        if below and isinstance(below[0], int):
            below, inside = below[1:], inside - 1
        if below and str(below[0]).startswith("@"):
            if below != (fhir_bundle.WRITE,):
                hint = did_you_mean(str(below[0]), (fhir_bundle.WRITE,))
                raise PathError(f"{below[0]!r} says nothing of a resource", hint)
        else:
            fhir_paths.check(kind, below, inside)
        return Target(keys[len(above) :], lists=True)

    def render(self, tree: Any) -> bytes:
        if "Bundle" in tree:
            return dump(fhir_bundle.transaction(tree))
        found = list(fhir_bundle.resources(tree))
        if len(found) != 1:
            raise BusError(Code.VALIDATION_FAILED, "several resources, or none, go in a Bundle")
        return dump(fhir_bundle.resource(*found[0], links={}))

    def validate(self, body: bytes) -> None:
        """By fhir.resources' models, some 12 ms for a report. Raises BusError with the first place that is wrong."""
        try:
            get_fhir_model_class(orjson.loads(body)["resourceType"]).model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            spot = ".".join(str(each) for each in first["loc"])
        else:
            return
        raise BusError(Code.VALIDATION_FAILED, "not valid FHIR R4", spot=spot)
