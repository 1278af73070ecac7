"""What a profile may say about HTTP."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import field_validator

from engine.contract import Options

NAMES = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


class ProfileOptions(Options):
    """The block `http:` of a profile."""

    basic: bool = False
    """The system's `login` goes along as Basic authentication (RFC 7617); otherwise it only signs."""
    headers: Mapping[str, str] = {}
    """Headers that every call of this system wants beside content type and signature."""


class OperationOptions(Options):
    """How one outgoing operation is called."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    """The method of the request."""
    path: str = "/"
    """Below the path of the system's url; `{name}` stands for a value of the call's address, percent-encoded."""
    query: tuple[str, ...] = ()
    """Names of values of the call's address that go into the query, in this order, where they are given."""
    content_type: str = "application/json"
    """What the body is."""
    answers: tuple[int, ...] = ()
    """Statuses beside 2xx whose reply the profile's `meaning` reads."""
    unread: tuple[int, ...] = (429,)
    """Statuses by which this system says that it did nothing: sent again later."""

    @field_validator("path")
    @classmethod
    def _path(cls, path: str) -> str:
        if not path.startswith("/") or "?" in path or "#" in path:
            raise ValueError("a path starts with / and has no ? and no #; values for the query go under `query`")
        for name in NAMES.findall(path):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{{{name}}} is no name of a value")
        if set("{}") & set(NAMES.sub("", path)):
            raise ValueError("a brace stands alone; a value is written {name}")
        return path
