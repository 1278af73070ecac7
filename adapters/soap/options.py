"""What a profile may say about SOAP: how a system is called, and what the bus serves to it."""

import re
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from engine.contract import Options

_NAME = re.compile(r"[^\W\d][\w.-]*\Z")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z", re.ASCII)


class FromLogin(Options):
    """A value that stands in the system's `login`, and so in no text and no log."""

    login: Literal["user", "password"]
    """Which half of the login."""


class ServedOperation(Options):
    """One operation that the bus serves: one string in, one string out."""

    argument: str = "input"
    """The parameter that holds the message."""
    result: str | None = None
    """The element that holds the answer; else the operation's name and `Result`."""


class ServiceOptions(Options):
    """The service that the bus serves at the system's `listen`, with its WSDL at `?wsdl`."""

    path: str = "/"
    """Where it is served."""
    name: str = "HisBus"
    """The name of the service in its WSDL."""
    namespace: str = "http://tempuri.org/"
    """The namespace of its operations."""
    qualified: bool = True
    """Whether parameters and results stand in that namespace in its WSDL and its answers. Callers may do either."""
    operations: Mapping[str, ServedOperation] = Field(min_length=1)
    """The operations that it serves, by name."""

    @field_validator("path")
    @classmethod
    def _path(cls, path: str) -> str:
        if not path.startswith("/") or set("?#{}") & set(path):
            raise ValueError("a path starts with / and has no ?, # or braces")
        return path


class ProfileOptions(Options):
    """The block `soap:` of a profile."""

    wsdl: str | None = None
    """The system's WSDL: a file beside the profile, with what it imports beside it. Read when a release is made, never
    from the network. Without one, `namespace` and the names below are the profile's to say."""
    service: str | None = None
    """Which service of the WSDL, where it has several; else the first."""
    port: str | None = None
    """Which port of it; else the first that speaks `version`."""
    version: Literal["1.1", "1.2"] = "1.1"
    """The version of SOAP."""
    namespace: str | None = None
    """Without a WSDL: the namespace of the operations."""
    qualified: bool = True
    """Without a WSDL: whether parameters stand in that namespace too (.asmx and Caché: yes; CXF: no)."""
    action: str = ""
    """Without a WSDL: the SOAPAction, with `{operation}` for the operation's name."""
    operation: str | None = None
    """The one method behind which all trades stand (`CommonMethod`); else each operation names its own."""
    argument: str | None = None
    """The parameter that holds the message; else the first text parameter that `parameters` does not fill."""
    result: str | None = None
    """The element that holds the answer; else the first text element of it, without a WSDL the first of all."""
    parameters: Mapping[str, str] = {}
    """Parameters beside the message, each with its constant text."""
    cdata: bool = False
    """True: the message is written as CDATA; false: with its marks escaped. Answers are read in both ways."""
    query: Mapping[str, str | FromLogin] = {}
    """What the URL carries as its query (`CacheUserName: {login: user}`). It is never logged."""
    faults: Mapping[str, str] = {}
    """What a SOAP fault means: its code without prefix (`Client`), or words that its text holds (`LICENSE LIMIT`), to
    `unavailable` (nothing was done, sent again), `in_doubt`, or a word of ours for a refusal. Words come before codes,
    and are looked for in a page that comes in place of an answer, too. Else: Client and Sender are `rejected`, every
    other fault leaves it in doubt."""
    unread: tuple[int, ...] = (429,)
    """HTTP statuses by which this system says that it did nothing: sent again later."""
    serve: ServiceOptions | None = None
    """The service that the bus serves to this system."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.wsdl is not None and (self.namespace is not None or self.action):
            raise ValueError("a WSDL says namespace and action itself: leave them out, or leave out wsdl")
        return self

    @field_validator("faults")
    @classmethod
    def _faults(cls, faults: Mapping[str, str]) -> Mapping[str, str]:
        for word in faults.values():
            if not _WORD.match(word):
                raise ValueError(f"{word!r} is no outcome and no word of ours")
        return faults


class OperationOptions(Options):
    """How one outgoing operation is called: what it says goes before what the profile says."""

    operation: str | None = None
    """The method of the service."""
    argument: str | None = None
    """The parameter that holds the message."""
    result: str | None = None
    """The element that holds the answer."""
    parameters: Mapping[str, str] = {}
    """Parameters beside the message, laid over the profile's."""

    @field_validator("operation", "argument", "result")
    @classmethod
    def _named(cls, name: str | None) -> str | None:
        if name is not None and not _NAME.match(name):
            raise ValueError(f"{name!r} is no name of an element")
        return name
