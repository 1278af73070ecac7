"""Where an interaction goes, and under which condition."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from adapters.fhir.options import OperationOptions
from adapters.http.address import address as http_address


def address(options: Any, fields: Mapping[str, str], url: str | None = None) -> tuple[str, str]:
    """(method, path with query). Raises KeyError with the name of a value that is needed and not there."""
    assert isinstance(options, OperationOptions)
    for name in _needed(options):
        fields[name]
    method, path = http_address(options, fields, url)
    whole, mark, query = path.partition("?")
    return method, (whole.rstrip("/") or "/") + mark + query


def conditions(options: OperationOptions, fields: Mapping[str, str]) -> dict[str, str]:
    """The headers that make an interaction conditional. Raises KeyError as `address` does."""
    headers = {}
    if options.if_none_exist:
        pairs = (f"{quote(name, safe='')}={quote(fields[name], safe='')}" for name in options.if_none_exist)
        headers["If-None-Exist"] = "&".join(pairs)
    if options.if_match is not None:
        headers["If-Match"] = f'W/"{fields[options.if_match]}"'
    return headers


def _needed(options: OperationOptions) -> tuple[str, ...]:
    searched = () if options.method == "GET" else options.query
    return (*searched, *options.if_none_exist, *(() if options.if_match is None else (options.if_match,)))
