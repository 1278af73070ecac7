"""A transaction Bundle of plain dicts: every resource is found again by its identifier, wherever it is sent.

FHIR R4, http.html#transaction and #cond-update: an entry is `PUT Type?identifier=system|value`, or a `POST`
with `ifNoneExist` where what the server has is to stay. Sent twice it makes nothing twice.

A map may hold several groups of one type, `Practitioner@orderer` beside `Practitioner@reader`; a reference to a
group's name leads to what stands in it.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

from engine.base.errors import BusError, Code
from engine.formats.fhir_paths import is_resource

Resource: TypeAlias = dict[str, Any]
Links: TypeAlias = Mapping[str, Sequence[str]]
"""The `fullUrl`s of the Bundle's resources, by type or group."""

WRITE = "@write"
"""A resource's key that says how it is written: `update` (also where it is left out) or `create`."""
_GROUP = re.compile(r"([A-Za-z]+)(?:@\w+)?\Z", re.ASCII)
"""What a reference to resources of this Bundle looks like: a type, or one of its groups."""
_PLAIN = re.compile(r"[\w.~:/-]+\Z", re.ASCII)
"""What stands in a query as it is (RFC 3986)."""
_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\|,$"})


def resources(tree: Mapping[str, Any]) -> Iterator[tuple[str, Resource]]:
    """(type or group, what was filled) in the order of the map."""
    for group, filled in tree.items():
        if group != "Bundle":
            for each in filled if isinstance(filled, list) else (filled,):
                yield group, each


def resource(group: str, filled: Resource, links: Links) -> Resource:
    """A resource as it goes over the wire; references that name a type or group of the Bundle lead to its resources."""
    plain = {key: value for key, value in filled.items() if key != WRITE}
    return {"resourceType": kind_of(group), **_linked(plain, links)}


def kind_of(group: str) -> str:
    """The type of a group's resources."""
    return group.partition("@")[0]


def transaction(tree: Mapping[str, Any]) -> Resource:
    """The Bundle. What is only created where it is not there may be named twice: the first stands. Raises BusError for
    a resource that could not be found again, and for two that would be written to one place.
    """
    links: dict[str, list[str]] = {}
    written: dict[str, tuple[str, Resource, str]] = {}
    for group, filled in resources(tree):
        kind, query = kind_of(group), _query(kind_of(group), filled)
        url = _full_url(f"{kind}?{query}")
        links.setdefault(group, []).append(url)
        if url in written and filled.get(WRITE) != "create":
            raise BusError(Code.VALIDATION_FAILED, f"two resources {kind} have one identifier")
        written.setdefault(url, (group, filled, query))
    entries = [
        {
            "fullUrl": url,
            "resource": resource(group, filled, links),
            "request": _request(kind_of(group), query, filled.get(WRITE, "update")),
        }
        for url, (group, filled, query) in written.items()
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
    return f"identifier={_quoted(str(first['system']))}%7C{_quoted(str(first['value']))}"


def _quoted(text: str) -> str:
    """One side of a token, percent-encoded; most are plain, and that is a tenth of the work."""
    return text if _PLAIN.match(text) else quote(text.translate(_SPECIAL), safe=":/")


def _full_url(url: str) -> str:
    """The same for the same resource, so that two makings of one Bundle are equal: a UUID of version 8 (RFC 9562)."""
    name = hashlib.sha256(url.encode()).hexdigest()
    return f"urn:uuid:{name[:8]}-{name[8:12]}-8{name[13:16]}-8{name[17:20]}-{name[20:32]}"


def _linked(filled: Resource, links: Links) -> Resource:
    """With references by type resolved; what leads nowhere is left out. Never changes what it is given: only the way
    down to a reference is copied, as what a map took over whole may be part of our document.
    """
    found = filled
    for key, value in filled.items():
        if isinstance(value, dict):
            followed: Any = _one(value, links)
        elif isinstance(value, list):
            followed = _several(value, links)
        else:
            continue
        if followed is not value or not followed:
            found = dict(filled) if found is filled else found
            if followed:
                found[key] = followed
            else:
                del found[key]
    return found


def _one(value: Resource, links: Links) -> Resource:
    if "reference" not in value or (led := _led(value, links)) is None:
        return _linked(value, links)
    if len(led) > 1:
        raise BusError(Code.VALIDATION_FAILED, f"several resources {value['reference']}, and one reference")
    return led[0] if led else {}


def _several(value: list[Any], links: Links) -> list[Any]:
    entries: list[Any] = []
    for each in value:
        if isinstance(each, dict):
            led = _led(each, links) if "reference" in each else None
            entries += (_linked(each, links),) if led is None else led
        else:
            entries.append(_several(each, links) if isinstance(each, list) else each)
    return entries


def _led(value: Resource, links: Links) -> Sequence[Resource] | None:
    """A reference by type or group as one for each resource of it; None: it leads elsewhere, or is none."""
    name = value["reference"]
    if not isinstance(name, str):
        return None
    if urls := links.get(name):
        return [{**value, "reference": url} for url in urls]
    group = _GROUP.match(name)
    if group is None:
        return None
    if not is_resource(group[1]):
        raise BusError(Code.VALIDATION_FAILED, "a reference names no resource of FHIR R4")
    rest = {key: other for key, other in value.items() if key != "reference"}
    return (rest,) if rest else ()
