"""A transaction: all or nothing, conditions looked at first, then references, then writing (R4 http.html#trules)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.fhir.shelf import Kept, Shelf, checked
from sandbox.fhir.words import No

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Entry:
    """One entry: what is to be written, and what stands there already."""

    kind: str
    content: dict[str, Any]
    full_url: str
    there: Kept | None
    condition: str = ""
    stays: bool = False
    """A conditional create of what is there: nothing is written."""
    number: str = ""


def entries(bundle: dict[str, Any], shelf: Shelf) -> list[Entry]:
    """The entries with their conditions decided; whatever is wrong with one refuses all."""
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "transaction":
        raise No(400, "invalid", "only a Bundle of type transaction is taken here")
    given = bundle.get("entry")
    if not isinstance(given, list) or not given:
        raise No(400, "required", "the transaction has no entry", "Bundle.entry")
    found = [_entry(one, f"Bundle.entry[{at}]", shelf) for at, one in enumerate(given)]
    urls = [one.full_url for one in found if one.full_url]
    if len(set(urls)) != len(urls):
        raise No(400, "invalid", "two entries have one fullUrl", "Bundle.entry.fullUrl")
    written = [(one.kind, one.there.id) for one in found if one.there is not None]
    if len(set(written)) != len(written):
        raise No(400, "duplicate", "two entries are for one resource")
    conditions = [(one.kind, one.condition) for one in found if one.condition]
    if len(set(conditions)) != len(conditions):
        raise No(400, "duplicate", "two entries have one condition")
    return found


def write(found: list[Entry], shelf: Shelf, number: Callable[[], str], call: int, at: str) -> list[Kept]:
    """Writes them with their references resolved. Inside the store's `together`."""
    for one in found:
        one.number = one.there.id if one.there else number()
    places = {one.full_url: f"{one.kind}/{one.number}" for one in found if one.full_url}
    new = set(places.values())
    made = []
    for one in found:
        content = resolved(one.content, places, new, shelf)
        if one.stays and one.there is not None:
            made.append(one.there)
        else:
            made.append(shelf.keep(one.kind, one.number, content, call, at))
    return made


def resolved(value: Any, places: dict[str, str], new: set[str], shelf: Shelf) -> Any:
    """The same with every reference leading to a resource that is there."""
    if isinstance(value, list):
        return [resolved(one, places, new, shelf) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: resolved(one, places, new, shelf) for name, one in value.items()}
    if isinstance(found.get("reference"), str):
        found["reference"] = _reference(found["reference"], places, new, shelf)
    return found


def _reference(text: str, places: dict[str, str], new: set[str], shelf: Shelf) -> str:
    if text.startswith("urn:"):
        if text not in places:
            raise No(400, "not-found", "a reference leads to no entry of the Bundle")
        return places[text]
    kind, mark, query = text.partition("?")
    if mark:
        there = shelf.only(kind, query)
        if there is None:
            raise No(404, "not-found", f"a conditional reference finds no {kind}")
        return f"{kind}/{there.id}"
    kind, _, number = text.partition("/")
    if text not in new and shelf.newest(kind, number) is None:
        raise No(400, "not-found", f"a reference leads to no {kind} of this server")
    return text


def _entry(given: Any, spot: str, shelf: Shelf) -> Entry:
    request = given.get("request") if isinstance(given, dict) else None
    if not isinstance(request, dict):
        raise No(400, "required", "an entry has no request", f"{spot}.request")
    method, url = request.get("method"), str(request.get("url", ""))
    path, mark, query = url.partition("?")
    kind, _, number = path.partition("/")
    content, full_url = checked(given.get("resource"), kind), str(given.get("fullUrl", ""))
    if method == "POST" and not number and not mark:
        condition = str(request.get("ifNoneExist", ""))
        there = shelf.only(kind, condition) if condition else None
        return Entry(kind, content, full_url, there, condition, stays=there is not None)
    if method == "PUT" and bool(number) != bool(mark):
        there = shelf.newest(kind, number) if number else shelf.only(kind, query)
        if number and there is None:
            raise No(405, "not-supported", "ids are given by this server", f"{spot}.request")
        return Entry(kind, content, full_url, there, query)
    raise No(400, "not-supported", "an entry is POST Type, PUT Type/id or PUT Type?identifier=", f"{spot}.request")
