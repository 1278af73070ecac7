"""A system's WSDL as zeep reads it, when a release is made: offline, strict, without document types.

What calls need of it (an envelope each) is taken out once; at run time there is no zeep.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from lxml import etree

from adapters.soap.envelope import MESSAGE
from adapters.soap.markup import NotMarkup
from adapters.soap.markup import read as parsed

_LARGEST = 4 * 1024 * 1024
_ROOT = "file:///"
_BESIDE = "put that file beside the profile, and let the import name it there"


class Unreadable(Exception):
    """A WSDL, or a file that it imports, cannot be used: why, and what to do."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class _Files:
    """Gives zeep the files of a release, and nothing of any network."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def load(self, url: str) -> bytes:
        name = posixpath.normpath(unquote(urlsplit(url).path)).lstrip("/")
        content = self._files.get(name)
        if content is None or not url.startswith(_ROOT):
            raise Unreadable(f"{url.removeprefix(_ROOT)!r} is not beside the profile", _BESIDE)
        if len(content) > _LARGEST:
            raise Unreadable(f"{name!r} has more than 4 MiB")
        try:
            parsed(content)
        except NotMarkup as error:
            why = error.why
        else:
            return content
        raise Unreadable(f"{name!r} cannot be read: {why}")


@dataclass(frozen=True, slots=True)
class Part:
    """A parameter, or an element of an answer."""

    name: str
    element: str
    """What it is called on the wire: parts of some messages have a name beside it."""
    is_text: bool
    """One string, neither a list nor a number."""
    is_needed: bool


class Method:
    """One operation of a port."""

    def __init__(self, operation: Any) -> None:
        self._operation = operation
        self.name: str = operation.name
        self.action: str = operation.soapaction or ""
        self.parameters = _parts(operation.input)
        self.results = _parts(operation.output)

    def request(self, values: Mapping[str, str]) -> bytes:
        """A whole request, as zeep writes it. Raises Unreadable where the schema does not take these values."""
        try:
            if _is_bare(self._operation.input):
                made = self._operation.create(*values.values())
            else:
                made = self._operation.create(**values)
        except Exception as error:  # noqa: BLE001 - as in `read`: a schema can lead zeep anywhere
            raise Unreadable(f"{self.name!r} cannot be called like this: {error}"[:300]) from None
        written: bytes = etree.tostring(made.content, encoding="utf-8", xml_declaration=True)
        if written.count(MESSAGE.encode()) != 1:
            raise Unreadable(f"{self.name!r} cannot carry a message as one string")
        return written


Services: TypeAlias = dict[str, dict[str, tuple[str, dict[str, Method]]]]
"""Service to port to the version of SOAP that it speaks and its operations; other ports are left out."""


def read(name: str, files: Mapping[str, bytes]) -> Services:
    """The services of a WSDL in a file of the release. Raises Unreadable."""
    from zeep import Settings
    from zeep.exceptions import Error, ExternalReferenceForbidden
    from zeep.wsdl import Document
    from zeep.wsdl.bindings import Soap11Binding, Soap12Binding

    settings = Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True, force_https=False)
    transport: Any = _Files(files)
    try:
        document = Document(_ROOT + name, transport, settings=settings)
        versions = {Soap11Binding: "1.1", Soap12Binding: "1.2"}
        return {
            service.name: {
                port.name: (versions[type(port.binding)], _methods(port.binding))
                for port in service.ports.values()
                if type(port.binding) in versions
            }
            for service in document.services.values()
        }
    except Unreadable:
        raise
    except ExternalReferenceForbidden as error:
        raise Unreadable(f"the WSDL imports {error.url!r} from the network", _BESIDE) from None
    except Error as error:
        why = f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - what zeep does not expect in a WSDL ends in any kind of exception
        why = f"zeep stumbles over it ({type(error).__name__})"
    raise Unreadable(f"this WSDL cannot be read: {why}"[:300])


def _methods(binding: Any) -> dict[str, Method]:
    return {name: Method(operation) for name, operation in binding.all().items()}


def _parts(message: Any) -> tuple[Part, ...]:
    """The parameters of a message: the children of its one element, or that element itself where it is a string."""
    body = message.body if message is not None else None
    if body is None:
        return ()
    if _is_bare(message):
        return (Part(body.name, body.name, is_text=True, is_needed=True),)
    from zeep.xsd import Element

    inner = getattr(body.type, "elements", ())
    return tuple(
        Part(
            name, str(element.name), _is_text(element), not (element.is_optional or element.nillable or element.default)
        )
        for name, element in inner
        if isinstance(element, Element)
    )


def _is_bare(message: Any) -> bool:
    return message.body is not None and _is_text(message.body)


def _is_text(element: Any) -> bool:
    from zeep.xsd import String

    return isinstance(element.type, String) and not element.accepts_multiple
