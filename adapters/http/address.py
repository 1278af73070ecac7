"""The address of a call as it goes over the wire: made once, signed and sent alike."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from adapters.http.options import NAMES, OperationOptions


def address(options: Any, fields: Mapping[str, str], url: str | None = None) -> tuple[str, str]:
    """(method, path with query), every value percent-encoded (RFC 3986: all but the unreserved characters).

    Raises KeyError with the name of a value that the path needs and `fields` has not.
    """
    assert isinstance(options, OperationOptions)
    base = urlsplit(url).path.rstrip("/") if url else ""
    path = base + NAMES.sub(lambda name: quote(fields[name[1]], safe=""), options.path)
    pairs = "&".join(
        f"{quote(name, safe='')}={quote(fields[name], safe='')}" for name in options.query if name in fields
    )
    return options.method, f"{path}?{pairs}" if pairs else path
