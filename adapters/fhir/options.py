"""What a profile may say about a FHIR server."""

from collections.abc import Mapping
from typing import Literal

from adapters.http.options import OperationOptions as HttpOperation
from engine.contract import Options


class ProfileOptions(Options):
    """The block `fhir:` of a profile."""

    bearer: bool = False
    """The password of the system's `login` goes along as a Bearer token (RFC 6750)."""
    headers: Mapping[str, str] = {}
    """Headers that every call of this server wants beside its own."""


class OperationOptions(HttpOperation):
    """One interaction (FHIR R4, http.html); without any option a transaction is posted to the server's address."""

    path: str = "/"
    """Below the server's address: `/Patient/{id}`; `/` is the address itself."""
    query: tuple[str, ...] = ()
    """Names of values of the call's address that go into the query, in this order. In what changes something each must
    be there (a conditional update without its condition would be another one); a search leaves out what is not.
    """
    content_type: str = "application/fhir+json"
    """What the body is."""
    prefer: Literal["minimal", "representation", "OperationOutcome"] = "minimal"
    """What the server is asked to answer with (`Prefer: return=`)."""
    if_none_exist: tuple[str, ...] = ()
    """Conditional create: names of values of the call's address that make up the search of `If-None-Exist`."""
    if_match: str | None = None
    """The value of the call's address that is the version to be replaced (`meta.versionId`): `If-Match: W/"…"`."""
