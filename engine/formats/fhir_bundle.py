"""A transaction Bundle of plain dicts: every resource is found again by its identifier, wherever it is sent.

FHIR R4, http.html#transaction and #cond-update: an entry is `PUT Type?identifier=system|value`, or a `POST`
with `ifNoneExist` where what the server has is to stay. Sent twice it makes nothing twice.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

from engine.base.errors import BusError, Code
from engine.formats.fhir_paths import is_resource

Resource: TypeAlias = dict[str, Any]
Links: TypeAlias = Mapping[str, Sequence[str]]
"""The `fullUrl`s of the Bundle's resources, by type."""

WRITE = "@write"
"""A resource's key that says how it is written: `update` (also where it is left out) or `create`."""
_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\|,$"})


def resources(tree: Mapping[str, Any]) -> Iterator[tuple[str, Resource]]:
    """(type, what was filled) in the order of the map."""
    for kind, filled in tree.items():
        if kind != "Bundle":
            for each in filled if isinstance(filled, list) else (filled,):
                yield kind, each


def resource(kind: str, filled: Resource, links: Links) -> Resource:
    """A resource as it goes over the wire; references that name a type of the Bundle lead to its resources."""
    plain = {key: value for key, value in filled.items() if key != WRITE}
    return {"resourceType": kind, **_linked(plain, links)}


def transaction(tree: Mapping[str, Any]) -> Resource:
    """The Bundle. Raises BusError for a resource that could not be found again, and for two that are the same."""
    found = [(kind, filled, _query(kind, filled)) for kind, filled in resources(tree)]
    links: dict[str, list[str]] = {}
    seen: set[str] = set()
    for kind, _, query in found:
        url = f"{kind}?{query}"
        if url in seen:
            raise BusError(Code.VALIDATION_FAILED, f"two resources {kind} have one identifier")
        seen.add(url)
        links.setdefault(kind, []).append(_full_url(url))
    turns = {kind: iter(urls) for kind, urls in links.items()}
    entries = [
        {
            "fullUrl": next(turns[kind]),
            "resource": resource(kind, filled, links),
            "request": _request(kind, query, filled.get(WRITE, "update")),
        }
        for kind, filled, query in found
    ]
    return {"resourceType": "Bundle", **tree["Bundle"], "entry": entries}


def _request(kind: str, query: str, write: str) -> dict[str, str]:
    if write == "create":
        return {"method": "POST", "url": kind, "ifNoneExist": query}
    if write == "update":
        return {"method": "PUT", "url": f"{kind}?{query}"}
    raise BusError(Code.VALIDATION_FAILED, f"{kind}.{WRITE} is update or create")


def _query(kind: str, filled: Resource) -> str:
    """The search that finds a resource by its first identifier, percent-encoded."""
    identifiers = filled.get("identifier") or [{}]
    first = identifiers[0] if isinstance(identifiers, list) else identifiers
    if not first.get("system") or not first.get("value"):
        raise BusError(Code.VALIDATION_FAILED, f"{kind} has no identifier with system and value")
    token = "|".join(str(first[part]).translate(_SPECIAL) for part in ("system", "value"))
    return f"identifier={quote(token, safe=':/')}"


def _full_url(url: str) -> str:
    """The same for the same resource, so that two makings of one Bundle are equal: a UUID of version 8 (RFC 9562)."""
    name = hashlib.sha256(url.encode()).hexdigest()
    return f"urn:uuid:{name[:8]}-{name[8:12]}-8{name[13:16]}-8{name[17:20]}-{name[20:32]}"


def _linked(filled: Resource, links: Links) -> Resource:
    """With references by type resolved; what leads nowhere is left out."""
    found = {key: _value(value, links) for key, value in filled.items()}
    return {key: value for key, value in found.items() if value not in ({}, [])}


def _value(value: Any, links: Links) -> Any:
    if isinstance(value, list):
        return [each for entry in value for each in (_followed(entry, links))]
    if isinstance(value, dict):
        followed = _followed(value, links)
        if len(followed) > 1:
            raise BusError(Code.VALIDATION_FAILED, f"several resources {value['reference']}, and one reference")
        return followed[0] if followed else {}
    return value


def _followed(value: Any, links: Links) -> list[Any]:
    """A reference by type as one for each resource of that type; everything else as it is."""
    if not isinstance(value, dict):
        return [_value(value, links)]
    name = value.get("reference")
    if not isinstance(name, str) or not name.isalpha():
        return [_linked(value, links)]
    if not is_resource(name):
        raise BusError(Code.VALIDATION_FAILED, "a reference names no resource of FHIR R4")
    return [{**value, "reference": url} for url in links.get(name, ())]
